import { compare, del, get, put, txn } from "@raftkv/client";
import type { Client, Operation, OperationResult, Txn } from "@raftkv/client";
import type { Random } from "../random.js";
import { outcomeOf } from "./generator.js";
import type { Depth, Generator, Load, Reach } from "./generator.js";

const WRITERS = 12;
/** Of each writer. */
const GROUPS = 4;
/** A group's keys, far apart in the key space. */
const PLACES = ["a", "m", "z"] as const;
const KEYS_AT_A_PLACE = 4;
const GROUPS_CHECKED_AT_ONCE = 16;

/** What a key was made; revisions are null where the answer that told them is missing. */
interface Entry {
  readonly value: string;
  readonly version: number;
  readonly createRevision: number | null;
  readonly modRevision: number | null;
}
/** What is there of a group's keys. */
type Contents = ReadonlyMap<string, Entry>;

interface Group {
  readonly id: string;
  contents: Contents;
  /** What a write whose answer is unknown may have made of it: all of that, or nothing. */
  unsettled: Contents | null;
}

/** A change of several keys at once, and what its answer must say. */
interface Change {
  readonly send: (client: Client) => Promise<{ readonly revision: number } & Told>;
  readonly told: Told;
  /** By key, as they will be; null: deleted. */
  readonly changes: ReadonlyMap<string, string | null>;
}
interface Told {
  readonly succeeded?: boolean;
  readonly deleted?: number;
}

/**
 * Transactions and deletes of ranges, over several keys that belong to one writer, who awaits every answer. A group of keys shows what
 * the last acknowledged change made of it; or, once an answer is unknown, all of what that would have made of it, or nothing.
 */
export class OwnedGroups implements Generator {
  readonly name = "txn";
  acknowledged = 0;
  readonly #groups: readonly (readonly Group[])[];
  #count = 0;

