import { restFor } from "../rest.js";

/** Requests, and bytes of their frames, in one slice; one request at least. */
const SLICE_REQUESTS = 64;
const SLICE_BYTES = 64 * 1024;
/** A slice is over after this, also when requests of it wait for something. */
const SLICE_MS = 500;
/** So long after their last request others count as there. */
const OTHERS_MS = 100;

/** Somebody who waits at the gate. */
export interface Pressing {
  /** Begins what it has, as far as it may. */
  goOn(): void;
}

/**
 * Through here go the requests of connections that press: that have sent more than their share of the node, and send on. When nobody
 * else is there they are not held up. Otherwise they come in slices, and behind each, when it is answered, is a rest at least as long as it
 * took: so whoever asks for little waits for one slice at most, and finds half of the node free, with its log and its followers (C5, C7).
 */
export class PressGate {
  readonly #waiting = new Set<Pressing>();
  #othersAtMs = -Infinity;
  #lastOther: object | null = null;
  /** What the slice has left. */
  #requests = SLICE_REQUESTS;
  #bytes = SLICE_BYTES;
  /** Since when it goes on; null: nobody has begun it. */
  #beganAtMs: number | null = null;
  #underWay = 0;
  /** Of those, what slices before have left unanswered at their end: the slice does not wait for as many. */
  #leftOver = 0;
  #isResting = false;
  #timer: NodeJS.Timeout | null = null;

  /** Somebody who is not busy has begun a request. */
  otherBegan(other: object, cameMs: number): void {
    this.#lastOther = other;
    this.#othersAtMs = cameMs;
  }

  /** It is busy from now on: what it did before was no sign of others. */
  isNoOther(one: object): void {
    if (this.#lastOther !== one) return;
    this.#lastOther = null;
    this.#othersAtMs = -Infinity;
  }

  get othersAreThere(): boolean {
    return performance.now() - this.#othersAtMs <= OTHERS_MS;
  }

  get isOpen(): boolean {
    return (!this.#isResting && this.#requests > 0 && this.#bytes > 0) || !this.othersAreThere;
  }

  /** It has more, and is told when it may go on. */
  wait(one: Pressing): void {
    this.#waiting.add(one);
  }

  leave(one: Pressing): void {
    this.#waiting.delete(one);
  }

  began(bytes: number, weight: number): void {
    this.#requests -= weight;
    this.#bytes -= bytes;
    this.#underWay += 1;
    if (this.#beganAtMs !== null) return;
    this.#beganAtMs = performance.now();
    this.#timer = setTimeout(() => this.#over(), SLICE_MS);
  }

  ended(requests: number): void {
    this.#underWay -= requests;
    // Which slice it was of is not known: at worst this one is over a little too early.
    if (this.#underWay <= this.#leftOver && this.#beganAtMs !== null) this.#over();
    this.#leftOver = Math.min(this.#leftOver, this.#underWay);
  }

  /** What is large is not over when it is answered: the log's disk and the store go on with it. */
  get #restFactor(): number {
    const slices = (SLICE_BYTES - this.#bytes) / SLICE_BYTES;
    return 1 + Math.max(0, slices) + Math.max(0, slices - 1);
  }

  #over(): void {
    const tookMs = performance.now() - (this.#beganAtMs ?? 0);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#beganAtMs = null;
    this.#leftOver = this.#underWay;
    // Who came through while nobody else was there may begin a slice during the rest.
    if (this.#isResting) return;
    if (!this.othersAreThere) {
      this.#next();
      return;
    }
    this.#isResting = true;
    restFor(tookMs * this.#restFactor, () => {
      this.#isResting = false;
      this.#next();
    });
  }

  #next(): void {
    this.#requests = SLICE_REQUESTS;
    this.#bytes = SLICE_BYTES;
    // Who goes on may wait again at once, behind the others.
    for (let left = this.#waiting.size; left > 0 && this.isOpen; left -= 1) {
      const [one] = this.#waiting;
      if (one === undefined) return;
      this.#waiting.delete(one);
      one.goOn();
    }
  }
}
