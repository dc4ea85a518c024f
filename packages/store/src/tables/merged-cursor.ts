import type { EntryCursor } from "./cursor.js";
import { compareKeys } from "./key-order.js";

/**
 * Several cursors as one: each key once, as the newest of those that have it tells. Removals come as well.
 *
 *     for (await merged.load(); merged.current !== null; merged.isLoaded || (await merged.load())) { …; merged.advance(); }
 */
export class MergedCursor {
  readonly #sign: 1 | -1;
  /** At entries of different keys, in the order of these. There are few, and most often the one that was first stays first. */
  readonly #heads: EntryCursor[] = [];
  /** At the end of what they had in memory. Until they are loaded nobody knows what comes next. */
  #empty: EntryCursor[];

  constructor(cursors: readonly EntryCursor[], reverse: boolean) {
    this.#sign = reverse ? -1 : 1;
    this.#empty = [...cursors];
  }

  /** `current` is the next entry, or null at the end; otherwise `load` is to be awaited. */
  get isLoaded(): boolean {
    return this.#empty.length === 0;
  }

  get current(): EntryCursor | null {
    return this.#heads[0] ?? null;
  }

  async load(): Promise<void> {
    while (this.#empty.length > 0) {
      const loading = this.#empty;
      this.#empty = [];
      await Promise.all(loading.map((cursor) => cursor.load()));
      for (const cursor of loading) this.#place(cursor);
    }
  }

  /** Goes on behind the current key. */
  advance(): void {
    const first = this.#heads.shift();
    if (first === undefined) return;
    first.advance();
    this.#place(first);
  }

  /** Puts a cursor where its key belongs. Of two at one key the older one goes on. */
  #place(placed: EntryCursor): void {
    const heads = this.#heads;
    let cursor = placed;
    for (let i = 0; cursor.isAtEntry;) {
      const other = heads[i];
      const order = other === undefined ? -1 : this.#compare(cursor, other);
      if (order < 0) {
        heads.splice(i, 0, cursor);
        return;
      }
      if (order === 0 && other !== undefined) {
        if (cursor.rank < other.rank) {
          heads[i] = cursor;
          cursor = other;
        }
        cursor.advance();
      }
      i += 1;
    }
    if (!cursor.hasEnded) this.#empty.push(cursor);
  }

  #compare(a: EntryCursor, b: EntryCursor): number {
    const order = compareKeys(
      a.bytes,
      a.place.keyFrom,
      a.place.keyTo,
      b.bytes,
      b.place.keyFrom,
      b.place.keyTo,
    );
    return this.#sign * order;
  }
}
