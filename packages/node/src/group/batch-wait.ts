/** Behind so many writes what a batch costs whatever is in it is small beside what they cost themselves. */
const EXPECTED_MAX = 128;
/** The last few may be held up by anything. */
const NEARLY_ALL = 0.9;
/** Timers know no less. */
const WAIT_MS_MIN = 1;
/** How far back the largest number of writes at a time is looked for: twice this at most. */
const PEAK_WINDOW_MS = 50;
/** How much of those that are expected comes while one waits, over the last several times; below, waiting is no use. */
const WORTH_IT = 0.5;
const AT_FIRST = 0.75;
const NEWEST_COUNTS = 1 / 8;
const BATCHES_WITHOUT = 64;

/**
 * Whether a write should wait for those that are likely to come with it. Clients that wait for their answers ask again as soon as
 * they have them: 64 of them, answered together, are back within a few milliseconds, and whoever is first would leave alone. A batch
 * costs three servers some 2 ms of CPU for syncs, frames and wake-ups, whether it has one write or 64. With 64 clients it has 57 puts
 * instead of 27, with 16 clients 15 instead of 9; the servers have a tenth less to do for a put, and all are answered sooner.
 *
 * Nobody waits who comes alone: as many are expected as there were at a time lately, and one is all of one. Where those that are expected do not
 * come, as when writes fall due by the clock, this is noticed and given up for a while; until then a write takes twice the time at most.
 */
export class BatchWait {
  readonly #maxMs: number;
  /** The most writes that were here at a time, arrived and not yet answered: in this window and in the one before. */
  #peak = 0;
  #peakBefore = 0;
  #windowSinceMs = 0;
  /** How long a batch takes from here to its answers, as measured last; one at a time is looked at. */
  #tookMs = 0;
  #sample: { readonly atMs: number; readonly taken: number } | null = null;
  /** Writes that have gone since the beginning. */
  #taken = 0;
  #waitsSinceMs: number | null = null;
  /** Mean share of the expected that a batch had in the end. */
  #came = AT_FIRST;
  #without = 0;

  /** `maxMs`: nobody waits longer, for however long a batch takes; 0: nobody waits. */
  constructor(maxMs: number) {
    this.#maxMs = maxMs;
  }

  /**
   * To be asked in every turn. For how many milliseconds those that arrived had better wait, if nothing more comes; 0: not at all. `unanswered`
   * are the writes that went before.
   */
  waitMs(arrived: number, unanswered: number, nowMs: number): number {
    this.#look(arrived + unanswered, nowMs);
    if (this.#sample !== null && this.#taken - unanswered >= this.#sample.taken) {
      this.#tookMs = nowMs - this.#sample.atMs;
      this.#sample = null;
    }
    if (arrived === 0 || this.#without > 0 || arrived >= this.#expected * NEARLY_ALL) return 0;
    const limitMs = Math.min(this.#tookMs, this.#maxMs);
    if (limitMs < WAIT_MS_MIN) return 0;
    this.#waitsSinceMs ??= nowMs;
    return Math.max(0, this.#waitsSinceMs + limitMs - nowMs);
  }

  /** So many go now. */
  leave(writes: number, nowMs: number): void {
    if (this.#waitsSinceMs !== null) {
      const share = Math.min(1, writes / this.#expected);
      this.#came += (share - this.#came) * NEWEST_COUNTS;
      if (this.#came < WORTH_IT) this.#without = BATCHES_WITHOUT;
    } else if (this.#without > 0) {
      this.#without -= 1;
      if (this.#without === 0) this.#came = AT_FIRST;
    }
    this.#waitsSinceMs = null;
    this.#taken += writes;
    this.#sample ??= { atMs: nowMs, taken: this.#taken };
  }

  get #expected(): number {
    return Math.min(Math.max(this.#peak, this.#peakBefore), EXPECTED_MAX);
  }

  #look(here: number, nowMs: number): void {
    if (nowMs - this.#windowSinceMs >= PEAK_WINDOW_MS) {
      this.#peakBefore = this.#peak;
      this.#peak = 0;
      this.#windowSinceMs = nowMs;
    }
    if (here > this.#peak) this.#peak = here;
  }
}
