import { singleKey } from "./key-range.js";
import type { KeyRange } from "./key-range.js";
import { TXN_DEPTH_MAX } from "./limits.js";
import type { Limits } from "./limits.js";
import { describe } from "./msgpack.js";
import { Op, RANGE_COUNT_ONLY, RANGE_KEYS_ONLY, WRITE_WANTS_PREVIOUS } from "./op.js";
import { RequestFault, wantArray, wantBytes, wantCount, wantTuple } from "./request-fault.js";
import { COMPARE_RELATIONS, COMPARE_TARGETS } from "./transaction.js";
import type { Compare, RangeSelection, Txn, TxnOp } from "./transaction.js";
import { refuseDoubleWrites } from "./transaction-keys.js";

export function wantKey(value: unknown, limits: Limits): Buffer {
  return wantBytes(value, "key", limits.keyBytes);
}

/** Reads a range from its two fields: nil for the one key, true for no upper bound, else the exclusive end. */
export function wantRange(start: unknown, end: unknown, limits: Limits): KeyRange {
  const from = wantKey(start, limits);
  if (end === null) return singleKey(from);
  if (end === true) return { start: from, end: null };
  if (!Buffer.isBuffer(end)) {
    throw new RequestFault(`the range's end is ${describe(end)}: bytes, nil or true are wanted`);
  }
  const to = wantKey(end, limits);
  if (Buffer.compare(from, to) >= 0) throw new RequestFault("the range ends at or before its start");
  return { start: from, end: to };
}

/** Reads limit, order, flags and the four bounds, which stand from `at` on. */
export function selectionFromWire(range: KeyRange, fields: readonly unknown[], at: number): RangeSelection {
  const flags = wantCount(fields[at + 2], "the flags", RANGE_KEYS_ONLY + RANGE_COUNT_ONLY);
  return {
    range,
    limit: wantCount(fields[at], "the limit"),
    order: wantCount(fields[at + 1], "the order", 1) === 0 ? "ascending" : "descending",
    keysOnly: (flags & RANGE_KEYS_ONLY) !== 0,
    countOnly: (flags & RANGE_COUNT_ONLY) !== 0,
    minModRevision: wantCount(fields[at + 3], "the lowest modify revision"),
    maxModRevision: wantCount(fields[at + 4], "the highest modify revision"),
    minCreateRevision: wantCount(fields[at + 5], "the lowest create revision"),
    maxCreateRevision: wantCount(fields[at + 6], "the highest create revision"),
  };
}

/** Reads one transaction and those in it, and counts their operations (C7). */
export class TxnReader {
  readonly #limits: Limits;
  /** What the frame has left. */
  readonly #frame: { left: number };
  #operations = 0;

  constructor(limits: Limits, frame: { left: number }) {
    this.#limits = limits;
    this.#frame = frame;
  }

  /** Compares and the two branches stand from `at` on. */
  read(fields: readonly unknown[], at: number): Txn {
    const txn = this.#txn(fields, at, 1);
    refuseDoubleWrites(txn);
    return txn;
  }

  #txn(fields: readonly unknown[], at: number, depth: number): Txn {
    if (depth > TXN_DEPTH_MAX) {
      throw new RequestFault(`transactions stand more than ${TXN_DEPTH_MAX} deep in each other`);
    }
    const compares = this.#list(fields[at], "the compares");
    const then = this.#list(fields[at + 1], "the operations of then");
    const otherwise = this.#list(fields[at + 2], "the operations of else");
    return {
      compares: compares.map((compare) => this.#compare(compare)),
      then: then.map((op) => this.#op(op, depth)),
      else: otherwise.map((op) => this.#op(op, depth)),
    };
  }

  #list(value: unknown, name: string): readonly unknown[] {
    const items = wantArray(value, name);
    this.#operations += items.length;
    this.#frame.left -= items.length;
    const limit = this.#limits.operationsInTxn;
    if (this.#operations > limit) {
      throw new RequestFault(`the transaction has more operations than the ${limit} that the cluster takes`, {
        limit,
      });
    }
    return items;
  }

  #compare(value: unknown): Compare {
    const fields = wantTuple(value, 5, "a compare");
    const target = typeof fields[0] === "number" ? COMPARE_TARGETS[fields[0]] : null;
    const relation = typeof fields[1] === "number" ? COMPARE_RELATIONS[fields[1]] : null;
    if (target === null || target === undefined) {
      throw new RequestFault(`a compare's target is ${describe(fields[0])}: 1 to 5 are known`);
    }
    if (relation === null || relation === undefined) {
      throw new RequestFault(`a compare's relation is ${describe(fields[1])}: 1 to 4 are known`);
    }
    const range = wantRange(fields[2], fields[3], this.#limits);
    if (target === "value") {
      return { range, target, relation, operand: wantBytes(fields[4], "value", this.#limits.valueBytes) };
    }
    return { range, target, relation, operand: wantCount(fields[4], "a compare's operand") };
  }

  #op(value: unknown, depth: number): TxnOp {
    const fields = wantArray(value, "an operation's fields");
    const limits = this.#limits;
    switch (fields[0]) {
      case Op.put:
        wantTuple(fields, 5, "a put in a transaction");
        return {
          kind: "put",
          key: wantKey(fields[1], limits),
          value: wantBytes(fields[2], "value", limits.valueBytes),
          lease: wantCount(fields[3], "the lease"),
          wantPrevious: wantCount(fields[4], "the flags", WRITE_WANTS_PREVIOUS) === WRITE_WANTS_PREVIOUS,
        };
      case Op.delete:
        wantTuple(fields, 4, "a delete in a transaction");
        return {
          kind: "delete",
          range: wantRange(fields[1], fields[2], limits),
          wantPrevious: wantCount(fields[3], "the flags", WRITE_WANTS_PREVIOUS) === WRITE_WANTS_PREVIOUS,
        };
      case Op.range:
        wantTuple(fields, 10, "a range in a transaction");
        return {
          kind: "get",
          ...selectionFromWire(wantRange(fields[1], fields[2], limits), fields, 3),
        };
      case Op.txn:
        wantTuple(fields, 4, "a transaction in a transaction");
        return { kind: "txn", ...this.#txn(fields, 1, depth + 1) };
      default:
        throw new RequestFault(
          `an operation in a transaction is ${describe(fields[0])}: 1 (put), 3 (delete), 4 (range) and 5 (txn) are known`,
        );
    }
  }
}
