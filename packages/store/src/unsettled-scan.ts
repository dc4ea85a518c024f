import type { Order } from "./latest-scan.js";
import type { SortedSlots } from "./sorted-slots.js";
import type { Version } from "./version.js";

/** Versions that are taken from a layer at once: few at first, for those who want no more, then twice as many each time. */
const CHUNK_MIN = 8;
const CHUNK_MAX = 256;

/** Of the names in [start, end); null for no end. */
export interface Names {
  readonly start: string;
  readonly end: string | null;
}

/**
 * The versions of the keys in layers, in order; of a key that is in more than one, that of the layer which is named first. They are
 * looked up as the scan comes to them, so that it costs no more than what is taken of it. What is put into a layer meanwhile may
 * come or not, so a key's version is the one of the scan's beginning or a later one, and a key may come that is newer than that.
 */
export class UnsettledScan {
  readonly #layers: readonly LayerScan[];
  readonly #sign: 1 | -1;

  constructor(layers: readonly SortedSlots[], names: Names, order: Order) {
    this.#layers = layers.map((slots) => new LayerScan(slots, names, order));
    this.#sign = order === "ascending" ? 1 : -1;
  }

  /** The version that comes next; null at the end. To be looked at before a key of another source is taken as the next one. */
  head(): Version | null {
    let first: Version | null = null;
    for (const layer of this.#layers) {
      const version = layer.head();
      if (version !== null && (first === null || this.#isBefore(version.key, first.key))) first = version;
    }
    return first;
  }

  /** Goes on behind the key that came last. */
  pass(key: string): void {
    for (const layer of this.#layers) if (layer.head()?.key === key) layer.pass();
  }

  #isBefore(a: string, b: string): boolean {
    return this.#sign === 1 ? a < b : a > b;
  }
}

class LayerScan {
  readonly #slots: SortedSlots;
  readonly #order: Order;
  /** What was not taken yet. */
  #left: Names;
  #chunk: readonly Version[] = [];
  #at = 0;
  #chunkMax = CHUNK_MIN;
  #hasEnded = false;

  constructor(slots: SortedSlots, names: Names, order: Order) {
    this.#slots = slots;
    this.#left = names;
    this.#order = order;
  }

  head(): Version | null {
    if (this.#at === this.#chunk.length && !this.#hasEnded) this.#take();
    return this.#chunk[this.#at] ?? null;
  }

  pass(): void {
    this.#at += 1;
  }

  #take(): void {
    const { start, end } = this.#left;
    const isAscending = this.#order === "ascending";
    const chunk: Version[] = [];
    for (const version of isAscending ? this.#slots.in(start, end) : this.#slots.back(start, end)) {
      chunk.push(version);
      if (chunk.length === this.#chunkMax) break;
    }
    this.#chunk = chunk;
    this.#at = 0;
    this.#chunkMax = Math.min(2 * this.#chunkMax, CHUNK_MAX);
    const last = chunk.at(-1)?.key;
    // What is put in behind the end is newer than the scan, and other sources may have gone on by then.
    if (last === undefined) this.#hasEnded = true;
    else this.#left = isAscending ? { start: `${last}\0`, end } : { start, end: last };
  }
}
