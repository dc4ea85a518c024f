import type { Append } from "./appender.js";

/** Bounds how long one sync is put off by the write before it: 4 MiB, or half a segment where that is less. */
const BATCH_BYTES = 4 * 1024 * 1024;

/**
 * The appends that are not known to be on disk, in order. `snapshot` says which of them make the next batch and
 * leaves them here; only `commit` takes them out. So a write that fails loses none (W1).
 */
export class CommitQueue {
  readonly #bytesMax: number;
  #waiting: Append[] = [];
  #taken: Append[] = [];
  #bytes = 0;

  constructor(segmentBytes: number) {
    this.#bytesMax = Math.min(BATCH_BYTES, segmentBytes / 2);
  }

  get length(): number {
    return this.#waiting.length + this.#taken.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(append: Append): void {
    this.#waiting.push(append);
    this.#bytes += append.bytes;
  }

  /** The appends of the next batch: all that wait, as far as they fit, but at least one. */
  snapshot(): readonly Append[] {
    let count = 0;
    for (let bytes = 0; count < this.#waiting.length; count += 1) {
      bytes += this.#waiting[count]?.bytes ?? 0;
      if (bytes > this.#bytesMax && count > 0) break;
    }
    if (count === this.#waiting.length) {
      this.#taken = this.#waiting;
      this.#waiting = [];
    } else {
      this.#taken = this.#waiting.splice(0, count);
    }
    return this.#taken;
  }

  /** The snapshot is on disk. */
  commit(): readonly Append[] {
    const taken = this.#taken;
    this.#taken = [];
    for (const append of taken) this.#bytes -= append.bytes;
    return taken;
  }
}
