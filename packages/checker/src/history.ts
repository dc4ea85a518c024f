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

export type Operation = RegisterOperation | KvOperation | SetOperation | CounterOperation;

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
