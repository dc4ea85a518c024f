/**
 * The keys of LevelDB. Every user key stands last and raw, behind a prefix of fixed length: so no two keys of one
 * prefix can be confused, none is cut short by another, and the order on disk is the byte order of the user's
 * keys (S7). docs/storage-format.md has the table.
 */
const BARRIER = 0x42; // B
const CHANGE = 0x48; // H
const LATEST = 0x4c; // L

const TWO_POW_32 = 2 ** 32;
const CHANGE_PREFIX_BYTES = 9;

/** Written with `sync: true` behind a flush, so that an error which the flush swallowed is reported (S2). */
export const BARRIER_KEY = Buffer.from([BARRIER]);

/** A range behind every key. compactRange over it flushes the memtable and touches no table (S2). */
export const EMPTY_RANGE = { start: Buffer.from([0xff, 0x00]), end: Buffer.from([0xff, 0x01]) } as const;

/** All keys that have or had a version, in byte order. */
export const ALL_LATEST = { gte: Buffer.from([LATEST]), lt: Buffer.from([LATEST + 1]) } as const;

export function latestKey(key: Buffer): Buffer {
  const target = Buffer.allocUnsafe(1 + key.length);
  target[0] = LATEST;
  target.set(key, 1);
  return target;
}

export function changeKey(revision: number, key: Buffer): Buffer {
  const target = Buffer.allocUnsafe(CHANGE_PREFIX_BYTES + key.length);
  writeChangePrefix(target, revision);
  target.set(key, CHANGE_PREFIX_BYTES);
  return target;
}

/** Every change of a revision above `revision`, oldest first. */
export function changesAfter(revision: number): { gte: Buffer; lt: Buffer } {
  const gte = Buffer.allocUnsafe(CHANGE_PREFIX_BYTES);
  writeChangePrefix(gte, revision + 1);
  return { gte, lt: Buffer.from([CHANGE + 1]) };
}

/** The user key of a record of the latest version, as a view. */
export function keyOfLatest(record: Buffer): Buffer {
  return record.subarray(1);
}

/** The user key of a change record, as a view. */
export function keyOfChange(record: Buffer): Buffer {
  return record.subarray(CHANGE_PREFIX_BYTES);
}

function writeChangePrefix(target: Buffer, revision: number): void {
  target[0] = CHANGE;
  target.writeUInt32BE(Math.floor(revision / TWO_POW_32), 1);
  target.writeUInt32BE(revision % TWO_POW_32, 5);
}
