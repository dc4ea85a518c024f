import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import { WalCorruptError, WalFormatError } from "./errors.js";
import { writeAll } from "./file-system.js";
import type { FileSystem, LogFile } from "./file-system.js";
import { hex, readInteger, writeInteger } from "./integers.js";

/**
 * A segment is one file of the log: a header of one disk sector, then batches, then zeros up to its size. The header
 * (all numbers little-endian):
 *
 *     offset  size  field
 *          0     8  "RAFTWAL" and a zero
 *          8     4  CRC-32 of everything behind this field, up to the end of the header
 *         12     4  format, 1
 *         16     8  segment number, as in the file's name
 *         24     8  epoch of the writer that made it (W6)
 *         32    16  identity: random, so that no two segments are ever taken for each other (W2)
 *         48   464  zero
 */
export const SEGMENT_HEADER_BYTES = 512;
export const SEGMENT_FORMAT = 1;

const MAGIC = Buffer.from("RAFTWAL\0", "latin1");
const IDENTITY_BYTES = 16;
const SUFFIX = ".wal";
const TEMPORARY_SUFFIX = ".wal.tmp";
const NAME_DIGITS = 16;
const ZEROS = Buffer.alloc(1024 * 1024);

export interface SegmentHeader {
  readonly number: number;
  readonly epoch: number;
  /** Where the checksum of every batch in this segment starts from: the segment's identity is in it (W2). */
  readonly seed: number;
}

/** A segment that can be written. `bytes` is its size, of which all behind the header is zero when it is new. */
export interface OpenSegment extends SegmentHeader {
  readonly path: string;
  readonly file: LogFile;
  readonly bytes: number;
}

export function segmentName(number: number): string {
  return `${String(number).padStart(NAME_DIGITS, "0")}${SUFFIX}`;
}

/** The number in a segment's name; null for a name that is none. */
export function segmentNumber(name: string): number | null {
  const digits = name.slice(0, -SUFFIX.length);
  const number = Number(digits);
  return Number.isSafeInteger(number) && number > 0 && name === segmentName(number) ? number : null;
}

/** Left behind by a crash while a segment was prepared (W4): nothing was ever acknowledged in it. */
export function isTemporaryName(name: string): boolean {
  return name.endsWith(TEMPORARY_SUFFIX);
}

function encodeSegmentHeader(number: number, epoch: number): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  MAGIC.copy(header, 0);
  header.writeUInt32LE(SEGMENT_FORMAT, 12);
  writeInteger(header, number, 16);
  writeInteger(header, epoch, 24);
  randomBytes(IDENTITY_BYTES).copy(header, 32);
  header.writeUInt32LE(crc32(header.subarray(12)), 8);
  return header;
}

/**
 * Reads the header of the segment at `path`, whose name says `number`.
 * A segment gets its name only when its header is durable, so a bad one is never a torn creation (W4).
 * @throws {WalCorruptError} it is not what was written there, or stands under another segment's name.
 * @throws {WalFormatError} a newer version wrote it.
 */
export function readSegmentHeader(header: Buffer, path: string, number: number): SegmentHeader {
  const damaged = (offset: number, expected: string, found: string): WalCorruptError =>
    new WalCorruptError({ file: path, offset, expected, found });
  if (header.length < SEGMENT_HEADER_BYTES) {
    throw damaged(header.length, `a segment header of ${SEGMENT_HEADER_BYTES} bytes`, "the end of the file");
  }
  if (!header.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw damaged(0, `the magic ${MAGIC.toString("hex")}`, header.subarray(0, MAGIC.length).toString("hex"));
  }
  const seed = header.readUInt32LE(8);
  const computed = crc32(header.subarray(12, SEGMENT_HEADER_BYTES));
  if (seed !== computed) throw damaged(8, `the header checksum ${hex(computed)}`, hex(seed));
  const format = header.readUInt32LE(12);
  if (format !== SEGMENT_FORMAT) throw new WalFormatError(path, format, SEGMENT_FORMAT);
  const stored = readInteger(header, 16);
  if (stored !== number) throw damaged(16, `segment ${number}, as its name says`, `segment ${stored}`);
  return { number, epoch: readInteger(header, 24), seed };
}

/**
 * Makes a segment of `bytes` bytes: written in full under a temporary name and synced, then named where none is, and
 * the name synced (W4). When the promise resolves a record in it may be acknowledged as soon as it is synced itself.
 */
export async function createSegment(
  fileSystem: FileSystem,
  dir: string,
  segment: { readonly number: number; readonly epoch: number; readonly bytes: number },
): Promise<OpenSegment> {
  const path = `${dir}/${segmentName(segment.number)}`;
  const temporary = `${path}.tmp`;
  const header = encodeSegmentHeader(segment.number, segment.epoch);
  const prepared = await fileSystem.open(temporary, "create");
  try {
    await writeAll(prepared, [header], 0);
    await writeZeros(prepared, SEGMENT_HEADER_BYTES, segment.bytes);
    await prepared.sync();
  } finally {
    await prepared.close();
  }
  await fileSystem.link(temporary, path);
  await fileSystem.unlink(temporary);
  await fileSystem.syncDirectory(dir);
  // Opened again under its name: whoever looks at the process from outside sees the segment, not a deleted file.
  const file = await fileSystem.open(path, "write");
  const seed = header.readUInt32LE(8);
  return { path, file, number: segment.number, epoch: segment.epoch, seed, bytes: segment.bytes };
}

/** Makes a segment that holds nothing yet larger, for a batch that fits into none of the usual size. */
export async function growSegment(segment: OpenSegment, bytes: number): Promise<OpenSegment> {
  await writeZeros(segment.file, segment.bytes, bytes);
  await segment.file.sync();
  return { ...segment, bytes };
}

/** Reserves room by writing: node has no fallocate, and a truncate reserves nothing. */
async function writeZeros(file: LogFile, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += ZEROS.length) {
    await writeAll(file, [ZEROS.subarray(0, Math.min(ZEROS.length, to - at))], at);
  }
}
