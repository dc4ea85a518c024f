import { compareHolds } from "./compare.js";
import type { Command, Compare, Delete, Get, Op, Txn } from "./command.js";
import { isOneKey, rangesIntersect, rangeOfKey } from "./key-range.js";
import type { KeyRange } from "@raftkv/store";
import type { MachineState } from "./machine-state.js";
import type { RangeQuery, RangeResult, Store } from "@raftkv/store";
import { refused } from "./result.js";
import type { Refused } from "./result.js";
import { ENTRY_BYTES, entryBytes } from "./result-codec.js";

/** Keys of a range that a compare looks at between two answers of the store, and bytes of their values. */
const COMPARE_PAGE_KEYS = 1000;
const COMPARE_PAGE_BYTES = 1024 * 1024;

/** What stands in a range. */
export type Found = Omit<RangeResult, "revision">;

/** What was read for an entry before the turn in which it is carried out. */
export interface Loaded {
  /** The branch of each transaction that is on the way through the branches: whether its compares hold. */
  readonly branches: ReadonlyMap<Txn, boolean>;
  /** What stands in the range of an operation on that way, before the entry. */
  readonly ranges: ReadonlyMap<Delete | Get, Found>;
  /** Gets in whose range the transaction writes before them: `ranges` has the keys alone, of all that was there, as of a delete. */
  readonly stale: ReadonlySet<Get>;
  /** Keys attached to the leases that end, in the order in which those end. */
  readonly leases: ReadonlyMap<number, readonly { readonly key: Uint8Array }[]>;
  /** There was too much to look at; nothing more was read then. */
  readonly refusal: Refused | null;
}

export const NOTHING_FOUND: Found = { entries: [], more: false, count: 0 };

/** Whether a command reads more than single keys, which takes more than one turn. `logTimeMs` as it will be. */
export function mustLoad(command: Command, state: MachineState, logTimeMs: number): boolean {
  switch (command.kind) {
    case "delete":
      return !isOneKey(command.range);
    case "txn":
      return hasRange(command);
    case "leaseRevoke":
      return state.leases.has(command.lease);
    case "clock":
      return state.leases.due(logTimeMs, 1).length > 0;
    default:
      return false;
  }
}

/** Reads what a command needs, while nothing is applied. */
export async function load(
  command: Command,
  store: Store,
  state: MachineState,
  logTimeMs: number,
): Promise<Loaded> {
  const loader = new Loader(store, state);
  if (command.kind === "delete") await loader.delete(command);
  else if (command.kind === "txn") await loader.txn(command);
  else if (command.kind === "leaseRevoke") await loader.lease(command.lease);
  else if (command.kind === "clock") await loader.dueLeases(logTimeMs);
  return loader;
}

/** The keys of a range delete are too many, or their values, if asked for, too large for an answer. */
export function deletionTooLarge(found: Found, state: MachineState): Refused | null {
  const { rangeDeleteKeysMax, answerBytesMax } = state.settings;
  if (found.entries.length > rangeDeleteKeysMax) return refused("TOO_LARGE", { rangeDeleteKeysMax });
  if (!found.more) return null;
  return refused("TOO_LARGE", { answerBytesMax });
}

class Loader implements Loaded {
  readonly branches = new Map<Txn, boolean>();
  readonly ranges = new Map<Delete | Get, Found>();
  readonly stale = new Set<Get>();
  readonly leases = new Map<number, readonly { readonly key: Uint8Array }[]>();
  refusal: Refused | null = null;
  readonly #store: Store;
  readonly #state: MachineState;
  /** What the operations so far write. */
  readonly #written: KeyRange[] = [];
  /** Keys that compares have looked at so far. */
  #compared = 0;
  /** Keys that operations have found so far in ranges that they delete, or that were written in before. */
  #keys = 0;
  /** What the entries take that other gets have found so far. */
  #answerBytes = 0;

  constructor(store: Store, state: MachineState) {
    this.#store = store;
    this.#state = state;
  }

  async txn(txn: Txn): Promise<void> {
    await this.#branch(txn);
    if (this.refusal === null) await this.#operations(txn);
  }

