import type { ByteReader } from "./byte-reader.js";
import type { ByteWriter } from "./byte-writer.js";
import type { Compare, Delete, Get, Op, Put, Txn } from "./command.js";
import { isOneKey, rangeOfKey } from "./key-range.js";
import type { KeyRange } from "@raftkv/store";

/** What stands before a range: how much of it follows. */
export const ONE_KEY = 0;
const BOUNDED = 1;
const UNBOUNDED = 2;

/** Flags of a put and a delete. */
export const WANT_PREVIOUS = 1;
export const HAS_LEASE = 2;

/** Flags of a get. */
const DESCENDING = 1;
const KEYS_ONLY = 2;
const COUNT_ONLY = 4;

const OPS = ["put", "delete", "get", "txn"] as const satisfies readonly Op["kind"][];
const TARGETS = [
  "value",
  "version",
  "create",
  "mod",
  "lease",
] as const satisfies readonly Compare["target"][];
const RELATIONS = ["=", "!=", "<", ">"] as const satisfies readonly Compare["relation"][];

export function writePut(writer: ByteWriter, put: Put): void {
  writer.byte((put.wantPrevious ? WANT_PREVIOUS : 0) | (put.lease === 0 ? 0 : HAS_LEASE));
  if (put.lease !== 0) writer.varint(put.lease);
  writer.blob(put.key);
  writer.blob(put.value);
}

export function readPut(reader: ByteReader): Put {
  const flags = reader.byte();
  const lease = (flags & HAS_LEASE) === 0 ? 0 : reader.varint();
  const key = reader.blob();
  const value = reader.blob();
  return { kind: "put", key, value, lease, wantPrevious: (flags & WANT_PREVIOUS) !== 0 };
}

export function writeDelete(writer: ByteWriter, command: Delete): void {
  writer.byte(command.wantPrevious ? WANT_PREVIOUS : 0);
  writeRange(writer, command.range);
}

export function readDelete(reader: ByteReader): Delete {
  const flags = reader.byte();
  return { kind: "delete", range: readRange(reader), wantPrevious: (flags & WANT_PREVIOUS) !== 0 };
}

/** The numbers of compares, of operations to carry out when they hold, and when not, each before what it counts. */
export function writeTxn(writer: ByteWriter, txn: Txn): void {
  writer.varint(txn.compares.length);
  for (const compare of txn.compares) writeCompare(writer, compare);
  for (const branch of [txn.then, txn.else]) {
    writer.varint(branch.length);
    for (const op of branch) writeOp(writer, op);
  }
}

export function readTxn(reader: ByteReader): Txn & { readonly kind: "txn" } {
  const compares: Compare[] = [];
  for (let left = reader.varint(); left > 0; left--) compares.push(readCompare(reader));
  const then = readOps(reader);
  return { kind: "txn", compares, then, else: readOps(reader) };
}

function readOps(reader: ByteReader): Op[] {
  const ops: Op[] = [];
  for (let left = reader.varint(); left > 0; left--) ops.push(readOp(reader));
  return ops;
}

function writeOp(writer: ByteWriter, op: Op): void {
  writer.byte(OPS.indexOf(op.kind) + 1);
  switch (op.kind) {
    case "put":
      writePut(writer, op);
      return;
    case "delete":
      writeDelete(writer, op);
      return;
    case "get":
      writeGet(writer, op);
      return;
    case "txn":
      writeTxn(writer, op);
      return;
  }
}

function readOp(reader: ByteReader): Op {
  const number = reader.byte();
  const kind = OPS[number - 1];
  switch (kind) {
    case "put":
      return readPut(reader);
    case "delete":
      return readDelete(reader);
    case "get":
      return readGet(reader);
    case "txn":
      return readTxn(reader);
    default:
      return reader.fail(`operation ${number} is none of 1 to ${OPS.length}`);
  }
}

function writeGet(writer: ByteWriter, get: Get): void {
  writer.byte(
    (get.order === "descending" ? DESCENDING : 0) |
      (get.keysOnly ? KEYS_ONLY : 0) |
      (get.countOnly ? COUNT_ONLY : 0),
  );
  writeRange(writer, get.range);
  writer.varint(get.limit);
  writer.varint(get.minModRevision);
  writer.varint(get.maxModRevision);
  writer.varint(get.minCreateRevision);
  writer.varint(get.maxCreateRevision);
}

function readGet(reader: ByteReader): Get {
  const flags = reader.byte();
  return {
    kind: "get",
    range: readRange(reader),
    limit: reader.varint(),
    order: (flags & DESCENDING) === 0 ? "ascending" : "descending",
    keysOnly: (flags & KEYS_ONLY) !== 0,
    countOnly: (flags & COUNT_ONLY) !== 0,
    minModRevision: reader.varint(),
    maxModRevision: reader.varint(),
    minCreateRevision: reader.varint(),
    maxCreateRevision: reader.varint(),
  };
}

function writeCompare(writer: ByteWriter, compare: Compare): void {
  writer.byte(TARGETS.indexOf(compare.target));
  writer.byte(RELATIONS.indexOf(compare.relation));
  writeRange(writer, compare.range);
  if (compare.target === "value") writer.blob(compare.operand);
  else writer.varint(compare.operand);
}

function readCompare(reader: ByteReader): Compare {
  const targetNumber = reader.byte();
  const target = TARGETS[targetNumber];
  if (target === undefined) reader.fail(`target ${targetNumber} of a compare is none of 0 to 4`);
  const relationNumber = reader.byte();
  const relation = RELATIONS[relationNumber];
  if (relation === undefined) reader.fail(`relation ${relationNumber} of a compare is none of 0 to 3`);
  const range = readRange(reader);
  return target === "value"
    ? { range, target, relation, operand: reader.blob() }
    : { range, target, relation, operand: reader.varint() };
}

function writeRange(writer: ByteWriter, range: KeyRange): void {
  const oneKey = isOneKey(range);
  writer.byte(oneKey ? ONE_KEY : range.end === null ? UNBOUNDED : BOUNDED);
  writer.blob(range.start);
  if (!oneKey && range.end !== null) writer.blob(range.end);
}

function readRange(reader: ByteReader): KeyRange {
  const form = reader.byte();
  const start = reader.blob();
  switch (form) {
    case ONE_KEY:
      return rangeOfKey(start);
    case BOUNDED:
      return { start, end: reader.blob() };
    case UNBOUNDED:
      return { start, end: null };
    default:
      return reader.fail(`range of form ${form}, known are 0 to 2`);
  }
}
