/**
 * Reads a frame from front to back, for those whose layout is known beforehand: no array is made of what is only looked at, and
 * the bytes are walked once. Whatever is not as expected, also the end of the bytes, answers -1 or null, and stays so
 * to the end: the general decoder then says what is wrong with it, if anything is.
 */
export class FrameReader {
  readonly #bytes: Buffer;
  #at = 0;
  #failed = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Everything was as expected, and nothing is left. */
  get isWhole(): boolean {
    return !this.#failed && this.#at === this.#bytes.length;
  }

  /** The elements of the array that begins here; -1: there is none. */
  array(): number {
    const bytes = this.#bytes;
    const token = bytes[this.#at] ?? 0;
    if (token >= 0x90 && token < 0xa0) {
      this.#at += 1;
      return token - 0x90;
    }
    if (token !== 0xdc || this.#at + 3 > bytes.length) return this.#fail();
    const length = ((bytes[this.#at + 1] as number) << 8) | (bytes[this.#at + 2] as number);
    this.#at += 3;
    return length;
  }

  /** Passes over a nil, if there is one. */
  nil(): boolean {
    if (this.#bytes[this.#at] !== 0xc0) return false;
    this.#at += 1;
    return true;
  }

  /** A whole number from 0 to 2^53 - 1; -1: there is none. */
  count(): number {
    const bytes = this.#bytes;
    const at = this.#at;
    const token = bytes[at] ?? 0xc1;
    if (token < 0x80) {
      this.#at = at + 1;
      return token;
    }
    const size = token === 0xcc ? 1 : token === 0xcd ? 2 : token === 0xce ? 4 : token === 0xcb ? 8 : 0;
    if (size === 0 || at + 1 + size > bytes.length) return this.#fail();
    this.#at = at + 1 + size;
    if (size === 8) {
      const value = bytes.readDoubleBE(at + 1);
      return Number.isSafeInteger(value) && value >= 0 ? value : this.#fail();
    }
    let value = 0;
    for (let index = at + 1; index < this.#at; index += 1) value = value * 256 + (bytes[index] as number);
    return value;
  }

  /** A view of at most `max` bytes (J); null: there are none, or more. */
  bytes(max: number): Buffer | null {
    const bytes = this.#bytes;
    const at = this.#at;
    const token = bytes[at];
    const size = token === 0xc4 ? 1 : token === 0xc5 ? 2 : token === 0xc6 ? 4 : 0;
    const from = at + 1 + size;
    let length = 0;
    for (let index = at + 1; index < from; index += 1) length = length * 256 + (bytes[index] ?? 0);
    if (size === 0 || length > max || from + length > bytes.length) {
      this.#failed = true;
      return null;
    }
    this.#at = from + length;
    return bytes.subarray(from, this.#at);
  }

  #fail(): -1 {
    this.#failed = true;
    return -1;
  }
}
