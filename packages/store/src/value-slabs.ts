const SLAB_BYTES = 64 * 1024;
/** A larger value gets a slab of its own, so that at most this much of a shared one is left unused. */
const SHARED_BYTES_MAX = SLAB_BYTES / 8;
const EMPTY_SLAB = Buffer.alloc(0);

/**
 * Values in memory: slabs of bytes that are written once, from the front. When there are too many the oldest one goes as a whole. So it costs
 * nothing to evict, memory is bounded in bytes with dead space counted, and what is read again is copied in time, see `isOld`.
 */
export class ValueSlabs {
  readonly #bytesMax: number;
  readonly #slabs = new Map<number, Buffer>();
  #first = 1;
  #next = 1;
  #bytes = 0;
  /** The shared slab that is being filled, its number, and how far it is. */
  #shared: Buffer = EMPTY_SLAB;
  #sharedNumber = 0;
  #used = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Room for up to `bytes`, at `slab[used]`. It is taken by the `take` that follows. */
  reserve(bytes: number): { readonly slab: Buffer; readonly used: number } {
    if (bytes > SHARED_BYTES_MAX) return { slab: Buffer.allocUnsafeSlow(bytes), used: 0 };
    if (this.#used + bytes > this.#shared.length) {
      this.#shared = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
      this.#sharedNumber = this.#add(this.#shared);
    }
    return { slab: this.#shared, used: this.#used };
  }

  /** Takes what was reserved last, up to `end`. Returns the slab's number, 1 or more. */
  take(slab: Buffer, end: number): number {
    if (slab !== this.#shared) return this.#add(slab);
    this.#used = end;
    return this.#sharedNumber;
  }

  /** A slab that was taken before, while it is there. */
  get(number: number): Buffer | undefined {
    return this.#slabs.get(number);
  }

  /** It is in the older half: what is used of it is to be copied, or it goes with the rest. */
  isOld(number: number): boolean {
    return 2 * number < this.#first + this.#next;
  }

  #add(slab: Buffer): number {
    const number = this.#next;
    this.#next += 1;
    this.#slabs.set(number, slab);
    this.#bytes += slab.length;
    while (this.#bytes > this.#bytesMax && this.#first < number) {
      const oldest = this.#slabs.get(this.#first);
      if (oldest === this.#shared) {
        this.#shared = EMPTY_SLAB;
        this.#used = 0;
      }
      this.#bytes -= oldest?.length ?? 0;
      this.#slabs.delete(this.#first);
      this.#first += 1;
    }
    return number;
  }
}