  constructor() {
    this.#groups = Array.from({ length: WRITERS }, (_, writer) =>
      Array.from({ length: GROUPS }, (_each, at) => ({
        id: `${writer}.${at}`,
        contents: new Map<string, Entry>(),
        unsettled: null,
      })),
    );
  }

  async run(load: Load): Promise<void> {
    await Promise.all(this.#groups.map((groups) => this.#write(load, groups, load.random.fork())));
  }

  async check({ client }: Reach, _random: Random, _depth: Depth): Promise<string[]> {
    const wrong: string[] = [];
    const all = this.#groups.flat();
    for (let at = 0; at < all.length; at += GROUPS_CHECKED_AT_ONCE) {
      const found = await Promise.all(
        all.slice(at, at + GROUPS_CHECKED_AT_ONCE).map((group) => this.#settle(client, group)),
      );
      wrong.push(...found.filter((what) => what !== null));
    }
    return wrong;
  }

  async #write(load: Load, groups: readonly Group[], random: Random): Promise<void> {
    while (!load.stopped) {
      const usable = groups.filter(({ unsettled }) => unsettled === null);
      if (usable.length === 0) return;
      const group = random.pick(usable);
      if (random.chance(0.1)) await this.#read(load, group);
      else await this.#change(load, group, this.#nextChange(group, random));
    }
  }

  async #change(load: Load, group: Group, { changes, send, told }: Change): Promise<void> {
    const outcome = await outcomeOf(send(load.client));
    if (outcome.kind === "done") {
      const { revision } = outcome.result;
      this.acknowledged += 1;
      for (const what of ["succeeded", "deleted"] as const) {
        if (told[what] !== undefined && outcome.result[what] !== told[what])
          load.found(`${this.name}: ${group.id} told ${what} ${outcome.result[what]}, not ${told[what]}`);
      }
      group.contents = after(group.contents, changes, revision);
    } else if (outcome.kind === "unknown") group.unsettled = after(group.contents, changes, null);
    else if (outcome.error.code !== "CLOSED" && !outcome.error.retryable)
      load.found(`${this.name}: ${group.id} was refused: ${outcome.error.message}`);
  }

  async #read(load: Load, { contents, id }: Group): Promise<void> {
    const outcome = await outcomeOf(
      load.client
        .txn()
        .then(...reads(id))
        .commit(),
    );
    if (outcome.kind !== "done") return;
    const error = difference(contents, entriesOf(outcome.result.results));
    if (error !== null) load.found(`${this.name}: ${id} shows ${error}`);
  }

  async #settle(client: Client, group: Group): Promise<string | null> {
    const { contents, id, unsettled } = group;
    // A transaction, since it reads all places at one revision.
    const shown = entriesOf(
      (
        await client
          .txn()
          .then(...reads(id))
          .commit()
      ).results,
    );
    const error = difference(contents, shown);
    const other = unsettled === null ? null : difference(unsettled, shown);
    group.contents = shown;
    group.unsettled = null;
    if (error === null || (unsettled !== null && other === null)) return null;
    return `${this.name}: ${id} shows ${error}${other === null ? "" : `; or, had the last change been made, ${other}`}`;
  }

  #nextChange(group: Group, random: Random): Change {
    const chance = random.below(20);
    if (chance < 3) return this.#rangeDelete(group, random);
    if (chance < 4) return this.#placeDelete(group, random);
    const changes = this.#draw(group, random);
    const ops = operations(changes);
    const yes = conditions(group, random, true);
    if (chance < 12) return transaction((t) => t.if(...yes).then(...ops), true, changes);
    const no = [...yes, ...conditions(group, random, false)];
    if (chance < 15) {
      const never = this.#draw(group, random);
      return transaction(
        (t) =>
          t
            .if(...no)
            .then(...operations(never))
            .else(...ops),
        false,
        changes,
      );
    }
    if (chance < 18) return this.#withRange(group, random);
    const inner = txn()
      .if(...no)
      .then(...operations(this.#draw(group, random)))
      .else(...ops);
    return transaction((t) => t.if(...yes).then(get(keyAt(group.id, "a", 0)), inner), true, changes);
  }

  /** Some keys of a group, with what they are to be. */
  #draw({ id }: Group, random: Random): Map<string, string | null> {
    const changes = new Map<string, string | null>();
    this.#count += 1;
    for (let left = random.between(1, 8); left > 0; left -= 1) {
      const key = keyAt(id, random.pick(PLACES), random.below(KEYS_AT_A_PLACE));
      const value = `${this.#count}`.padEnd(random.between(1, 100), ".");
      changes.set(key, random.chance(0.25) ? null : value);
    }
    return changes;
  }

  #rangeDelete({ contents, id }: Group, random: Random): Change {
    const place = random.pick(PLACES);
    const from = random.below(KEYS_AT_A_PLACE);
    const to = random.between(from + 1, KEYS_AT_A_PLACE);
    const range = { start: keyAt(id, place, from), end: keyAt(id, place, to) };
    const gone = [...contents.keys()].filter((key) => key >= range.start && key < range.end);
    return {
      send: async (client) => client.delete(range),
      told: { deleted: gone.length },
      changes: new Map(gone.map((key) => [key, null])),
    };
  }

  #placeDelete({ contents, id }: Group, random: Random): Change {
    const prefix = `${random.pick(PLACES)}/txn/${id}/`;
    const gone = [...contents.keys()].filter((key) => key.startsWith(prefix));
    return {
      send: async (client) => client.delete({ prefix }),
      told: { deleted: gone.length },
      changes: new Map(gone.map((key) => [key, null])),
    };
  }

  /** All keys of one place go, and others are put, at one revision. */
  #withRange(group: Group, random: Random): Change {
    const place = random.pick(PLACES);
    const prefix = `${place}/txn/${group.id}/`;
    const changes = this.#draw(group, random);
    for (const key of changes.keys()) if (key.startsWith(prefix)) changes.delete(key);
    const ops = [del({ prefix }), ...operations(changes)];
    for (const key of group.contents.keys()) if (key.startsWith(prefix)) changes.set(key, null);
    return transaction((t) => t.then(...ops), true, changes);
  }
}

