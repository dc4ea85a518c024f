import type { KeyRange } from "./key-range.js";

export type CompareRelation = "=" | "!=" | "<" | ">";
export type CompareNumberTarget = "version" | "create" | "mod" | "lease";
export type CompareTarget = "value" | CompareNumberTarget;

/**
 * Holds when it does for every key in the range. Where no key is, the numbers are taken for 0, and a compare of values
 * does not hold, whatever its relation.
 */
export type Compare =
  | {
      readonly range: KeyRange;
      readonly target: "value";
      readonly relation: CompareRelation;
      readonly operand: Uint8Array;
    }
  | {
      readonly range: KeyRange;
      readonly target: CompareNumberTarget;
      readonly relation: CompareRelation;
      readonly operand: number;
    };

/** What a range asks for, in a transaction and outside. */
export interface RangeSelection {
  readonly range: KeyRange;
  /** Most keys that are wanted; 0: no limit. */
  readonly limit: number;
  readonly order: "ascending" | "descending";
  /** Values come back empty. */
  readonly keysOnly: boolean;
  /** Only the number of keys comes back. */
  readonly countOnly: boolean;
  readonly minModRevision: number;
  /** 0: no upper bound. */
  readonly maxModRevision: number;
  readonly minCreateRevision: number;
  /** 0: no upper bound. */
  readonly maxCreateRevision: number;
}

export interface TxnPut {
  readonly kind: "put";
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** The lease that the key is attached to; 0: none. */
  readonly lease: number;
  /** Whether the result has the key-value that was there before. */
  readonly wantPrevious: boolean;
}
export interface TxnDelete {
  readonly kind: "delete";
  readonly range: KeyRange;
  readonly wantPrevious: boolean;
}
export interface TxnGet extends RangeSelection {
  readonly kind: "get";
}
export interface Txn {
  /** All must hold for `then` to be carried out, else `else` is. */
  readonly compares: readonly Compare[];
  readonly then: readonly TxnOp[];
  readonly else: readonly TxnOp[];
}
export interface NestedTxn extends Txn {
  readonly kind: "txn";
}
export type TxnOp = TxnPut | TxnDelete | TxnGet | NestedTxn;

/** Numbers on the wire. */
export const COMPARE_TARGETS: readonly (CompareTarget | null)[] = [
  null,
  "value",
  "version",
  "create",
  "mod",
  "lease",
];
export const COMPARE_RELATIONS: readonly (CompareRelation | null)[] = [null, "=", "!=", "<", ">"];

/** What a `get` in a transaction or a range asks for when nothing else is said. */
export const EVERYTHING: Omit<RangeSelection, "range"> = {
  limit: 0,
  order: "ascending",
  keysOnly: false,
  countOnly: false,
  minModRevision: 0,
  maxModRevision: 0,
  minCreateRevision: 0,
  maxCreateRevision: 0,
};
