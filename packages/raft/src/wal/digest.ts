import { crc32 } from "node:zlib";

const SMALL_BYTES = 32;

/**
 * Gathers the scattered bytes that a batch's checksum covers, to run the checksum once over them: one native call a
 * batch instead of one for each entry. The buffer is kept for the next batch.
 */
export class Digest {
  #bytes = Buffer.allocUnsafeSlow(4096);
  #length = 0;

  clear(): void {
    this.#length = 0;
  }

  /** Adds `source` from `from` to `to`. */
  add(source: Uint8Array, from: number, to: number): void {
    const end = this.#length + to - from;
    if (end > this.#bytes.length) this.#grow(end);
    if (to - from <= SMALL_BYTES) {
      // A loop beats the call that a copy costs: this runs once for each entry, over eight bytes.
      for (let at = from, target = this.#length; at < to; at += 1, target += 1)
        this.#bytes[target] = source[at] ?? 0;
    } else {
      this.#bytes.set(source.subarray(from, to), this.#length);
    }
    this.#length = end;
  }

  checksum(seed: number): number {
    return crc32(this.#bytes.subarray(0, this.#length), seed);
  }

  #grow(bytes: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(bytes, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
