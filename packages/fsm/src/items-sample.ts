import { written } from "./byte-writer.js";
import type { ByteWriter } from "./byte-writer.js";

/** Something with an id, in a collection that is in the order of the ids. */
interface Item {
  readonly id: number;
}

/** What one slice holds at least, unless it is the last: a millisecond or two (C5). */
export const SLICE_BYTES = 32 * 1024;

/**
 * A collection as it was when the sample was made, written slice by slice while the collection goes on changing: an item that is
 * about to change before its turn is written first, and kept until then.
 */
export class ItemsSample<One extends Item> {
  readonly #items: readonly One[];
  readonly #write: (writer: ByteWriter, item: One) => void;
  readonly #early = new Map<number, Uint8Array>();
  /** Items below are in a slice that was handed out. */
  #at = 0;

  constructor(items: Iterable<One>, write: (writer: ByteWriter, item: One) => void) {
    this.#items = [...items];
    this.#write = write;
  }

  /** To be called before an item changes or goes. */
  changing(item: One): void {
    const next = this.#items[this.#at];
    const last = this.#items.at(-1);
    if (next === undefined || last === undefined || item.id < next.id || item.id > last.id) return;
    if (!this.#early.has(item.id)) this.#early.set(item.id, this.#written(item));
  }

  /** How many items there are, then each; at least `sliceBytes` at a time. */
  *slices(sliceBytes: number): Generator<Uint8Array, void, void> {
    yield written((writer) => writer.varint(this.#items.length));
    while (this.#at < this.#items.length) yield this.#slice(sliceBytes);
  }

  #slice(sliceBytes: number): Uint8Array {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for (; bytes < sliceBytes; this.#at += 1) {
      const item = this.#items[this.#at];
      if (item === undefined) break;
      const part = this.#early.get(item.id) ?? this.#written(item);
      this.#early.delete(item.id);
      parts.push(part);
      bytes += part.length;
    }
    const slice = new Uint8Array(bytes);
    let at = 0;
    for (const part of parts) {
      slice.set(part, at);
      at += part.length;
    }
    return slice;
  }

  #written(item: One): Uint8Array {
    return written((writer) => this.#write(writer, item));
  }
}

/** The samples of one collection that are being written. Nearly always none. */
export class ItemsSamples<One extends Item> {
  readonly #open = new Set<ItemsSample<One>>();
  readonly #write: (writer: ByteWriter, item: One) => void;

  constructor(write: (writer: ByteWriter, item: One) => void) {
    this.#write = write;
  }

  /** To be called before an item changes or goes. */
  changing(item: One): void {
    if (this.#open.size === 0) return;
    for (const sample of this.#open) sample.changing(item);
  }

  /** To be called before all of them change. */
  changingAll(items: Iterable<One>): void {
    if (this.#open.size > 0) for (const item of items) this.changing(item);
  }

  /** The slices of the items as they are now. They must be taken to their end, or be ended by `return`. */
  take(items: Iterable<One>, sliceBytes: number): Generator<Uint8Array, void, void> {
    const sample = new ItemsSample(items, this.#write);
    this.#open.add(sample);
    return this.#slices(sample, sliceBytes);
  }

  *#slices(sample: ItemsSample<One>, sliceBytes: number): Generator<Uint8Array, void, void> {
    try {
      yield* sample.slices(sliceBytes);
    } finally {
      this.#open.delete(sample);
    }
  }
}
