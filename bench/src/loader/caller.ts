import { randomBytes } from "node:crypto";
import type { Job } from "./protocol.js";
import type { Target } from "./target.js";

const COUNTER_BYTES = 8;
const COUNTERS_APART = 65_536;

/** Where the keys of all loads are; numbers of one length, so that their order is that of the numbers. */
export function keyOf(number: number): string {
  return `bench/${String(number).padStart(8, "0")}`;
}

/** One caller of a load: its connection, its keys, its values. */
export class Caller {
  readonly job: Job;
  readonly target: Target;
  readonly index: number;
  readonly #value: Buffer;
  #count = 0;

  constructor(job: Job, target: Target, index: number) {
    this.job = job;
    this.target = target;
    this.index = index;
    this.#value = randomBytes(job.valueBytes);
  }

  randomKey(): string {
    return keyOf(Math.floor(Math.random() * this.job.keys));
  }

  /** Every value differs, so that nothing between here and the disk can make one of two. */
  nextValue(): Uint8Array {
    this.#count += 1;
    // A copy: one that was passed in must not change until its put is answered, and a caller may have several.
    const value = Buffer.from(this.#value);
    if (value.length >= COUNTER_BYTES) value.writeDoubleLE(this.#count + this.index / COUNTERS_APART);
    return value;
  }
}
