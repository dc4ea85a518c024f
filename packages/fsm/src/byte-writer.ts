/**
 * Writes numbers and bytes one after the other: into `target` from `at` on, or nowhere when that is null, only to
 * count. So what is counted and what is written come out of one function and cannot differ.
 */
export class ByteWriter {
  readonly #target: Uint8Array | null;
  /** Where the next byte goes; when counting from 0, the bytes so far. */
  at: number;

  constructor(target: Uint8Array | null, at: number) {
    this.#target = target;
    this.at = at;
  }

  byte(value: number): void {
    if (this.#target !== null) this.#target[this.at] = value;
    this.at += 1;
  }

  /** Unsigned LEB128, up to 2^53 - 1. */
  varint(value: number): void {
    const target = this.#target;
    let rest = value;
    while (rest >= 0x80) {
      if (target !== null) target[this.at] = (rest % 0x80) | 0x80;
      this.at += 1;
      rest = Math.floor(rest / 0x80);
    }
    if (target !== null) target[this.at] = rest;
    this.at += 1;
  }

  /** Unsigned, little-endian, in 6 bytes. */
  uint48(value: number): void {
    const target = this.#target;
    if (target !== null) {
      const low = value % 2 ** 32;
      const high = (value - low) / 2 ** 32;
      for (let i = 0; i < 4; i++) target[this.at + i] = (low >>> (8 * i)) & 0xff;
      target[this.at + 4] = high & 0xff;
      target[this.at + 5] = (high >>> 8) & 0xff;
    }
    this.at += 6;
  }

  /** The length as a varint, then the bytes. */
  blob(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.#target?.set(bytes, this.at);
    this.at += bytes.length;
  }
}

/** What `write` writes, in a buffer that it fills. */
export function written(write: (writer: ByteWriter) => void): Uint8Array {
  const count = new ByteWriter(null, 0);
  write(count);
  const bytes = new Uint8Array(count.at);
  write(new ByteWriter(bytes, 0));
  return bytes;
}
