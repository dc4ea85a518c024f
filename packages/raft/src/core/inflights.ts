import type { LogIndex } from "./types.js";

/**
 * Appends that were sent to a follower and not yet acknowledged: a ring of (last index, bytes), bounded by both.
 * A message that is larger than the whole byte budget goes when nothing else is in flight.
 */
export class Inflights {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  readonly #lastIndexes: LogIndex[] = [];
  readonly #sizes: number[] = [];
  #head = 0;
  #bytes = 0;

  constructor(messagesMax: number, bytesMax: number) {
    this.#messagesMax = messagesMax;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#lastIndexes.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get full(): boolean {
    return this.count >= this.#messagesMax || this.#bytes >= this.#bytesMax;
  }

  /** Bytes that may still go before the window is full. */
  get bytesLeft(): number {
    return Math.max(0, this.#bytesMax - this.#bytes);
  }

  add(lastIndex: LogIndex, bytes: number): void {
    this.#lastIndexes.push(lastIndex);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
  }

  /** Everything up to `index` arrived. */
  release(index: LogIndex): void {
    while (this.#head < this.#lastIndexes.length && (this.#lastIndexes[this.#head] ?? Infinity) <= index) {
      this.#bytes -= this.#sizes[this.#head] ?? 0;
      this.#head += 1;
    }
    if (this.#head * 2 > this.#lastIndexes.length) {
      this.#lastIndexes.splice(0, this.#head);
      this.#sizes.splice(0, this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#lastIndexes.length = 0;
    this.#sizes.length = 0;
    this.#head = 0;
    this.#bytes = 0;
  }
}
