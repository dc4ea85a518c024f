import { EntryPlace, lowerBound } from "./entries.js";
import type { EntryView } from "./entries.js";
import { CRC_BYTES, checkBlock, readStarts } from "./table-format.js";
import type { Table } from "./table.js";

/** Keys in [from, to), in one order or the other. */
export interface Span {
  readonly from: Buffer;
  readonly to: Buffer;
  readonly reverse: boolean;
}

/**
 * Goes over entries. While `isAtEntry`, `bytes`, `from` and `place` tell where the entry is; otherwise it is at its end, or
 * `load` is to be awaited.
 */
export abstract class EntryCursor {
  bytes: Buffer = Buffer.alloc(0);
  from = 0;
  readonly place = new EntryPlace();
  isAtEntry = false;
  hasEnded = false;
  /** Entries of a smaller rank are newer. */
  readonly rank: number;
  #starts: readonly number[] = [];
  #at = 0;
  #step = 1;
  #left = 0;

  constructor(rank: number) {
    this.rank = rank;
  }

  /** Goes to the next entry if it was loaded already. */
  advance(): void {
    this.#left -= 1;
    this.isAtEntry = this.#left > 0;
    if (!this.isAtEntry) return;
    this.#at += this.#step;
    this.#read();
  }

  /** Goes to the next entry, if there is one. */
  abstract load(): Promise<void>;

  /** What comes next: the entries of a view that lie in [first, end), all of them in memory. */
  protected take({ bytes, starts }: EntryView, first: number, end: number, reverse: boolean): void {
    this.bytes = bytes;
    this.#starts = starts;
    this.#step = reverse ? -1 : 1;
    this.#at = reverse ? end - 1 : first;
    this.#left = end - first;
    this.isAtEntry = this.#left > 0;
    if (this.isAtEntry) this.#read();
  }

  #read(): void {
    this.from = this.#starts[this.#at] ?? 0;
    this.place.read(this.bytes, this.from, this.bytes.length);
  }
}

/** Over entries in memory. */
export class MemoryCursor extends EntryCursor {
  readonly #view: EntryView;
  readonly #span: Span;

  constructor(view: EntryView, span: Span, rank: number) {
    super(rank);
    this.#view = view;
    this.#span = span;
  }

  override load(): Promise<void> {
    const view = this.#view;
    if (this.bytes.length === 0 && view.count > 0) {
      const { from, to, reverse } = this.#span;
      const first = lowerBound(view, from);
      this.take(view, first, Math.max(first, lowerBound(view, to)), reverse);
    }
    this.hasEnded = !this.isAtEntry;
    return Promise.resolve();
  }
}

/** Over a table. It reads one block at first, for those who want no more, then more each time, up to `readBytesMax`. */
export class TableCursor extends EntryCursor {
  readonly #table: Table;
  readonly #span: Span;
  readonly #readBytesMax: number;
  /** What was not read yet: blocks [from, to). */
  #blockFrom: number;
  #blockTo: number;
  #readBytes = 1;

  constructor(table: Table, span: Span, rank: number, readBytesMax: number) {
    super(rank);
    this.#table = table;
    this.#span = span;
    this.#readBytesMax = readBytesMax;
    this.#blockFrom = Math.max(0, table.blockOf(span.from));
    this.#blockTo = table.blockOf(span.to) + 1;
  }

  override async load(): Promise<void> {
    while (!this.isAtEntry && this.#blockFrom < this.#blockTo) await this.#loadBlocks();
    this.hasEnded = !this.isAtEntry;
  }

  async #loadBlocks(): Promise<void> {
    const table = this.#table;
    const { from, to, reverse } = this.#span;
    const [first, end] = this.#next();
    if (reverse) this.#blockTo = first;
    else this.#blockFrom = end;
    const bytes = await table.readBlocks(first, end);
    const starts: number[] = [];
    const start = table.blockStart(first);
    for (let block = first; block < end; block++) {
      const at = table.blockStart(block) - start;
      const blockEnd = table.blockStart(block + 1) - start;
      checkBlock(bytes.subarray(at, blockEnd), start + at, table.path);
      readStarts(bytes.subarray(at, blockEnd - CRC_BYTES), at, starts, table.path);
    }
    const view = { bytes, starts, count: starts.length };
    const firstEntry = lowerBound(view, from);
    this.take(view, firstEntry, Math.max(firstEntry, lowerBound(view, to)), reverse);
  }

  /** The blocks that are to be read next, [first, end). */
  #next(): readonly [number, number] {
    const table = this.#table;
    const bytesMax = this.#readBytes;
    this.#readBytes = Math.min(4 * Math.max(bytesMax, table.blockStart(1)), this.#readBytesMax);
    let [first, end] = [this.#blockFrom, this.#blockTo];
    if (this.#span.reverse) {
      first = end - 1;
      while (first > this.#blockFrom && table.blockStart(end) - table.blockStart(first - 1) <= bytesMax)
        first -= 1;
    } else {
      end = first + 1;
      while (end < this.#blockTo && table.blockStart(end + 1) - table.blockStart(first) <= bytesMax) end += 1;
    }
    return [first, end];
  }
}
