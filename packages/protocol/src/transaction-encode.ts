import { rangeToWire } from "./key-range.js";
import { Op, RANGE_COUNT_ONLY, RANGE_KEYS_ONLY, WRITE_WANTS_PREVIOUS } from "./op.js";
import { COMPARE_RELATIONS, COMPARE_TARGETS } from "./transaction.js";
import type { Compare, RangeSelection, Txn, TxnOp } from "./transaction.js";

/** `[compares, then, else]` */
export function txnToWire(txn: Txn): readonly [unknown[], unknown[], unknown[]] {
  return [txn.compares.map(compareToWire), txn.then.map(opToWire), txn.else.map(opToWire)];
}

function compareToWire({ range, target, relation, operand }: Compare): unknown {
  const [start, end] = rangeToWire(range);
  return [COMPARE_TARGETS.indexOf(target), COMPARE_RELATIONS.indexOf(relation), start, end, operand];
}

function opToWire(op: TxnOp): unknown {
  switch (op.kind) {
    case "put":
      return [Op.put, op.key, op.value, op.lease, op.wantPrevious ? WRITE_WANTS_PREVIOUS : 0];
    case "delete":
      return [Op.delete, ...rangeToWire(op.range), op.wantPrevious ? WRITE_WANTS_PREVIOUS : 0];
    case "get":
      return [
        Op.range,
        ...rangeToWire(op.range),
        op.limit,
        selectionOrder(op),
        selectionFlags(op),
        op.minModRevision,
        op.maxModRevision,
        op.minCreateRevision,
        op.maxCreateRevision,
      ];
    case "txn":
      return [Op.txn, ...txnToWire(op)];
  }
}

export function selectionOrder({ order }: RangeSelection): 0 | 1 {
  return order === "descending" ? 1 : 0;
}

export function selectionFlags({ keysOnly, countOnly }: RangeSelection): number {
  return (keysOnly ? RANGE_KEYS_ONLY : 0) + (countOnly ? RANGE_COUNT_ONLY : 0);
}

/** Compares and operations of `[compares, then, else]`, nested ones counted. */
export function txnOperations([compares, then, otherwise]: readonly unknown[]): number {
  let operations = (compares as readonly unknown[]).length;
  for (const branch of [then, otherwise] as readonly (readonly (readonly unknown[])[])[]) {
    operations += branch.length;
    for (const op of branch) if (op[0] === Op.txn) operations += txnOperations(op.slice(1));
  }
  return operations;
}
