const ARENA_BYTES = 256 * 1024;

/**
 * Collects the pieces of one gathered write. Small pieces are copied together into an arena that is used again for
 * the next write, large ones are taken as they are: a copy below `COPY_BYTES_MAX` costs less than one more element
 * of a `writev` (docs/decisions/0003-log-io.md).
 */
export const COPY_BYTES_MAX = 1024;

export class Gather {
  readonly #first = Buffer.allocUnsafeSlow(ARENA_BYTES);
  #arena = this.#first;
  /** What stands in the arena from `#from` to `#to` is not yet among the buffers. */
  #from = 0;
  #to = 0;
  #buffers: Buffer[] = [];

  /** Room for `bytes` bytes that the caller fills before the write begins. */
  reserve(bytes: number): Buffer {
    if (this.#to + bytes > this.#arena.length) {
      this.#flush();
      this.#arena = Buffer.allocUnsafeSlow(Math.max(bytes, ARENA_BYTES));
      this.#from = 0;
      this.#to = 0;
    }
    const room = this.#arena.subarray(this.#to, this.#to + bytes);
    this.#to += bytes;
    return room;
  }

  add(piece: Buffer): void {
    if (piece.length <= COPY_BYTES_MAX) {
      this.reserve(piece.length).set(piece);
    } else {
      this.#flush();
      this.#buffers.push(piece);
    }
  }

  /** The pieces in order. They are valid until the next one is reserved or added: the write must be over by then. */
  take(): Buffer[] {
    this.#flush();
    const buffers = this.#buffers;
    this.#buffers = [];
    this.#arena = this.#first;
    this.#from = 0;
    this.#to = 0;
    return buffers;
  }

  #flush(): void {
    if (this.#to > this.#from) this.#buffers.push(this.#arena.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}
