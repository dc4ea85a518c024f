const SLAB_BYTES = 64 * 1024;
/** A larger value gets a slab of its own, so that at most this much of a shared one is left unused. */
const SHARED_BYTES_MAX = SLAB_BYTES / 8;

/** A slab that is being filled, its number, and how far it is. */
class Filling {
  slab = Buffer.alloc(0);
  number = 0;
  used = 0;
}

/** Where a value was put. */
export interface Place {
  /** The slab's number, 1 or more. */
  readonly slab: number;
  readonly start: number;
}

/**
 * Values in memory: slabs of bytes that are written once, from the front. When there are too many the oldest one goes as a whole. So it costs
 * nothing to evict, memory is bounded in bytes with dead space counted, and what is read again is copied in time, see `isOld`.
 *
 * What is written and what is read fill slabs of their own. An unsettled version holds on to its slab longer than that is counted here, but
 * together they hold no more than was written since the last checkpoint, however much is read meanwhile.
 */
export class ValueSlabs {
  readonly #bytesMax: number;
  readonly #slabs = new Map<number, Buffer>();
  #first = 1;
  #next = 1;
  #bytes = 0;
  readonly #written = new Filling();
  readonly #read = new Filling();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Room for a record of up to `bytes`, at `slab[used]`, to be written there. It is taken by the `take` that follows. */
  reserve(bytes: number): { readonly slab: Buffer; readonly used: number } {
    if (bytes > SHARED_BYTES_MAX) return { slab: Buffer.allocUnsafeSlow(bytes), used: 0 };
    return this.#withRoom(this.#written, bytes);
  }

  /** Takes what was reserved last, up to `end`. Returns the slab's number, 1 or more. */
  take(slab: Buffer, end: number): number {
    if (slab !== this.#written.slab) return this.#add(slab);
    this.#written.used = end;
    return this.#written.number;
  }

  /** Copies a value that was read, so that it does not hold on to memory of its own. */
  copy(source: Buffer, start: number, end: number): Place {
    const bytes = end - start;
    if (bytes > SHARED_BYTES_MAX) {
      const slab = Buffer.allocUnsafeSlow(bytes);
      source.copy(slab, 0, start, end);
      return { slab: this.#add(slab), start: 0 };
    }
    const filling = this.#withRoom(this.#read, bytes);
    const place = { slab: filling.number, start: filling.used };
    source.copy(filling.slab, filling.used, start, end);
    filling.used += bytes;
    return place;
  }

  /** A slab that was taken before, while it is there. */
  get(number: number): Buffer | undefined {
    return this.#slabs.get(number);
  }

  /** It is in the older half: what is used of it is to be copied, or it goes with the rest. A single one is not old. */
  isOld(number: number): boolean {
    return 2 * number < this.#first + this.#next - 1;
  }

  #withRoom(filling: Filling, bytes: number): Filling {
    if (filling.used + bytes > filling.slab.length) {
      filling.slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      filling.used = 0;
      filling.number = this.#add(filling.slab);
    } else if (filling.number < this.#first) {
      // It went with the oldest. What is in it is not found any more, and the rest of it is as good as a new one.
      filling.number = this.#add(filling.slab);
    }
    return filling;
  }

  #add(slab: Buffer): number {
    const number = this.#next;
    this.#next += 1;
    this.#slabs.set(number, slab);
    this.#bytes += slab.length;
    while (this.#bytes > this.#bytesMax && this.#first < number) {
      this.#bytes -= this.#slabs.get(this.#first)?.length ?? 0;
      this.#slabs.delete(this.#first);
      this.#first += 1;
    }
    return number;
  }
}
