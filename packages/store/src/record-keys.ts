import type { KeyRange } from "./key-range.js";

/**
 * The keys of LevelDB and of the sorted tables. Every user key stands last and raw, behind a prefix of fixed length: so no two keys of one
 * prefix can be confused, none is cut short by another, and the order on disk is the byte order of the user's
 * keys (S7). docs/storage-format.md has the table.
 */
export const ATTACHED = 0x41; // A
const BARRIER = 0x42; // B
export const CHANGE = 0x48; // H
const LATEST = 0x4c; // L

const TWO_POW_32 = 2 ** 32;
const NUMBERED_PREFIX_BYTES = 9;

/** Records in a half-open range, as LevelDB's iterators take it. */
export interface RecordRange {
  readonly gte: Buffer;
  readonly lt: Buffer;
}

/** Written with `sync: true` behind a flush, so that an error which the flush swallowed is reported (S2). */
export const BARRIER_KEY = Buffer.from([BARRIER]);

/** Behind every key. compactRange over it flushes the memtable and touches no table (S2). */
export const EMPTY_RANGE = { start: Buffer.from([0xff, 0x00]), end: Buffer.from([0xff, 0x01]) } as const;

/** Where the keys of the latest versions begin, which come behind all others. */
export const LATEST_BEGIN = Buffer.from([LATEST]);

/** Of a latest version. */
export function isOfLatest(key: Buffer): boolean {
  return key[0] === LATEST;
}

export const ALL_LATEST: RecordRange = { gte: Buffer.from([LATEST]), lt: Buffer.from([LATEST + 1]) };
export const ALL_CHANGES: RecordRange = { gte: Buffer.from([CHANGE]), lt: Buffer.from([CHANGE + 1]) };

/** The latest versions of the keys in a range, in byte order. */
export function latestIn(range: KeyRange): RecordRange {
  const { start, end } = range;
  return { gte: latestKey(start), lt: end === null ? Buffer.from([LATEST + 1]) : latestKey(end) };
}

export function latestKey(key: Uint8Array): Buffer {
  const target = Buffer.allocUnsafe(1 + key.length);
  target[0] = LATEST;
  target.set(key, 1);
  return target;
}

export function changeKey(revision: number, key: Buffer): Buffer {
  return numberedKey(CHANGE, revision, key);
}

/** Says that the key is attached to the lease: an index of the latest versions by their lease. */
export function attachedKey(lease: number, key: Buffer): Buffer {
  return numberedKey(ATTACHED, lease, key);
}

/** Every change of a revision in [from, to), oldest first. */
export function changesIn(from: number, to: number): RecordRange {
  return { gte: numberedKey(CHANGE, from, NO_KEY), lt: numberedKey(CHANGE, to, NO_KEY) };
}

/** Every change of a revision above `revision`, oldest first. */
export function changesAfter(revision: number): RecordRange {
  return { gte: numberedKey(CHANGE, revision + 1, NO_KEY), lt: Buffer.from([CHANGE + 1]) };
}

/** What is attached to a lease, in byte order of the keys. */
export function attachedTo(lease: number): RecordRange {
  return { gte: numberedKey(ATTACHED, lease, NO_KEY), lt: numberedKey(ATTACHED, lease + 1, NO_KEY) };
}

/** The user key of a record of the latest version, as a view. */
export function keyOfLatest(record: Buffer): Buffer {
  return record.subarray(1);
}

/** The user key of a change record or of one that says what is attached, as a view. */
export function keyBehindNumber(record: Buffer): Buffer {
  return record.subarray(NUMBERED_PREFIX_BYTES);
}

/** The revision of a change, of its record's key. */
export function revisionOfChange(record: Buffer): number {
  return record.readUInt32BE(1) * TWO_POW_32 + record.readUInt32BE(5);
}

const NO_KEY = Buffer.alloc(0);

function numberedKey(kind: number, number: number, key: Buffer): Buffer {
  const target = Buffer.allocUnsafe(NUMBERED_PREFIX_BYTES + key.length);
  target[0] = kind;
  target.writeUInt32BE(Math.floor(number / TWO_POW_32), 1);
  target.writeUInt32BE(number % TWO_POW_32, 5);
  target.set(key, NUMBERED_PREFIX_BYTES);
  return target;
}
