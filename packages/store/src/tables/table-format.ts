import { crc32 } from "node:zlib";
import { StoreCorruptError, StoreError } from "../errors.js";
import { BloomFilter } from "./bloom-filter.js";
import { EntryPlace } from "./entries.js";

/** docs/storage-format.md shows a table byte by byte: blocks of entries, the index of the blocks, the filter, and a footer that leads to both. */
export const TABLE_FORMAT = 1;
/** A block ends with the entry that makes it so large. */
export const BLOCK_BYTES = 4_096;
export const CRC_BYTES = 4;
const MAGIC = "RKVT";
const FORMAT_AT = 4;
const ENTRIES_AT = 8;
const INDEX_AT = 16;
const INDEX_BYTES_AT = 24;
const BLOCKS_AT = 28;
const FILTER_BYTES_AT = 32;
const INDEX_CRC_AT = 36;
const FILTER_CRC_AT = 40;
const FOOTER_CRC_AT = 44;
export const FOOTER_BYTES = 48;
/** Enough for every size of a file. */
const SIZE_BYTES = 6;

export interface Footer {
  readonly entries: number;
  /** Where the blocks end. */
  readonly indexAt: number;
  readonly indexBytes: number;
  readonly blocks: number;
  readonly filterBytes: number;
  readonly indexCrc: number;
  readonly filterCrc: number;
}

export function encodeFooter(footer: Footer): Buffer {
  const bytes = Buffer.alloc(FOOTER_BYTES);
  bytes.write(MAGIC, "latin1");
  bytes.writeUInt32LE(TABLE_FORMAT, FORMAT_AT);
  bytes.writeUIntLE(footer.entries, ENTRIES_AT, SIZE_BYTES);
  bytes.writeUIntLE(footer.indexAt, INDEX_AT, SIZE_BYTES);
  bytes.writeUInt32LE(footer.indexBytes, INDEX_BYTES_AT);
  bytes.writeUInt32LE(footer.blocks, BLOCKS_AT);
  bytes.writeUInt32LE(footer.filterBytes, FILTER_BYTES_AT);
  bytes.writeUInt32LE(footer.indexCrc, INDEX_CRC_AT);
  bytes.writeUInt32LE(footer.filterCrc, FILTER_CRC_AT);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, FOOTER_CRC_AT)), FOOTER_CRC_AT);
  return bytes;
}

/**
 * @throws {StoreCorruptError} these are not the last bytes of a table of `fileBytes`.
 * @throws {StoreError} UNKNOWN_FORMAT: a newer version wrote it.
 */
export function decodeFooter(bytes: Buffer, fileBytes: number, path: string): Footer {
  const found = crc32(bytes.subarray(0, FOOTER_CRC_AT));
  const expected = bytes.readUInt32LE(FOOTER_CRC_AT);
  if (found !== expected)
    throw new StoreCorruptError(path, `a footer with the checksum ${hex(expected)}`, hex(found));
  const magic = bytes.toString("latin1", 0, FORMAT_AT);
  if (magic !== MAGIC) throw new StoreCorruptError(path, `a footer that begins with ${MAGIC}`, magic);
  const format = bytes.readUInt32LE(FORMAT_AT);
  if (format !== TABLE_FORMAT) {
    const message = `${path} has format ${format}, this version reads ${TABLE_FORMAT}: it was written by a newer version`;
    throw new StoreError("UNKNOWN_FORMAT", message);
  }
  const footer: Footer = {
    entries: bytes.readUIntLE(ENTRIES_AT, SIZE_BYTES),
    indexAt: bytes.readUIntLE(INDEX_AT, SIZE_BYTES),
    indexBytes: bytes.readUInt32LE(INDEX_BYTES_AT),
    blocks: bytes.readUInt32LE(BLOCKS_AT),
    filterBytes: bytes.readUInt32LE(FILTER_BYTES_AT),
    indexCrc: bytes.readUInt32LE(INDEX_CRC_AT),
    filterCrc: bytes.readUInt32LE(FILTER_CRC_AT),
  };
  const end = footer.indexAt + footer.indexBytes + footer.filterBytes + FOOTER_BYTES;
  if (end !== fileBytes || !BloomFilter.isLength(footer.filterBytes))
    throw new StoreCorruptError(path, `${end} bytes, as its footer tells`, String(fileBytes));
  return footer;
}

/**
 * Reads where the entries of a block begin, `block` being without its checksum, and adds that to `starts`, `from` further.
 * @throws {StoreCorruptError} the last entry ends beyond the block.
 */
export function readStarts(block: Buffer, from: number, starts: number[], path: string): void {
  for (let at = 0; at < block.length; at = SCRATCH.to) {
    if (!SCRATCH.read(block, at, block.length))
      throw new StoreCorruptError(path, "entries that end with their block", `one of up to ${SCRATCH.to}`);
    starts.push(from + at);
  }
}

const SCRATCH = new EntryPlace();

/** @throws {StoreCorruptError} the four bytes behind the block are not its checksum. `at` is where it stands in the file. */
export function checkBlock(bytes: Buffer, at: number, path: string): void {
  const end = bytes.length - CRC_BYTES;
  const expected = bytes.readUInt32LE(end);
  const found = crc32(bytes.subarray(0, end));
  if (found === expected) return;
  throw new StoreCorruptError(path, `a block at ${at} with the checksum ${hex(expected)}`, hex(found));
}

export function hex(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}
