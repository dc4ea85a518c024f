import type { Random } from "../random.js";
import { outcomeOf } from "./generator.js";
import type { Depth, Generator, Load, Reach } from "./generator.js";

export interface OwnedKeysOptions {
  readonly name: string;
  /** Writers at a time, each with keys of its own. */
  readonly writers: number;
  /** Keys of each writer; null: a new one for every put. */
  readonly keys: number | null;
  readonly valueBytes: readonly [from: number, to: number];
  readonly deletes: number;
  readonly reads: number;
}

/** Null: the key is not there. */
type Value = string | null;

const CHECKS_AT_ONCE = 256;
const OLD_KEYS_CHECKED = 300;

/**
 * Puts, deletes and reads of keys that have one writer each, who awaits every answer. So a key must show what its writer was told
 * last; or, once the answer to a write is unknown, what that would have made of it. Such a key is left alone until it is settled: the
 * write may still be on its way.
 */
export class OwnedKeys implements Generator {
  readonly name: string;
  acknowledged = 0;
  readonly #options: OwnedKeysOptions;
  readonly #values = new Map<string, Value>();
  /** What a write whose answer is unknown may have made of the key. */
  readonly #unsettled = new Map<string, Value>();
  readonly #recent = new Set<string>();
  #count = 0;

  constructor(options: OwnedKeysOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async run(load: Load): Promise<void> {
    const writers = Array.from({ length: this.#options.writers }, (_, writer) =>
      this.#write(load, writer, load.random.fork()),
    );
    await Promise.all(writers);
  }

  async check({ client }: Reach, random: Random, depth: Depth): Promise<string[]> {
    const keys = depth === "all" ? new Set(this.#values.keys()) : this.#someKeys(random);
    for (const key of this.#unsettled.keys()) keys.add(key);
    const wrong: string[] = [];
    const all = [...keys];
    for (let at = 0; at < all.length; at += CHECKS_AT_ONCE) {
      const some = all.slice(at, at + CHECKS_AT_ONCE);
      const found = await Promise.all(some.map((key) => client.get(key)));
      for (const [i, key] of some.entries()) {
        const value = found[i]?.text() ?? null;
        const error = this.#settle(key, value);
        if (error !== null) wrong.push(error);
      }
    }
    this.#recent.clear();
    return wrong;
  }

  async #write(load: Load, writer: number, random: Random): Promise<void> {
    const { deletes, reads } = this.#options;
    while (!load.stopped) {
      const key = this.#pickKey(writer, random);
      if (key === null) return;
      if (random.chance(reads)) await this.#read(load, key);
      else await this.#change(load, key, random.chance(deletes) ? null : this.#newValue(random));
    }
  }

  async #change(load: Load, key: string, value: Value): Promise<void> {
    const { client } = load;
    this.#recent.add(key);
    const outcome = await outcomeOf<unknown>(value === null ? client.delete(key) : client.put(key, value));
    if (outcome.kind === "done") {
      this.#values.set(key, value);
      this.acknowledged += 1;
    } else if (outcome.kind === "unknown") this.#unsettled.set(key, value);
  }

  async #read(load: Load, key: string): Promise<void> {
    const outcome = await outcomeOf(load.client.get(key));
    if (outcome.kind !== "done") return;
    const value = outcome.result?.text() ?? null;
    const expected = this.#values.get(key) ?? null;
    if (value !== expected)
      load.found(`${this.name}: ${key} is ${shown(value)} although it was made ${shown(expected)}`);
  }

  /** Null when the answers for all keys of this writer are unknown. */
  #pickKey(writer: number, random: Random): string | null {
    const { keys, name } = this.#options;
    if (keys === null) return `${name}/${this.#count}`;
    const first = random.below(keys);
    for (let i = 0; i < keys; i += 1) {
      const key = `${name}/${writer}/${(first + i) % keys}`;
      if (!this.#unsettled.has(key)) return key;
    }
    return null;
  }

  /** No two are equal, whatever their length. */
  #newValue(random: Random): string {
    this.#count += 1;
    const [from, to] = this.#options.valueBytes;
    return `${this.#count}:`.padEnd(random.between(from, to), "x");
  }

  #someKeys(random: Random): Set<string> {
    const keys = new Set(this.#recent);
    const all = [...this.#values.keys()];
    for (let i = 0; i < OLD_KEYS_CHECKED && all.length > 0; i += 1) keys.add(random.pick(all));
    return keys;
  }

  #settle(key: string, value: Value): string | null {
    const expected = this.#values.get(key) ?? null;
    const possible = this.#unsettled.get(key);
    this.#unsettled.delete(key);
    this.#values.set(key, value);
    if (value === expected || (possible !== undefined && value === possible)) return null;
    const or = possible === undefined ? "" : `, or ${shown(possible)}`;
    return `${this.name}: ${key} is ${shown(value)}, not ${shown(expected)}${or}`;
  }
}

function shown(value: Value): string {
  if (value === null) return "not there";
  return value.length <= 40 ? `"${value}"` : `"${value.slice(0, 20)}…" of ${value.length} bytes`;
}
