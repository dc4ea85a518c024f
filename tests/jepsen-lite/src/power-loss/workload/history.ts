import type { Client } from "@raftkv/client";
import type { Random } from "../random.js";
import { outcomeOf } from "./generator.js";
import type { Depth, Generator, Load, Reach } from "./generator.js";

const KEYS = 5;
const CHECKED = 100;

/** What a key was made at a revision; null: deleted. */
interface Past {
  readonly key: string;
  readonly revision: number;
  readonly value: string | null;
}

/**
 * Reads of the past, and the compaction that takes it away. What a key was at a revision stays readable until the floor is above that;
 * a floor that was acknowledged stays, and a read below it says COMPACTED (S8).
 */
export class History implements Generator {
  readonly name = "past";
  acknowledged = 0;
  readonly #past: Past[] = [];
  /** The highest floor that was acknowledged, and the highest that was asked for. */
  #floor = 0;
  #floorAsked = 0;
  #count = 0;

  async run(load: Load): Promise<void> {
    const { client, random } = load;
    while (!load.stopped) {
      const chance = random.below(20);
      if (chance === 0) await this.#compact(client, random);
      else if (chance < 4) {
        const wrong = await this.#read(client, random);
        if (wrong !== null) load.found(wrong);
      } else await this.#write(client, random);
    }
  }

  async check({ client }: Reach, random: Random, depth: Depth): Promise<string[]> {
    const some = depth === "all" ? this.#past : this.#past.slice(-CHECKED);
    const all = [
      ...some,
      ...Array.from({ length: Math.min(CHECKED, this.#past.length) }, () => random.pick(this.#past)),
    ];
    const wrong = await Promise.all(all.map((past) => this.#compare(client, past)));
    // What is below the floor says nothing more; a few of them stay to be refused.
    const below = this.#past.filter(({ revision }) => revision < this.#floor).length;
    this.#past.splice(0, Math.max(0, below - CHECKED));
    return wrong.filter((what) => what !== null);
  }

  async #write(client: Client, random: Random): Promise<void> {
    this.#count += 1;
    const key = `${this.name}/${this.#count % KEYS}/${random.below(2)}`;
    const value = random.chance(0.2) ? null : `${this.#count}`.padEnd(random.between(1, 200), ".");
    const outcome = await outcomeOf<{ readonly revision: number; readonly deleted?: number }>(
      value === null ? client.delete(key) : client.put(key, value),
    );
    if (outcome.kind !== "done") return;
    this.acknowledged += 1;
    if (outcome.result.deleted !== 0) this.#past.push({ key, revision: outcome.result.revision, value });
  }

  async #compact(client: Client, random: Random): Promise<void> {
    const last = this.#past.at(-1)?.revision ?? 0;
    if (last <= this.#floorAsked) return;
    const revision = random.between(this.#floorAsked + 1, last);
    this.#floorAsked = revision;
    const outcome = await outcomeOf(client.compact(revision));
    if (outcome.kind !== "done") return;
    this.acknowledged += 1;
    this.#floor = Math.max(this.#floor, revision);
  }

  #read(client: Client, random: Random): Promise<string | null> {
    return this.#past.length === 0 ? Promise.resolve(null) : this.#compare(client, random.pick(this.#past));
  }

  async #compare(client: Client, { key, revision, value }: Past): Promise<string | null> {
    const outcome = await outcomeOf(client.get(key, { revision }));
    if (outcome.kind === "done") {
      const found = outcome.result?.text() ?? null;
      if (revision < this.#floor)
        return `${this.name}: ${key} can be read at ${revision}, below the floor ${this.#floor} (S8)`;
      if (found === value) return null;
      return `${this.name}: ${key} was ${found?.slice(0, 20) ?? "not there"} at ${revision}, not ${value?.slice(0, 20) ?? "deleted"}`;
    }
    const { code, floor, message } = outcome.error;
    if (code === "CLOSED" || code === "TIMEOUT" || code === "UNAVAILABLE") return null;
    if (code === "COMPACTED" && revision < this.#floorAsked && (floor ?? 0) >= this.#floor) return null;
    return `${this.name}: ${key} cannot be read at ${revision}, with a floor of ${this.#floor} at least and ${this.#floorAsked} at most: ${message}`;
  }
}
