/**
 * The history of what clients asked and what they were told. Every checker reads it; `docs/histories.md` describes it
 * for those who write one. An operation is one flat object that survives JSON unchanged.
 */

/** What a register or a key holds. `null`: never written, or deleted. */
export type Value = string | number | boolean | null;

/**
 * - `ok`: it took effect, exactly once, between `call` and `return`, and the answer fields are what the client was told.
 *   A condition that was false is `ok` too (`swapped: false`).
 * - `fail`: it certainly had no effect. Checkers pass it over; whoever sees its value has seen an anomaly.
 * - `unknown`: it may take effect at any time after `call`, also long after, or never (C1). Its answer fields say nothing.
 */
export type Outcome = "ok" | "fail" | "unknown";

interface Base {
  /** Whoever waits for one answer before it asks again. It may go on after an `unknown`: that operation stays open. */
  readonly process: number;
  readonly key: string;
  /** Position in one order that all calls and returns share. A count, never a clock. */
  readonly call: number;
  /** Position of the answer in the same order; `null` while none came, and always for `unknown`. */
  readonly return: number | null;
  readonly outcome: Outcome;
}

export interface Read extends Base {
  readonly op: "read";
  /** Answer. */
  readonly value: Value;
}
export interface Write extends Base {
  readonly op: "write";
  readonly value: Value;
}
export interface CompareAndSet extends Base {
  readonly op: "cas";
  readonly expected: Value;
  readonly value: Value;
  /** Answer: whether `expected` was found and replaced. */
  readonly swapped: boolean | null;
}
export type RegisterOperation = Read | Write | CompareAndSet;

export interface Get extends Base {
  readonly op: "get";
  /** Answer; `null` for a missing key. */
  readonly value: string | null;
  /** Answers that the client may or may not tell: `null` is "not told" and is not checked. */
  readonly modRevision: number | null;
  readonly createRevision: number | null;
  /** Puts since the key was created, 1 after the first. */
  readonly version: number | null;
}
export interface Put extends Base {
  readonly op: "put";
  readonly value: string;
  /** Answer: the revision that this put made; `null` is "not told". */
  readonly revision: number | null;
}
export interface Delete extends Base {
  readonly op: "delete";
  /** Answer: whether there was anything to delete; `null` is "not told". */
  readonly deleted: boolean | null;
  /** Answer: the revision that this delete made, or the current one when nothing was there; `null` is "not told". */
  readonly revision: number | null;
}
export type KvOperation = Get | Put | Delete;

/** Adds to the end of a string; a key that is not there is an empty one. */
export interface Append extends Base {
  readonly op: "append";
  readonly value: string;
}
export type StringOperation = Get | Put | Delete | Append;

/** An element of a list, or of a set. */
export type Element = string | number;
/** One step of a transaction: an element added to the end of a list, or a list read (`null`: not told). */
export type Step =
  | readonly ["append", key: string, element: Element]
  | readonly ["read", key: string, elements: readonly Element[] | null];
/** A transaction over several lists. Its `key` names the store that holds them. */
export interface Transaction extends Base {
  readonly op: "txn";
  /** In the order in which they ran. Asked, but for the lists that were read: those are answers. */
  readonly steps: readonly Step[];
}

export interface Add extends Base {
  readonly op: "add";
  readonly value: string | number;
}
export interface Members extends Base {
  readonly op: "members";
  /** Answer: everything in the set, each element once. */
  readonly values: readonly (string | number)[];
}
export type SetOperation = Add | Members;

export interface Increment extends Base {
  readonly op: "increment";
  /** May be negative, not zero. */
  readonly by: number;
  /** Answer: the total right after it; `null` is "not told". */
  readonly total: number | null;
}
export interface Total extends Base {
  readonly op: "total";
  /** Answer. */
  readonly total: number | null;
}
export type CounterOperation = Increment | Total;

/** What a bank's accounts hold, by name. */
export type Balances = Readonly<Record<string, number>>;
export interface Transfer extends Base {
  readonly op: "transfer";
  readonly from: string;
  readonly to: string;
  readonly amount: number;
  /** Answer: `false` when the account did not hold enough; `null` is "not told". */
  readonly done: boolean | null;
}
export interface ReadBalances extends Base {
  readonly op: "balances";
  /** Answer: all accounts, read at one moment. */
  readonly balances: Balances | null;
}
export type BankOperation = Transfer | ReadBalances;

