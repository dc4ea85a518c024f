import type { Version } from "./version.js";

/** A block that grows beyond so many slots is cut in two. */
const SLOTS_PER_BLOCK_MAX = 256;

/** A key's place in an order, and the version that stands there. */
export interface Slot {
  readonly name: string;
  version: Version;
}

/**
 * Slots in the byte order of their keys, kept in order as they come: one that is new costs two searches by halving and a move
 * within a block. Strings of latin1 compare as the bytes that they stand for.
 */
export class SortedSlots {
  /** Ascending over all blocks; none is empty but the only one. */
  readonly #blocks: Slot[][] = [[]];
  /** The name that each block begins with, side by side so that a search touches little memory. */
  readonly #firsts: string[] = [""];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds a slot for a name that has none. */
  insert(slot: Slot): void {
    const at = this.#blockOf(slot.name);
    const block = this.#blocks[at] ?? [];
    const place = lowerBound(block, slot.name);
    if (place === block.length) block.push(slot);
    else block.splice(place, 0, slot);
    if (block.length > SLOTS_PER_BLOCK_MAX) this.#cut(at, block);
    this.#size += 1;
  }

  /** The versions of the names in [start, end), ascending; null for no end. Nothing may be inserted meanwhile. */
  *in(start: string, end: string | null): Generator<Version, void, void> {
    let at = this.#blockOf(start);
    let from = lowerBound(this.#blocks[at] ?? [], start);
    for (; at < this.#blocks.length; at++, from = 0) {
      const block = this.#blocks[at] ?? [];
      for (let i = from; i < block.length; i++) {
        const slot = block[i];
        if (slot === undefined || (end !== null && slot.name >= end)) return;
        yield slot.version;
      }
    }
  }

  /** The same, descending. */
  *back(start: string, end: string | null): Generator<Version, void, void> {
    let at = end === null ? this.#blocks.length - 1 : this.#blockOf(end);
    let until = end === null ? Infinity : lowerBound(this.#blocks[at] ?? [], end);
    for (; at >= 0; at--, until = Infinity) {
      const block = this.#blocks[at] ?? [];
      for (let i = Math.min(until, block.length) - 1; i >= 0; i--) {
        const slot = block[i];
        if (slot === undefined || slot.name < start) return;
        yield slot.version;
      }
    }
  }

  #cut(at: number, block: Slot[]): void {
    const rest = block.splice(SLOTS_PER_BLOCK_MAX >>> 1);
    this.#blocks.splice(at + 1, 0, rest);
    this.#firsts.splice(at + 1, 0, rest[0]?.name ?? "");
  }

  /** The last block that begins at or below `name`. What comes before all others goes into the first, whose name is empty here. */
  #blockOf(name: string): number {
    const firsts = this.#firsts;
    let low = 0;
    let high = firsts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((firsts[middle] ?? "") <= name) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function lowerBound(block: readonly Slot[], name: string): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((block[middle]?.name ?? "") < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
