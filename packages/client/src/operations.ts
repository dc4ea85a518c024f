import { EVERYTHING, RaftKvError } from "@raftkv/protocol";
import type { Compare, CompareRelation, RangeSelection, Txn, TxnOp } from "@raftkv/protocol";
import { toBytes } from "./bytes.js";
import type { Bytes } from "./bytes.js";
import { toKeyRange } from "./key-range.js";
import type { CheckedRange, Range } from "./key-range.js";
import type { KeyValue } from "./key-value.js";
import type { Lease } from "./lease.js";
import { toCount } from "./options.js";

/** One operation of a transaction or of an appender's batch. Made by `put`, `get` and `del`. */
export interface Operation {
  readonly op: TxnOp;
  /** Whether keys in its result come back as text. */
  readonly asText: boolean;
  /** Of a transaction in a transaction. */
  readonly nested: Transaction | null;
}

/** A transaction as it was put together. */
export interface Transaction {
  readonly txn: Txn;
  readonly then: readonly Operation[];
  readonly else: readonly Operation[];
}

/** What became of one operation of a transaction. */
export type OperationResult =
  /** `previous` only if it was asked for. */
  | { readonly kind: "put"; readonly previous: KeyValue | null }
  | { readonly kind: "delete"; readonly deleted: number; readonly previous: readonly KeyValue[] }
  | {
      readonly kind: "get";
      /** The first of `entries`, for a get of one key. */
      readonly kv: KeyValue | null;
      readonly entries: readonly KeyValue[];
      readonly more: boolean;
      readonly count: number | null;
    }
  | { readonly kind: "txn"; readonly succeeded: boolean; readonly results: readonly OperationResult[] };

export interface PutFields {
  /** The lease that the key ends with. */
  readonly lease?: Lease | number;
  /** Whether the result shall have what was there before. */
  readonly previous?: boolean;
}

/** Which keys of a range are wanted, and what of them. */
export interface Selection {
  /** Most keys that are wanted; none when it is absent. */
  readonly limit?: number;
  readonly order?: "ascending" | "descending";
  /** Values come back empty. */
  readonly keysOnly?: boolean;
  /** Both ends inclusive. */
  readonly minModRevision?: number;
  readonly maxModRevision?: number;
  readonly minCreateRevision?: number;
  readonly maxCreateRevision?: number;
}

/** @throws {RaftKvError} INVALID_ARGUMENT. */
export function put(key: Bytes, value: Bytes, fields: PutFields = {}): Operation {
  const op: TxnOp = {
    kind: "put",
    key: toBytes("key", key),
    value: toBytes("value", value),
    lease: toLeaseId(fields.lease),
    wantPrevious: fields.previous === true,
  };
  return { op, asText: typeof key === "string", nested: null };
}

/** @throws {RaftKvError} INVALID_ARGUMENT. */
export function get(keys: Bytes | Range, selection: Selection & { countOnly?: boolean } = {}): Operation {
  const { range, asText } = toKeyRange(keys);
  const countOnly = selection.countOnly === true;
  return { op: { kind: "get", ...toSelection(range, selection, countOnly) }, asText, nested: null };
}

/** @throws {RaftKvError} INVALID_ARGUMENT. */
export function del(keys: Bytes | Range, fields: { readonly previous?: boolean } = {}): Operation {
  const { range, asText } = toKeyRange(keys);
  return { op: { kind: "delete", range, wantPrevious: fields.previous === true }, asText, nested: null };
}

/** Nothing types a call from JavaScript. @throws {RaftKvError} INVALID_ARGUMENT. */
export function checkOperation(given: Operation): Operation {
  if ((given as Operation | null | undefined)?.op !== undefined) return given;
  throw new RaftKvError("INVALID_ARGUMENT", "an operation is what put(), get(), del() or txn() makes");
}

/** @throws {RaftKvError} INVALID_ARGUMENT. */
export function toLeaseId(lease: Lease | number | undefined): number {
  if (lease === undefined) return 0;
  return toCount("lease", typeof lease === "number" ? lease : lease.id, 0);
}

/** @throws {RaftKvError} INVALID_ARGUMENT. */
export function toSelection(
  range: CheckedRange["range"],
  given: Selection,
  countOnly = false,
): RangeSelection {
  const { order } = given;
  if (order !== undefined && order !== "ascending" && order !== "descending") {
    const allowed = `"ascending" and "descending" are allowed`;
    throw new RaftKvError("INVALID_ARGUMENT", `order is ${JSON.stringify(order)}: ${allowed}`);
  }
  return {
    range,
    limit: toCount("limit", given.limit, EVERYTHING.limit),
    order: order ?? EVERYTHING.order,
    keysOnly: given.keysOnly === true,
    countOnly,
    minModRevision: toCount("minModRevision", given.minModRevision, EVERYTHING.minModRevision),
    maxModRevision: toCount("maxModRevision", given.maxModRevision, EVERYTHING.maxModRevision),
    minCreateRevision: toCount("minCreateRevision", given.minCreateRevision, EVERYTHING.minCreateRevision),
    maxCreateRevision: toCount("maxCreateRevision", given.maxCreateRevision, EVERYTHING.maxCreateRevision),
  };
}

/** One thing of a key, or of every key in a range, to be compared. */
export class Comparison<Operand> {
  readonly #compare: (relation: CompareRelation, operand: Operand) => Compare;

  constructor(compare: (relation: CompareRelation, operand: Operand) => Compare) {
    this.#compare = compare;
  }

  equals(operand: Operand): Compare {
    return this.#compare("=", operand);
  }
  notEquals(operand: Operand): Compare {
    return this.#compare("!=", operand);
  }
  lessThan(operand: Operand): Compare {
    return this.#compare("<", operand);
  }
  greaterThan(operand: Operand): Compare {
    return this.#compare(">", operand);
  }
}

/** What of a key can be compared. A key that is not there has 0 for its numbers, and no value that compares. */
export interface Comparable {
  readonly value: Comparison<Bytes>;
  readonly version: Comparison<number>;
  readonly createRevision: Comparison<number>;
  readonly modRevision: Comparison<number>;
  readonly lease: Comparison<number>;
}

/** Of a range: it must hold for every key in it. @throws {RaftKvError} INVALID_ARGUMENT. */
export function compare(keys: Bytes | Range): Comparable {
  const { range } = toKeyRange(keys);
  const number = (target: "version" | "create" | "mod" | "lease"): Comparison<number> =>
    new Comparison((relation, operand) => {
      return { range, target, relation, operand: toCount("what is compared with", operand, 0) };
    });
  return {
    value: new Comparison((relation, operand) => {
      return { range, target: "value", relation, operand: toBytes("value", operand) };
    }),
    version: number("version"),
    createRevision: number("create"),
    modRevision: number("mod"),
    lease: number("lease"),
  };
}
