import { StoreCorruptError } from "../errors.js";
import type { FileSystem, ReadableFile } from "../file-system.js";
import { BloomFilter } from "./bloom-filter.js";
import { EntryPlace } from "./entries.js";
import { crcInTurns, inTurns } from "./in-turns.js";
import { compareKeys } from "./key-order.js";
import { CRC_BYTES, FOOTER_BYTES, checkBlock, decodeFooter, hex } from "./table-format.js";
import type { Footer } from "./table-format.js";
import type { TableSize } from "./table-writer.js";

const SCRATCH_BYTES = 16 * 1024;
/** The block that was looked into last. */
const SCRATCH = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
const PLACE = new EntryPlace();
/** Blocks of an index that one turn of the event loop reads: a millisecond (C5). */
const BLOCKS_PER_TURN = 4_096;

/** A table that is whole and never changes. Its index and its filter are in memory; its blocks the page cache has. */
export class Table {
  readonly number: number;
  readonly size: TableSize;
  readonly path: string;
  readonly #file: ReadableFile;
  /** Of each block the beginning of its first key, as far as that tells it from the last key before, end to end, and where each ends. */
  readonly #firstKeys: Buffer;
  readonly #firstKeyEnds: Uint32Array;
  /** Where in the file each block begins, and where the last one ends. */
  readonly #blockStarts: Float64Array;
  readonly #filter: BloomFilter;
  #users = 1;

  private constructor(number: number, size: TableSize, path: string, file: ReadableFile, parts: TableParts) {
    this.number = number;
    this.size = size;
    this.path = path;
    this.#file = file;
    this.#firstKeys = parts.firstKeys;
    this.#firstKeyEnds = parts.firstKeyEnds;
    this.#blockStarts = parts.blockStarts;
    this.#filter = parts.filter;
  }

  /** Opens the table, with one user. @throws {StoreCorruptError} it is not the one that was written. */
  static async open(
    fileSystem: FileSystem,
    path: string,
    { number, ...size }: TableSize & { readonly number: number },
  ): Promise<Table> {
    const file = await openTable(fileSystem, path);
    try {
      return new Table(number, size, path, file, await readParts(file, path, size));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get blocks(): number {
    return this.#firstKeyEnds.length;
  }

  /** The last block that can hold `key`; -1 when the table begins behind it. */
  blockOf(key: Buffer): number {
    let low = 0;
    let high = this.blocks;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const from = middle === 0 ? 0 : (this.#firstKeyEnds[middle - 1] ?? 0);
      const to = this.#firstKeyEnds[middle] ?? 0;
      if (compareKeys(this.#firstKeys, from, to, key, 0, key.length) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Where a block begins in the file; for the number of blocks, where the last one ends. */
  blockStart(block: number): number {
    return this.#blockStarts[block] ?? 0;
  }

  /** Blocks [from, to), as they are in the file. */
  async readBlocks(from: number, to: number): Promise<Buffer> {
    const start = this.blockStart(from);
    const bytes = Buffer.allocUnsafeSlow(this.blockStart(to) - start);
    await this.#file.read(bytes, start);
    return bytes;
  }

  /** The value of a key, a copy; null when it is removed, undefined when this table does not know it. `hash` is the key's. */
  get(key: Buffer, hash: number): Buffer | null | undefined {
    if (!this.#filter.mayHave(hash)) return undefined;
    const number = this.blockOf(key);
    if (number < 0) return undefined;
    const start = this.blockStart(number);
    const length = this.blockStart(number + 1) - start;
    const block = length <= SCRATCH_BYTES ? SCRATCH.subarray(0, length) : Buffer.allocUnsafeSlow(length);
    this.#file.readSync(block, start);
    checkBlock(block, start, this.path);
    const end = length - CRC_BYTES;
    for (let at = 0; at < end; at = PLACE.to) {
      if (!PLACE.read(block, at, end))
        throw new StoreCorruptError(this.path, "whole entries", `block ${number}`);
      const order = compareKeys(block, PLACE.keyFrom, PLACE.keyTo, key, 0, key.length);
      if (order > 0) return undefined;
      if (order === 0) return PLACE.isRemoval ? null : Buffer.from(block.subarray(PLACE.keyTo, PLACE.to));
    }
    return undefined;
  }

  /** One more reads this table: it stays open until `release`, also when its file has lost its name. */
  retain(): void {
    this.#users += 1;
  }

  async release(): Promise<void> {
    this.#users -= 1;
    if (this.#users === 0) await this.#file.close();
  }
}

async function openTable(fileSystem: FileSystem, path: string): Promise<ReadableFile> {
  try {
    return await fileSystem.openFile(path);
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ENOENT")) throw cause;
    throw new StoreCorruptError(path, "a table that the manifest names", "none", { cause });
  }
}

interface TableParts {
  readonly firstKeys: Buffer;
  readonly firstKeyEnds: Uint32Array;
  readonly blockStarts: Float64Array;
  readonly filter: BloomFilter;
}

async function readParts(file: ReadableFile, path: string, size: TableSize): Promise<TableParts> {
  if (file.bytes !== size.bytes || size.bytes < FOOTER_BYTES)
    throw new StoreCorruptError(path, `${size.bytes} bytes`, String(file.bytes));
  const last = Buffer.alloc(FOOTER_BYTES);
  await file.read(last, size.bytes - FOOTER_BYTES);
  const footer = decodeFooter(last, size.bytes, path);
  if (footer.entries !== size.entries)
    throw new StoreCorruptError(path, `${size.entries} entries`, String(footer.entries));
  const index = await readChecked(file, path, footer.indexAt, footer.indexBytes, footer.indexCrc);
  const filterAt = footer.indexAt + footer.indexBytes;
  const filter = await readChecked(file, path, filterAt, footer.filterBytes, footer.filterCrc);
  return { ...(await readIndex(index, footer, path)), filter: new BloomFilter(filter) };
}

async function readChecked(
  file: ReadableFile,
  path: string,
  at: number,
  length: number,
  crc: number,
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  await file.read(bytes, at);
  const found = await crcInTurns(bytes);
  if (found !== crc)
    throw new StoreCorruptError(path, `${length} bytes at ${at} with the checksum ${hex(crc)}`, hex(found));
  return bytes;
}

/** Of each block: the length of the beginning of its first key, its own, and that beginning. These are moved together. */
async function readIndex(index: Buffer, footer: Footer, path: string): Promise<Omit<TableParts, "filter">> {
  const place = new EntryPlace();
  const firstKeyEnds = new Uint32Array(footer.blocks);
  const blockStarts = new Float64Array(footer.blocks + 1);
  let at = 0;
  let keysEnd = 0;
  const read = (from: number, to: number): void => {
    for (let block = from; block < to; block++) {
      // The same two numbers as before an entry; here the key stands behind both, and nothing behind the key.
      place.read(index, at, index.length);
      const blockBytes = place.to - place.keyTo + 1;
      index.copyWithin(keysEnd, place.keyFrom, place.keyTo);
      keysEnd += place.keyTo - place.keyFrom;
      at = place.keyTo;
      firstKeyEnds[block] = keysEnd;
      blockStarts[block + 1] = (blockStarts[block] ?? 0) + blockBytes;
    }
  };
  await inTurns(footer.blocks, read, BLOCKS_PER_TURN);
  if (at !== index.length || blockStarts[footer.blocks] !== footer.indexAt)
    throw new StoreCorruptError(path, "an index of all blocks", `${footer.blocks} blocks, ${at} bytes`);
  return { firstKeys: Buffer.from(index.subarray(0, keysEnd)), firstKeyEnds, blockStarts };
}
