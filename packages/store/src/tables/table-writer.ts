import { crc32 } from "node:zlib";
import type { FileSystem, WritableFile } from "../file-system.js";
import { BloomFilter } from "./bloom-filter.js";
import { rested } from "../latest-scan.js";
import { EntryPlace, copyBytes, withRoom, writeVarint } from "./entries.js";
import type { EntryList } from "./entries.js";
import { crcInTurns } from "./in-turns.js";
import { hashKey, sharedBytes } from "./key-order.js";
import { BLOCK_BYTES, CRC_BYTES, encodeFooter } from "./table-format.js";

/** So much is handed to the file at once. */
const WRITE_BYTES = 128 * 1024;
const NUMBERS_BYTES_MAX = 10;
/** Entries that one turn of the event loop writes out: a quarter of a millisecond (C5). */
const ENTRIES_PER_TURN = 512;

/** What the manifest knows of a table. */
export interface TableSize {
  readonly bytes: number;
  readonly entries: number;
}

/** Writes a table: entries in ascending order, each key once. */
export class TableWriter {
  readonly #file: WritableFile;
  readonly #filter: BloomFilter;
  /** What is not in the file yet. */
  #out: Buffer = Buffer.allocUnsafeSlow(WRITE_BYTES + 2 * BLOCK_BYTES);
  #used = 0;
  #written = 0;
  /** Of the block that is open, in `#out`. */
  #blockFrom = 0;
  /** What its index entry will be, a copy: the first bytes of its first key that tell it from the last key before. */
  #separator: Buffer = Buffer.alloc(0);
  #lastKeyFrom = 0;
  #lastKeyTo = 0;
  #index: Buffer = Buffer.alloc(0);
  #indexUsed = 0;
  #blocks = 0;
  #entries = 0;
  #isClosed = false;

  private constructor(file: WritableFile, entriesMax: number) {
    this.#file = file;
    this.#filter = BloomFilter.for(entriesMax);
  }

  /** Creates the file, or writes over what a crash left under its name. At most `entriesMax` entries will come. */
  static async create(fileSystem: FileSystem, path: string, entriesMax: number): Promise<TableWriter> {
    return new TableWriter(await fileSystem.createFile(path), entriesMax);
  }

  /** There is enough for `writeOut`. */
  get isFull(): boolean {
    return this.#blockFrom >= WRITE_BYTES;
  }

  /** Adds the entry in bytes[from, place.to). */
  add(bytes: Buffer, from: number, place: EntryPlace): void {
    const length = place.to - from;
    if (this.#used === this.#blockFrom) this.#separate(bytes, place);
    const out = withRoom(this.#out, this.#used, length + CRC_BYTES);
    this.#out = out;
    copyBytes(bytes, from, place.to, out, this.#used);
    this.#lastKeyFrom = this.#used + place.keyFrom - from;
    this.#lastKeyTo = this.#used + place.keyTo - from;
    this.#used += length;
    this.#entries += 1;
    this.#filter.add(hashKey(bytes, place.keyFrom, place.keyTo));
    if (this.#used - this.#blockFrom >= BLOCK_BYTES) this.#endBlock();
  }

  /** Writes the blocks that are complete. */
  async writeOut(): Promise<void> {
    const complete = this.#out.subarray(0, this.#blockFrom);
    await this.#file.write(complete);
    this.#written += this.#blockFrom;
    this.#out.copyWithin(0, this.#blockFrom, this.#used);
    const moved = this.#blockFrom;
    this.#used -= moved;
    this.#blockFrom = 0;
  }

  /** Writes what is left, synced; the file's name is for the caller to sync. */
  async finish(): Promise<TableSize> {
    if (this.#used > this.#blockFrom) this.#endBlock();
    await this.writeOut();
    const index = this.#index.subarray(0, this.#indexUsed);
    const { bytes: filter } = await this.#filter.folded(this.#entries);
    const footer = encodeFooter({
      entries: this.#entries,
      indexAt: this.#written,
      indexBytes: index.length,
      blocks: this.#blocks,
      filterBytes: filter.length,
      indexCrc: await crcInTurns(index),
      filterCrc: await crcInTurns(filter),
    });
    for (const part of [index, filter, footer]) await this.#file.write(part);
    await this.#file.sync();
    await this.close();
    return { bytes: this.#written + index.length + filter.length + footer.length, entries: this.#entries };
  }

  /** Closes the file as it is: unless `finish` did so, it means nothing. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.close();
  }

  /** To be called before the first entry of a block takes its place: the last one before is where it was written, also when `writeOut` was called. */
  #separate(bytes: Buffer, { keyFrom, keyTo }: EntryPlace): void {
    const shared = sharedBytes(this.#out, this.#lastKeyFrom, this.#lastKeyTo, bytes, keyFrom, keyTo);
    this.#separator = Buffer.from(bytes.subarray(keyFrom, Math.min(keyTo, keyFrom + shared + 1)));
  }

  #endBlock(): void {
    const out = withRoom(this.#out, this.#used, CRC_BYTES);
    this.#out = out;
    out.writeUInt32LE(crc32(out.subarray(this.#blockFrom, this.#used)), this.#used);
    this.#used += CRC_BYTES;
    const keyBytes = this.#separator.length;
    const index = withRoom(this.#index, this.#indexUsed, NUMBERS_BYTES_MAX + keyBytes);
    this.#index = index;
    let at = writeVarint(index, this.#indexUsed, keyBytes);
    at = writeVarint(index, at, this.#used - this.#blockFrom);
    this.#separator.copy(index, at);
    this.#indexUsed = at + keyBytes;
    this.#blocks += 1;
    this.#blockFrom = this.#used;
  }
}

/** Writes a list that is in order as a table. Its bytes are durable then, its name is not. */
export async function writeTable(fileSystem: FileSystem, path: string, list: EntryList): Promise<TableSize> {
  const { bytes, starts, count } = list.view();
  const writer = await TableWriter.create(fileSystem, path, count);
  try {
    const place = new EntryPlace();
    for (let i = 0; i < count; i++) {
      if (i % ENTRIES_PER_TURN === ENTRIES_PER_TURN - 1) await rested();
      const from = starts[i] ?? 0;
      place.read(bytes, from, bytes.length);
      writer.add(bytes, from, place);
      if (writer.isFull) await writer.writeOut();
    }
    return await writer.finish();
  } finally {
    await writer.close();
  }
}