  async delete(command: Delete): Promise<void> {
    const { rangeDeleteKeysMax, answerBytesMax } = this.#state.settings;
    const { range, wantPrevious } = command;
    const query: RangeQuery = { range, limit: rangeDeleteKeysMax + 1, keysOnly: !wantPrevious };
    const found = await this.#store.rangeForEntry(
      wantPrevious ? { ...query, maxBytes: answerBytesMax } : query,
    );
    this.ranges.set(command, found);
  }

  async lease(lease: number): Promise<number> {
    const keys = await this.#store.loadLease(lease);
    this.leases.set(lease, keys);
    return keys.length;
  }

  /** Whole leases, at least one, as long as their keys are few enough for one entry. */
  async dueLeases(logTimeMs: number): Promise<void> {
    const { leaseExpiryKeysMax } = this.#state.settings;
    let keys = 0;
    for (const lease of this.#state.leases.due(logTimeMs, leaseExpiryKeysMax)) {
      keys += await this.lease(lease);
      if (keys > leaseExpiryKeysMax && this.leases.size > 1) {
        this.leases.delete(lease);
        return;
      }
    }
  }

  /** All compares, of nested transactions too, are judged before anything is written. */
  async #branch(txn: Txn): Promise<void> {
    let succeeded = true;
    for (const compare of txn.compares) {
      succeeded = await this.#holds(compare);
      if (!succeeded) break;
    }
    this.branches.set(txn, succeeded);
    for (const op of succeeded ? txn.then : txn.else) {
      if (op.kind === "txn" && this.refusal === null) await this.#branch(op);
    }
  }

  async #holds(compare: Compare): Promise<boolean> {
    const { rangeDeleteKeysMax } = this.#state.settings;
    const keysOnly = compare.target !== "value";
    let { range } = compare;
    for (;;) {
      const page = await this.#store.range({
        range,
        keysOnly,
        limit: COMPARE_PAGE_KEYS,
        maxBytes: COMPARE_PAGE_BYTES,
      });
      for (const entry of page.entries) if (!compareHolds(compare, entry)) return false;
      this.#compared += page.entries.length;
      const last = page.entries.at(-1);
      if (last === undefined) return compareHolds(compare, null);
      if (!page.more) return true;
      if (this.#compared > rangeDeleteKeysMax) {
        this.refusal = refused("TOO_LARGE", { rangeDeleteKeysMax });
        return false;
      }
      range = { start: rangeOfKey(last.key).end ?? last.key, end: range.end };
    }
  }

  async #operations(txn: Txn): Promise<void> {
    for (const op of this.branches.get(txn) === true ? txn.then : txn.else) {
      if (this.#isTooMuch) return;
      if (op.kind === "put") this.#written.push(rangeOfKey(op.key));
      else if (op.kind === "txn") await this.#operations(op);
      else if (!isOneKey(op.range)) await this.#range(op);
      if (op.kind === "delete") this.#written.push(op.range);
    }
  }

  /** The operation that was read last will be refused for it, if none before is: so what follows need not be read (C7). */
  get #isTooMuch(): boolean {
    const { rangeDeleteKeysMax, answerBytesMax } = this.#state.settings;
    return this.#keys > rangeDeleteKeysMax || this.#answerBytes > answerBytesMax;
  }

  async #range(op: Delete | Get): Promise<void> {
    const { rangeDeleteKeysMax, answerBytesMax } = this.#state.settings;
    const isStale = op.kind === "get" && this.#written.some((range) => rangesIntersect(range, op.range));
    if (isStale) this.stale.add(op);
    if (op.kind === "delete" || isStale) {
      const limit = rangeDeleteKeysMax - this.#keys + 1;
      const found = await this.#store.rangeForEntry({ range: op.range, keysOnly: true, limit });
      this.#keys += found.entries.length;
      this.ranges.set(op, found);
      return;
    }
    // With more entries than that, however small, the answer is too large.
    const entriesMax = Math.floor(answerBytesMax / ENTRY_BYTES) + 1;
    const limit = op.limit === 0 ? entriesMax : Math.min(op.limit, entriesMax);
    const found = await this.#store.range({ ...queryOf(op), limit, maxBytes: answerBytesMax });
    for (const entry of found.entries) this.#answerBytes += entryBytes(entry);
    this.ranges.set(op, found);
  }
}

function queryOf(get: Get): RangeQuery {
  const { range, limit, order, keysOnly, countOnly, minModRevision, minCreateRevision } = get;
  const { maxModRevision, maxCreateRevision } = get;
  return {
    range,
    limit,
    order,
    keysOnly,
    countOnly,
    minModRevision,
    minCreateRevision,
    ...(maxModRevision === 0 ? {} : { maxModRevision }),
    ...(maxCreateRevision === 0 ? {} : { maxCreateRevision }),
  };
}

function hasRange(txn: Txn): boolean {
  return (
    txn.compares.some(({ range }) => !isOneKey(range)) ||
    txn.then.some(opHasRange) ||
    txn.else.some(opHasRange)
  );
}

function opHasRange(op: Op): boolean {
  if (op.kind === "put") return false;
  return op.kind === "txn" ? hasRange(op) : !isOneKey(op.range);
}
