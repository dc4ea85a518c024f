import { processorWaitMs } from "./processor-wait.js";

/** How often the share is thought over. */
const WINDOW_MS = 100;
/** Processors are contended when the event loop waited for one for more than this part of the time. */
const WAITED_MAX = 0.05;
/** Of one processor. With the largest one there are no rests. */
const SHARE_MIN = 0.2;
const SHARE_MAX = 2;
/** A share is halved as long as others wait, and grows slowly when they do not. */
const SHARE_GROWTH = 0.02;
const HURRY_FACTOR = 1.15;
/** However much was done at once, what comes next does so after this. */
const REST_MAX_MS = 100;
const MICROS_PER_MS = 1_000;

/** What a pace goes by, all in milliseconds since some moment. */
export interface ProcessorClock {
  readonly nowMs: () => number;
  /** That all threads of this process ran. */
  readonly ranMs: () => number;
  /** That the event loop waited for a processor. */
  readonly waitedMs: () => number;
}

export const PROCESS_CLOCK: ProcessorClock = {
  nowMs: () => performance.now(),
  ranMs: () => {
    const { system, user } = process.cpuUsage();
    return (system + user) / MICROS_PER_MS;
  },
  waitedMs: () => processorWaitMs(),
};

/**
 * Paces work that can wait, so that it takes no processor from work that cannot: a member that was away takes in what it missed
 * while others, on the same machine perhaps, answer clients. Where processors are to spare it goes at full speed.
 *
 * Additive increase and multiplicative decrease, as TCP shares a link (Chiu, Jain, 1989), of the share of one processor that this process may take.
 */
export class PolitePace {
  readonly #clock: ProcessorClock;
  #share = SHARE_MAX;
  #shareMin = SHARE_MIN;
  #windowMs: number;
  #windowRanMs: number;
  #windowWaitedMs: number;
  #restedMs: number;
  #restedRanMs: number;

  constructor(clock: ProcessorClock = PROCESS_CLOCK) {
    this.#clock = clock;
    this.#windowMs = clock.nowMs();
    this.#windowRanMs = clock.ranMs();
    this.#windowWaitedMs = clock.waitedMs();
    this.#restedMs = this.#windowMs;
    this.#restedRanMs = this.#windowRanMs;
  }

  /** A piece of the work is done: after how many milliseconds the next one may begin. */
  restMs(): number {
    const [nowMs, ranMs] = [this.#clock.nowMs(), this.#clock.ranMs()];
    if (nowMs - this.#windowMs >= WINDOW_MS) this.#thinkOver(nowMs, ranMs);
    if (this.#share >= SHARE_MAX) return 0;
    const dueMs = this.#restedMs + (ranMs - this.#restedRanMs) / this.#share;
    const restMs = Math.min(Math.max(0, dueMs - nowMs), REST_MAX_MS);
    this.#restedMs = nowMs + restMs;
    this.#restedRanMs = ranMs;
    return restMs;
  }

  /** The work does not come to an end like this: it gets more, however many wait. */
  hurry(): void {
    this.#shareMin = Math.min(HURRY_FACTOR * this.#shareMin, SHARE_MAX);
    this.#share = Math.max(this.#share, this.#shareMin);
  }

  /** It comes to an end much sooner than it must: it gets less. */
  ease(): void {
    this.#shareMin = Math.max(this.#shareMin / HURRY_FACTOR, SHARE_MIN);
  }

  /** The work is done; what comes later begins as politely as this did. */
  done(): void {
    this.#shareMin = SHARE_MIN;
  }

  #thinkOver(nowMs: number, ranMs: number): void {
    const waitedMs = this.#clock.waitedMs();
    const tookMs = nowMs - this.#windowMs;
    if (waitedMs - this.#windowWaitedMs > WAITED_MAX * tookMs) {
      const took = (ranMs - this.#windowRanMs) / tookMs;
      this.#share = Math.max(Math.min(this.#share, took) / 2, this.#shareMin);
    } else this.#share = Math.min(this.#share + SHARE_GROWTH, SHARE_MAX);
    this.#windowMs = nowMs;
    this.#windowRanMs = ranMs;
    this.#windowWaitedMs = waitedMs;
  }
}
