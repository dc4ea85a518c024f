import { crc32 } from "node:zlib";
import { StoreError } from "./errors.js";

/**
 * A piece of a snapshot stream, which is the same over the wire and in a file. All numbers little-endian:
 *
 *     offset  size  field
 *          0     4  magic, "RKVS"
 *          4     4  CRC-32 of everything behind it in the chunk
 *          8     4  length of the chunk in bytes, header included
 *         12     1  format, 1
 *         13     1  kind: 1 head, 2 records, 3 end
 *         14     2  zero
 *         16     4  number of the chunk in the stream, from 0
 *         20     …  body
 *
 * docs/storage-format.md says what the bodies hold.
 */
export const CHUNK_HEADER_BYTES = 20;
export const SNAPSHOT_FORMAT = 1;
/** Records are gathered up to about this much: a millisecond or two of work at either end (C5). */
export const CHUNK_BYTES_TARGET = 128 * 1024;

const MAGIC = 0x53564b52;
const CHECKED_FROM = 8;
const KINDS = ["head", "records", "end"] as const;
export const RECORD_HEADER_BYTES = 8;

export type ChunkKind = (typeof KINDS)[number];

export interface Chunk {
  readonly kind: ChunkKind;
  readonly number: number;
  /** A view of the bytes that were decoded. */
  readonly body: Buffer;
}

/** What arrived is not what was sent, or not in its place: the whole snapshot is thrown away (S10). */
export class SnapshotDamagedError extends StoreError {
  override readonly name = "SnapshotDamagedError";
  readonly expected: string;
  readonly found: string;

  constructor(expected: string, found: string, options?: ErrorOptions) {
    super("SNAPSHOT_DAMAGED", `the snapshot is damaged: expected ${expected}, found ${found}`, options);
    this.expected = expected;
    this.found = found;
  }
}

/** Written by a newer version of this program. */
export class SnapshotFormatError extends StoreError {
  override readonly name = "SnapshotFormatError";

  constructor(format: number) {
    super(
      "UNKNOWN_FORMAT",
      `the snapshot has format ${format}, this version reads ${SNAPSHOT_FORMAT}: it was written by a newer version`,
    );
  }
}

export function encodeChunk(kind: ChunkKind, number: number, body: Buffer): Buffer {
  const chunk = Buffer.allocUnsafe(CHUNK_HEADER_BYTES + body.length);
  chunk.set(body, CHUNK_HEADER_BYTES);
  return seal(kind, number, chunk);
}

/** A chunk of records: of each, the lengths of key and value (4 bytes each), the key, the value. */
export function encodeRecords(number: number, records: readonly (readonly [Buffer, Buffer])[]): Buffer {
  let bytes = CHUNK_HEADER_BYTES;
  for (const [key, value] of records) bytes += RECORD_HEADER_BYTES + key.length + value.length;
  const chunk = Buffer.allocUnsafe(bytes);
  let at = CHUNK_HEADER_BYTES;
  for (const [key, value] of records) {
    chunk.writeUInt32LE(key.length, at);
    chunk.writeUInt32LE(value.length, at + 4);
    chunk.set(key, at + RECORD_HEADER_BYTES);
    chunk.set(value, at + RECORD_HEADER_BYTES + key.length);
    at += RECORD_HEADER_BYTES + key.length + value.length;
  }
  return seal("records", number, chunk);
}

/**
 * @throws {SnapshotDamagedError} the bytes are not one whole chunk.
 * @throws {SnapshotFormatError} a newer version wrote it.
 */
export function decodeChunk(bytes: Buffer): Chunk {
  if (bytes.length < CHUNK_HEADER_BYTES || bytes.readUInt32LE(0) !== MAGIC) {
    throw new SnapshotDamagedError("a chunk", `${bytes.length} bytes that begin otherwise`);
  }
  if (bytes.readUInt32LE(8) !== bytes.length) {
    throw new SnapshotDamagedError(`a chunk of ${bytes.readUInt32LE(8)} bytes`, `${bytes.length}`);
  }
  const crc = crc32(bytes.subarray(CHECKED_FROM));
  if (crc !== bytes.readUInt32LE(4)) {
    throw new SnapshotDamagedError(`a checksum of ${hex(bytes.readUInt32LE(4))}`, hex(crc));
  }
  const format = bytes.readUInt8(12);
  if (format > SNAPSHOT_FORMAT) throw new SnapshotFormatError(format);
  const kind = KINDS[bytes.readUInt8(13) - 1];
  if (kind === undefined || format < 1) {
    throw new SnapshotDamagedError("a chunk of a kind that is known", `kind ${bytes.readUInt8(13)}`);
  }
  return { kind, number: bytes.readUInt32LE(16), body: bytes.subarray(CHUNK_HEADER_BYTES) };
}

/** How long the chunk is that begins with these bytes, at least a header; null when none does. */
export function chunkBytes(header: Buffer): number | null {
  return header.readUInt32LE(0) === MAGIC ? header.readUInt32LE(8) : null;
}

function hex(crc: number): string {
  return `0x${crc.toString(16).padStart(8, "0")}`;
}

/**
 * Calls `take` with each record of a chunk's body, as views of it.
 * @throws {SnapshotDamagedError} the lengths do not fit the body.
 */
export function eachRecord(body: Buffer, take: (key: Buffer, value: Buffer) => void): void {
  let at = 0;
  while (at < body.length) {
    const keyStart = at + RECORD_HEADER_BYTES;
    if (keyStart > body.length) {
      throw new SnapshotDamagedError("a record", `${body.length - at} bytes to the end of the chunk`);
    }
    const valueStart = keyStart + body.readUInt32LE(at);
    const end = valueStart + body.readUInt32LE(at + 4);
    if (end > body.length) {
      throw new SnapshotDamagedError("a record inside its chunk", `${end - body.length} bytes more`);
    }
    take(body.subarray(keyStart, valueStart), body.subarray(valueStart, end));
    at = end;
  }
}

function seal(kind: ChunkKind, number: number, chunk: Buffer): Buffer {
  chunk.writeUInt32LE(MAGIC, 0);
  chunk.writeUInt32LE(chunk.length, 8);
  chunk.writeUInt8(SNAPSHOT_FORMAT, 12);
  chunk.writeUInt8(KINDS.indexOf(kind) + 1, 13);
  chunk.writeUInt16LE(0, 14);
  chunk.writeUInt32LE(number, 16);
  chunk.writeUInt32LE(crc32(chunk.subarray(CHECKED_FROM)), 4);
  return chunk;
}
