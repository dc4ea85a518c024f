import type { LogIndex } from "../core/types.js";
import type { Frame } from "../frame.js";

/**
 * The recent entries of one group, for replication and apply. Bounded in bytes: the oldest go first, but none goes
 * before it can be read back from the disk. The bytes are those of the frames as they were appended, not copies.
 */
export class GroupMemtable {
  readonly #bytesMax: number;
  /** Entry `#firstIndex + i` is at `#head + i`. */
  #frames: (Frame | undefined)[] = [];
  #head = 0;
  #firstIndex: number;
  #bytes = 0;

  /** Empty, with `nextIndex` as the next entry that can be added. */
  constructor(bytesMax: number, nextIndex: number) {
    this.#bytesMax = bytesMax;
    this.#firstIndex = nextIndex;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get firstIndex(): number {
    return this.#firstIndex;
  }

  get nextIndex(): number {
    return this.#firstIndex + this.#frames.length - this.#head;
  }

  /** Adds entries; the first replaces what stands at its index, and everything behind that. */
  add(frames: readonly Frame[]): void {
    const first = frames[0];
    if (first === undefined) return;
    if (first.index < this.#firstIndex) this.restart(first.index);
    else this.truncate(first.index);
    for (const frame of frames) {
      this.#frames.push(frame);
      this.#bytes += frame.size;
    }
  }

  /** Forgets the entries at and above `from`. */
  truncate(from: number): void {
    while (this.nextIndex > from) {
      const frame = this.#frames.pop();
      this.#bytes -= frame?.size ?? 0;
    }
  }

  /** Forgets all; the next entry is `nextIndex`. */
  restart(nextIndex: number): void {
    this.#frames = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#firstIndex = nextIndex;
  }

  /** Forgets the entries before `index`. */
  dropBefore(index: LogIndex): void {
    while (this.#firstIndex < index && this.#head < this.#frames.length) this.#dropFirst();
    this.#firstIndex = Math.max(this.#firstIndex, index);
    this.#compact();
  }

  /** Forgets the oldest entries until the rest fits, as far as they are before `stable`: readable from the disk. */
  evict(stable: LogIndex): void {
    while (this.#bytes > this.#bytesMax && this.#firstIndex < stable) this.#dropFirst();
    this.#compact();
  }

  /** Entries [from, to), cut once they reach `bytesMax` but at least one; null when one of them is not here. */
  get(from: LogIndex, to: LogIndex, bytesMax: number): Frame[] | null {
    if (from < this.#firstIndex || to > this.nextIndex || from >= to) return null;
    const frames: Frame[] = [];
    let bytes = 0;
    for (let at = this.#head + from - this.#firstIndex; frames.length < to - from; at += 1) {
      const frame = this.#frames[at];
      if (frame === undefined) return null;
      bytes += frame.size;
      if (bytes > bytesMax && frames.length > 0) break;
      frames.push(frame);
    }
    return frames;
  }

  #dropFirst(): void {
    const frame = this.#frames[this.#head];
    this.#frames[this.#head] = undefined;
    this.#bytes -= frame?.size ?? 0;
    this.#head += 1;
    this.#firstIndex += 1;
  }

  /** The room of what was dropped is given back when it is the larger half. */
  #compact(): void {
    if (this.#head < 1024 || this.#head * 2 < this.#frames.length) return;
    this.#frames = this.#frames.slice(this.#head);
    this.#head = 0;
  }
}
