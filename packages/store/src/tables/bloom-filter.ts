import { inTurns } from "./in-turns.js";

/** Of each key; with them, one key in 60 that is not there is said to be. */
const BITS_PER_KEY = 10;
/** All bits of a key lie in one line of the processor's cache, so that a look-up waits for memory once. */
const LINE_BYTES = 64;
const LINE_BITS = 8 * LINE_BYTES;
const LINE_WORDS = LINE_BYTES / Int32Array.BYTES_PER_ELEMENT;
/** Words that one turn of the event loop folds: half a millisecond (C5). */
const WORDS_PER_TURN = 256 * 1024;
/** Bits of a hash that say which bit of a line. */
const PLACE_BITS = 9;
const PLACE_MASK = LINE_BITS - 1;

/**
 * Tells that a key is not in a table, without reading it (Bloom, "Space/time trade-offs in hash coding with allowable errors",
 * 1970; in blocks: Putze, Sanders, Singler, "Cache-, hash- and space-efficient Bloom filters", 2007). The number of lines is a power of two.
 */
export class BloomFilter {
  readonly bytes: Buffer;
  readonly #lineMask: number;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#lineMask = bytes.length / LINE_BYTES - 1;
  }

  /** Empty, for at most so many keys. */
  static for(keysMax: number): BloomFilter {
    return new BloomFilter(Buffer.alloc(linesFor(keysMax) * LINE_BYTES));
  }

  static isLength(bytes: number): boolean {
    const lines = bytes / LINE_BYTES;
    return Number.isInteger(lines) && lines > 0 && Number.isInteger(Math.log2(lines));
  }

  /** The same keys in no more room than `keys` of them need. This one is of no use any more. */
  async folded(keys: number): Promise<BloomFilter> {
    const { buffer, byteOffset, length } = this.bytes;
    const words = new Int32Array(buffer, byteOffset, length / Int32Array.BYTES_PER_ELEMENT);
    let lines = length / LINE_BYTES;
    for (; lines > linesFor(keys); lines /= 2) {
      const half = (lines * LINE_WORDS) / 2;
      const fold = (from: number, to: number): void => {
        for (let i = from; i < to; i++) words[i] = (words[i] ?? 0) | (words[half + i] ?? 0);
      };
      await inTurns(half, fold, WORDS_PER_TURN);
    }
    return new BloomFilter(this.bytes.subarray(0, lines * LINE_BYTES));
  }

  add(hash: number): void {
    const line = (hash & this.#lineMask) * LINE_BYTES;
    this.#setThree(line, firstBits(hash));
    this.#setThree(line, secondBits(hash));
  }

  /** False: no key with this hash was added. */
  mayHave(hash: number): boolean {
    const line = (hash & this.#lineMask) * LINE_BYTES;
    return this.#hasThree(line, firstBits(hash)) && this.#hasThree(line, secondBits(hash));
  }

  #hasThree(line: number, bits: number): boolean {
    return (
      this.#has(line, bits & PLACE_MASK) &&
      this.#has(line, (bits >>> PLACE_BITS) & PLACE_MASK) &&
      this.#has(line, (bits >>> (2 * PLACE_BITS)) & PLACE_MASK)
    );
  }

  #setThree(line: number, bits: number): void {
    this.#set(line, bits & PLACE_MASK);
    this.#set(line, (bits >>> PLACE_BITS) & PLACE_MASK);
    this.#set(line, (bits >>> (2 * PLACE_BITS)) & PLACE_MASK);
  }

  #set(line: number, place: number): void {
    const at = line + (place >>> 3);
    this.bytes[at] = (this.bytes[at] ?? 0) | (1 << (place & 7));
  }

  #has(line: number, place: number): boolean {
    return ((this.bytes[line + (place >>> 3)] ?? 0) & (1 << (place & 7))) !== 0;
  }
}

function linesFor(keys: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, (keys * BITS_PER_KEY) / LINE_BITS)));
}

function firstBits(hash: number): number {
  return Math.imul(hash, 0x9e37_79b1) >>> 5;
}

function secondBits(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0xc2b2_ae35) >>> 5;
}