/** Puts one more element behind the others of its appender, without waiting for their answers. `key` names the log. */
export interface Submit extends Base {
  readonly op: "submit";
  readonly appender: string;
  /** Counts the elements of one appender, from 1. */
  readonly sequence: number;
}
/** Reads the log. */
export interface ReadLog extends Base {
  readonly op: "log";
  /** Answer: everything in the log, in its order, each element by its appender and its sequence number. */
  readonly entries: readonly (readonly [appender: string, sequence: number])[] | null;
}
export type AppenderOperation = Submit | ReadLog;

export interface Acquire extends Base {
  readonly op: "acquire";
  /** Answer: the fencing token of this holding; `null`: somebody else holds the lock. */
  readonly token: number | null;
}
export interface Release extends Base {
  readonly op: "release";
  readonly token: number;
}
/** A use of what the lock protects, which looks at the token. */
export interface Guarded extends Base {
  readonly op: "guarded";
  readonly token: number;
  /** Answer: whether the token was taken for a valid one. */
  readonly accepted: boolean | null;
}
export type LockOperation = Acquire | Release | Guarded;

/** Lease operations have clock readings too: milliseconds of one monotonic clock, never to order anything by. */
interface Timed extends Base {
  readonly callMs: number;
  /** `null` as `return` is. */
  readonly returnMs: number | null;
}
/** Makes the lease that `key` names. */
export interface Grant extends Timed {
  readonly op: "grant";
  readonly ttlMs: number;
}
export interface Renew extends Timed {
  readonly op: "renew";
  /** Answer: whether the lease was still there; `null` is "not told". */
  readonly found: boolean | null;
}
export interface Revoke extends Timed {
  readonly op: "revoke";
}
/** Looks whether the lease, or a key that hangs on it, is there. */
export interface Alive extends Timed {
  readonly op: "alive";
  readonly alive: boolean | null;
}
export type LeaseOperation = Grant | Renew | Revoke | Alive;

/** What a transaction changed in a key, `null` for a delete. */
export type Change = readonly [key: string, value: string | null];
/** Several puts and deletes in one transaction, which share a revision. Its `key` names the store. */
export interface ChangeTogether extends Base {
  readonly op: "change";
  readonly changes: readonly Change[];
  /** Answer: the revision that it made; `null` is "not told". */
  readonly revision: number | null;
}
/** A message that a watch received: the changes of one revision, or a progress mark. */
export type WatchMessage =
  | { readonly revision: number; readonly changes: readonly Change[] }
  | { readonly progress: number };
/** One stream of a watch, from its opening to its end. A watch that was resumed is several, with one `watcher`. */
export interface Watch extends Base {
  readonly op: "watch";
  readonly watcher: string;
  /** Keys in [start, end) are watched, in the order of JavaScript's strings; `null`: no end. */
  readonly start: string;
  readonly end: string | null;
  /** The first revision that is wanted. */
  readonly from: number;
  /** Answer: what came, in its order. */
  readonly received: readonly WatchMessage[] | null;
}
export type WatchOperation = Put | Delete | ChangeTogether | Watch;

export type Operation =
  | RegisterOperation
  | KvOperation
  | StringOperation
  | Transaction
  | SetOperation
  | CounterOperation
  | BankOperation
  | AppenderOperation
  | LockOperation
  | LeaseOperation
  | WatchOperation;

/** The operations of a history by key, each list in the order of `call`. Keys come in the order of their first call. */
export function splitByKey<O extends Operation>(history: readonly O[]): Map<string, O[]> {
  const byKey = new Map<string, O[]>();
  for (const operation of inCallOrder(history)) {
    const list = byKey.get(operation.key);
    if (list === undefined) byKey.set(operation.key, [operation]);
    else list.push(operation);
  }
  return byKey;
}

/** A copy in the order of `call`; operations called at the same position keep their order. */
export function inCallOrder<O extends Operation>(history: readonly O[]): O[] {
  return [...history].sort((a, b) => a.call - b.call);
}

/** Where the operation is over: its return, or never while its outcome is unknown. */
export function endOf(operation: Operation): number {
  return operation.return ?? Number.POSITIVE_INFINITY;
}
