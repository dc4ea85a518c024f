import { createHash } from "node:crypto";

const BUFFERED = 4096;

/** A hash over everything that happened, in order. Equal traces mean equal runs, bit for bit. */
export class Trace {
  readonly #hash = createHash("sha256");
  readonly #buffer = new Float64Array(BUFFERED);
  #used = 0;

  add(value: number): void {
    this.#buffer[this.#used] = value;
    this.#used += 1;
    if (this.#used === BUFFERED) this.#flush();
  }

  /** 64 hex digits. Ends the trace. */
  digest(): string {
    this.#flush();
    return this.#hash.digest("hex");
  }

  #flush(): void {
    const bytes = new Uint8Array(this.#buffer.buffer, 0, this.#used * Float64Array.BYTES_PER_ELEMENT);
    this.#hash.update(bytes);
    this.#used = 0;
  }
}
