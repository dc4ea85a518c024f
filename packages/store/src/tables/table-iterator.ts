import type { DatabaseIterator, IteratorOptions } from "../database.js";
import { nextTurn } from "../latest-scan.js";
import { MemoryCursor, TableCursor } from "./cursor.js";
import type { EntryCursor, Span } from "./cursor.js";
import type { EntryView } from "./entries.js";
import { MergedCursor } from "./merged-cursor.js";
import type { Table } from "./table.js";

/** Of a table, at once. */
const READ_BYTES_MAX = 64 * 1024;
/** Entries that one turn of the event loop goes over, removals among them: a millisecond or two (C5). */
const ENTRIES_PER_TURN = 4_096;

/** What is there at one moment, newest first. */
export interface TablesView {
  readonly memory: readonly EntryView[];
  readonly tables: readonly Table[];
}

/** Over the records of one moment. */
export class TableIterator implements DatabaseIterator {
  readonly #merged: MergedCursor;
  readonly #bytesMax: number;
  readonly #close: () => Promise<void>;
  #isClosed = false;
  #failure: Error | null = null;

  constructor(view: TablesView, options: IteratorOptions, close: () => Promise<void>) {
    const { gte: from, lt: to, reverse, highWaterMarkBytes } = options;
    const span: Span = { from, to, reverse };
    const inMemory = view.memory.map((entries, i): EntryCursor => new MemoryCursor(entries, span, i));
    const readBytesMax = Math.min(highWaterMarkBytes, READ_BYTES_MAX);
    const onDisk = view.tables.map(
      (table, i): EntryCursor => new TableCursor(table, span, inMemory.length + i, readBytesMax),
    );
    this.#merged = new MergedCursor([...inMemory, ...onDisk], reverse);
    this.#bytesMax = highWaterMarkBytes;
    this.#close = close;
  }

  async nextv(count: number): Promise<[Buffer, Buffer][]> {
    if (this.#failure !== null) throw this.#failure;
    try {
      return await this.#next(count);
    } catch (error) {
      // The cursors are behind what could not be read: whoever asked again would get older versions in its place, or nothing (S10).
      this.#failure = error instanceof Error ? error : new Error(String(error));
      throw this.#failure;
    }
  }

  async #next(count: number): Promise<[Buffer, Buffer][]> {
    const merged = this.#merged;
    const records: [Buffer, Buffer][] = [];
    let entries = 0;
    for (let bytes = 0; records.length < count && (bytes < this.#bytesMax || records.length === 0);) {
      if (!merged.isLoaded) await merged.load();
      entries += 1;
      if (entries % ENTRIES_PER_TURN === 0) await nextTurn();
      const entry = merged.current;
      if (entry === null) break;
      const { keyFrom, keyTo, to, isRemoval } = entry.place;
      if (!isRemoval) {
        // One copy, since the bytes that were read are many and would live as long as one record of them.
        const record = Buffer.from(entry.bytes.subarray(keyFrom, to));
        records.push([record.subarray(0, keyTo - keyFrom), record.subarray(keyTo - keyFrom)]);
        bytes += record.length;
      }
      merged.advance();
    }
    return records;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#close();
  }
}
