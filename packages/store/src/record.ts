import { StoreCorruptError } from "./errors.js";
import { NONE } from "./version.js";
import type { Version } from "./version.js";

/**
 * The bytes of a version, the same in the record of the latest version (L) and in the change record (H); only a
 * value above `inlineValueBytesMax` is left out of L. docs/storage-format.md shows them byte by byte.
 */
const DELETED = 0x01;
const VALUE_ELSEWHERE = 0x02;
const BASES_SHIFT = 2;
const BASES_MASK = 3;
const BASES_MAX = 2;
const LEASED = 0x10;
const KNOWN_FLAGS = DELETED | VALUE_ELSEWHERE | (BASES_MASK << BASES_SHIFT) | LEASED;

const VARINT_BYTES_MAX = 8;
const FIXED_BYTES = 3;
/** Numbers of roots that a header can hold. */
export const ROOT_NUMBERS_MAX = 2 * 255;
const ONE_BYTE_VARINT_BITS = 0x80;
const BITWISE_MAX = 0x7fff_ffff;

/** The most bytes that the part before the value can take. */
export function headerBytesMax(rootNumbers: number): number {
  return FIXED_BYTES + (6 + rootNumbers + 2 * BASES_MAX) * VARINT_BYTES_MAX;
}

/** Writes everything before the value at `offset`; returns the offset behind it. */
export function encodeHeader(
  version: Pick<
    Version,
    "modRevision" | "sub" | "createRevision" | "version" | "lease" | "previous" | "rank" | "roots" | "bases"
  >,
  target: Buffer,
  offset: number,
): number {
  const { roots, bases, lease } = version;
  const deleted = version.version === 0 ? DELETED : 0;
  const leased = lease === 0 ? 0 : LEASED;
  target[offset] = deleted | leased | ((bases.length >> 1) << BASES_SHIFT);
  let at = writeVarint(target, offset + 1, version.modRevision);
  at = writeVarint(target, at, version.sub);
  at = writeVarint(target, at, version.createRevision);
  at = writeVarint(target, at, version.version);
  if (leased !== 0) at = writeVarint(target, at, lease);
  at = writeVarint(target, at, version.previous);
  target[at] = version.rank;
  target[at + 1] = roots.length >> 1;
  at += 2;
  for (const number of roots) at = writeVarint(target, at, number);
  for (const number of bases) at = writeVarint(target, at, number);
  return at;
}

/** Says of a header that its value does not stand behind it. */
export function markValueElsewhere(target: Buffer, offset: number): void {
  target[offset] = (target[offset] ?? 0) | VALUE_ELSEWHERE;
}

/** The record of the latest version (L). The version has its value in memory; a larger one than that is left out. */
export function encodeLatest(version: Version, inlineValueBytesMax: number): Buffer {
  const { source, valueStart, valueEnd } = version;
  const isInline = valueEnd - valueStart <= inlineValueBytesMax;
  const valueBytes = isInline ? valueEnd - valueStart : 0;
  const record = Buffer.allocUnsafe(headerBytesMax(version.roots.length) + valueBytes);
  const headerEnd = encodeHeader(version, record, 0);
  if (valueBytes > 0) source.copy(record, headerEnd, valueStart, valueEnd);
  if (!isInline) markValueElsewhere(record, 0);
  return record.subarray(0, headerEnd + valueBytes);
}

/** Of a header that was encoded here. */
export function modRevisionOf(bytes: Buffer, from: number): number {
  cursor = from + 1;
  return readVarint(bytes);
}

/** A version that nobody else has seen yet. */
export type OwnVersion = { -readonly [Field in keyof Version]: Version[Field] };

/**
 * Reads the record in [from, to); the value stays a range of `bytes`.
 * @throws {StoreCorruptError} the bytes are no record of this format; names the LevelDB directory.
 */
export function decodeRecord(
  key: string,
  bytes: Buffer,
  directory: string,
  from = 0,
  to = bytes.length,
): OwnVersion {
  const flags = bytes[from];
  const baseCount = ((flags ?? 0) >> BASES_SHIFT) & BASES_MASK;
  if (flags === undefined || (flags & ~KNOWN_FLAGS) !== 0 || baseCount > BASES_MAX) {
    throw damaged(directory, key, flags === undefined ? "no bytes" : `flags 0x${flags.toString(16)}`);
  }
  cursor = from + 1;
  const modRevision = readVarint(bytes);
  const sub = readVarint(bytes);
  const createRevision = readVarint(bytes);
  const version = readVarint(bytes);
  const lease = (flags & LEASED) === 0 ? 0 : readVarint(bytes);
  const previous = readVarint(bytes);
  const rank = bytes[cursor] ?? 0;
  const rootCount = bytes[cursor + 1] ?? 0;
  cursor += 2;
  const roots = rootCount === 0 ? NONE : readVarints(bytes, 2 * rootCount);
  const bases = baseCount === 0 ? NONE : readVarints(bytes, 2 * baseCount);
  const valueStart = cursor;
  if (valueStart > to) throw damaged(directory, key, `${to - from} bytes, its header needs more`);
  if ((version === 0) !== ((flags & DELETED) !== 0) || (version === 0 && lease !== 0)) {
    throw damaged(directory, key, `version ${version} with flags 0x${flags.toString(16)}`);
  }
  return {
    key,
    modRevision,
    sub,
    createRevision,
    version,
    lease,
    previous,
    rank,
    roots,
    bases,
    source: bytes,
    valueStart: (flags & VALUE_ELSEWHERE) === 0 ? valueStart : -1,
    valueEnd: to,
    slot: null,
  };
}

function damaged(directory: string, key: string, found: string): StoreCorruptError {
  const shown = Buffer.from(key, "latin1").subarray(0, 64).toString("hex");
  return new StoreCorruptError(directory, `a record of the key 0x${shown}`, found);
}

/** The place that the readers below have come to: a field of the module, so that no read allocates a pair. */
let cursor = 0;

function readVarints(bytes: Buffer, count: number): number[] {
  const numbers: number[] = [];
  for (let i = 0; i < count; i++) numbers.push(readVarint(bytes));
  return numbers;
}

/** LEB128, unsigned. Past the end it reads zeros; the caller sees that from the cursor. */
function readVarint(bytes: Buffer): number {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < VARINT_BYTES_MAX; i++) {
    const byte = bytes[cursor] ?? 0;
    cursor += 1;
    value += (byte & 0x7f) * scale;
    if (byte < ONE_BYTE_VARINT_BITS) return value;
    scale *= 128;
  }
  return value;
}

function writeVarint(target: Buffer, offset: number, number: number): number {
  let at = offset;
  let value = number;
  while (value > BITWISE_MAX) {
    target[at++] = (value % 128) | 0x80;
    value = Math.floor(value / 128);
  }
  while (value >= ONE_BYTE_VARINT_BITS) {
    target[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  target[at++] = value;
  return at;
}
