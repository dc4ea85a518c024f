import type { LogIndex } from "../core/types.js";

/** Bytes of the log between two marks: what a read may have to pass over before its first entry. */
const STRIDE_BYTES = 64 * 1024;
const MARKS_MAX = 16_384;

/** A record: the `record`-th, counted from 0, of the batch at `offset` of `segment`. */
export interface RecordPlace {
  readonly segment: number;
  readonly offset: number;
  readonly record: number;
}

/** Entries from `index` on stand, in order, in this record and behind it. */
export interface Mark extends RecordPlace {
  readonly index: LogIndex;
  /** Set where entries were written again or the log began anew: what stands before it is not followed by this. */
  readonly boundary: boolean;
}

/**
 * Where one group's entries are on disk. It keeps a mark every 64 KiB and at each overwritten suffix, and reads pass
 * over what is between; above 16,384 marks every other one goes. So its memory is bounded however long the log is
 * (boundaries are never dropped, but there is at most one for each change of leader above the base).
 *
 * The entries of [mark, next mark) are the first ones with their indexes behind the mark's place: had one of them
 * been written again later, that place would be a boundary, and so the next mark.
 */
export class Positions {
  #marks: Mark[] = [];

  /** Where the first entry is, or a little before; null when there is none. */
  get firstSegment(): number | null {
    return this.#marks[0]?.segment ?? null;
  }

  /**
   * The first mark from which on the log is at most `bytesMax` long, where `bytesBehind` tells how long it is from a mark
   * to its end; null when it is longer even from the last.
   */
  firstWithin(bytesMax: number, bytesBehind: (mark: RecordPlace) => number): LogIndex | null {
    let low = 0;
    let high = this.#marks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const mark = this.#marks[middle];
      if (mark !== undefined && bytesBehind(mark) <= bytesMax) high = middle;
      else low = middle + 1;
    }
    return this.#marks[low]?.index ?? null;
  }

  /** Notes that the entries from `first` on were written at `place`; `lastIndex` was the last one until then. */
  note(first: LogIndex, lastIndex: LogIndex, place: RecordPlace): void {
    const boundary = first <= lastIndex || this.#marks.length === 0;
    this.truncate(first);
    const last = this.#marks.at(-1);
    const near = last?.segment === place.segment && place.offset - last.offset < STRIDE_BYTES;
    if (near && !boundary) return;
    const { segment, offset, record } = place;
    this.#marks.push({ index: first, segment, offset, record, boundary });
    if (this.#marks.length > MARKS_MAX) this.#thin();
  }

  /** Forgets the entries at and above `from`. */
  truncate(from: LogIndex): void {
    while ((this.#marks.at(-1)?.index ?? 0) >= from) this.#marks.pop();
  }

  /** Forgets the entries at and below `index`, as far as the marks are that fine. */
  dropThrough(index: LogIndex): void {
    let covered = 0;
    while ((this.#marks[covered + 1]?.index ?? Infinity) <= index + 1) covered += 1;
    this.#marks.splice(0, covered);
  }

  clear(): void {
    this.#marks = [];
  }

  /** The marks that lead to the entries [from, to), in order: the first is at or below `from`. */
  covering(from: LogIndex, to: LogIndex): Mark[] {
    let low = 0;
    let high = this.#marks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#marks[middle]?.index ?? Infinity) <= from) low = middle;
      else high = middle - 1;
    }
    let end = low;
    while ((this.#marks[end]?.index ?? Infinity) < to) end += 1;
    return this.#marks.slice(low, end);
  }

  #thin(): void {
    this.#marks = this.#marks.filter((mark, at) => mark.boundary || at % 2 === 0);
  }
}
