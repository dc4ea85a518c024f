const NO_BYTES = new Uint8Array();

/** Reads what a `ByteWriter` wrote. Throws what `error` makes when the bytes end too early or a number is too large. */
export class ByteReader {
  bytes: Uint8Array = NO_BYTES;
  at = 0;
  readonly #error: (message: string) => Error;

  constructor(error: (message: string) => Error) {
    this.#error = error;
  }

  /** From here on it reads `bytes`, from the first one. */
  open(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.at = 0;
  }

  byte(): number {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw this.#error(`it ends after ${this.bytes.length} bytes`);
    this.at += 1;
    return byte;
  }

  varint(): number {
    let byte = this.byte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let unit = 0x80;
    do {
      byte = this.byte();
      value += (byte & 0x7f) * unit;
      unit *= 0x80;
    } while (byte >= 0x80 && unit < 2 ** 56);
    if (byte >= 0x80 || !Number.isSafeInteger(value)) {
      throw this.#error(`the number that ends at byte ${this.at} is above 2^53 - 1`);
    }
    return value;
  }

  uint48(): number {
    let value = 0;
    let unit = 1;
    for (let i = 0; i < 6; i++) {
      value += this.byte() * unit;
      unit *= 0x100;
    }
    return value;
  }

  /** A view of what `ByteWriter.blob` wrote, not a copy. */
  blob(): Uint8Array {
    const length = this.varint();
    const start = this.at;
    const end = start + length;
    if (end > this.bytes.length) {
      throw this.#error(`${length} bytes are announced at byte ${start} of ${this.bytes.length}`);
    }
    this.at = end;
    return this.bytes.subarray(start, end);
  }

  /** Nothing may follow. */
  end(): void {
    const left = this.bytes.length - this.at;
    if (left > 0) throw this.#error(`${left} bytes follow behind its end at byte ${this.at}`);
  }

  fail(message: string): never {
    throw this.#error(message);
  }
}