function transaction(
  build: (txn: Txn) => Txn,
  succeeded: boolean,
  changes: ReadonlyMap<string, string | null>,
): Change {
  return {
    send: async (client) => {
      const result = await build(client.txn()).commit();
      return { revision: result.revision, succeeded: result.succeeded };
    },
    told: { succeeded },
    changes,
  };
}

function operations(changes: ReadonlyMap<string, string | null>): Operation[] {
  return [...changes].map(([key, value]) => (value === null ? del(key) : put(key, value)));
}

/** Compares of which all hold; or one that does not. */
function conditions({ contents, id }: Group, random: Random, hold: boolean) {
  const key = keyAt(id, random.pick(PLACES), random.below(KEYS_AT_A_PLACE));
  const entry = contents.get(key);
  const { createRevision, lease, modRevision, value, version } = compare(key);
  const kind = random.below(6);
  if (kind === 0 || entry === undefined) {
    const is = entry?.version ?? 0;
    return [hold ? version.equals(is) : version.greaterThan(is)];
  }
  if (kind === 1) return [hold ? value.equals(entry.value) : value.lessThan(entry.value)];
  if (kind === 2 && entry.modRevision !== null)
    return [hold ? modRevision.equals(entry.modRevision) : modRevision.notEquals(entry.modRevision)];
  if (kind === 3 && entry.createRevision !== null)
    return [hold ? createRevision.lessThan(entry.createRevision + 1) : createRevision.equals(0)];
  if (kind === 4) return [hold ? lease.equals(0) : lease.greaterThan(0)];
  // Every key of the place: each was put at least once, and this one not so often.
  const all = compare({ prefix: key.slice(0, -1) }).version;
  return [hold ? all.greaterThan(0) : all.greaterThan(entry.version)];
}

function reads(id: string): Operation[] {
  return PLACES.map((place) => get({ prefix: `${place}/txn/${id}/` }));
}

function keyAt(id: string, place: string, at: number): string {
  return `${place}/txn/${id}/${at}`;
}

function entriesOf(results: readonly OperationResult[]): Map<string, Entry> {
  const found = new Map<string, Entry>();
  for (const result of results) {
    if (result.kind !== "get") continue;
    for (const entry of result.entries) {
      const { createRevision, modRevision, version } = entry;
      found.set(String(entry.key), { value: entry.text(), version, createRevision, modRevision });
    }
  }
  return found;
}

function after(
  contents: Contents,
  changes: ReadonlyMap<string, string | null>,
  revision: number | null,
): Contents {
  const next = new Map(contents);
  for (const [key, value] of changes) {
    const before = contents.get(key);
    if (value === null) next.delete(key);
    else if (before === undefined)
      next.set(key, { value, version: 1, createRevision: revision, modRevision: revision });
    else next.set(key, { ...before, value, version: before.version + 1, modRevision: revision });
  }
  return next;
}

/** Null: it shows what was expected. One revision made all that is new. */
function difference(expected: Contents, shown: ReadonlyMap<string, Entry>): string | null {
  const made = new Set<number | null>();
  for (const key of new Set([...expected.keys(), ...shown.keys()])) {
    const [one, other] = [expected.get(key), shown.get(key)];
    if (one === undefined || other === undefined || !isSame(one, other))
      return `${key} as ${describe(other)}, not ${describe(one)}`;
    if (one.modRevision === null) made.add(other.modRevision);
  }
  return made.size > 1 ? `one change at the revisions ${[...made].join(" and ")}` : null;
}

function isSame(expected: Entry, shown: Entry): boolean {
  return (
    expected.value === shown.value &&
    expected.version === shown.version &&
    (expected.createRevision ?? shown.createRevision) === shown.createRevision &&
    (expected.modRevision ?? shown.modRevision) === shown.modRevision
  );
}

function describe(entry: Entry | undefined): string {
  if (entry === undefined) return "not there";
  const { createRevision, modRevision, value, version } = entry;
  return `"${value.slice(0, 12)}" version ${version}, ${createRevision} to ${modRevision}`;
}
