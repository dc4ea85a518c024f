/** The last few may be held up by anything. */
const NEARLY_ALL = 0.9;
/** Timers know no less. */
const WAIT_MS_MIN = 1;
/** How much of those that are expected came in the end, over the last several waits; below, waiting is no use. */
const WORTH_IT = 0.6;
const AT_FIRST = 0.75;
const NEWEST_COUNTS = 1 / 8;
/** So many batches go without waiting then, and twice as many each time that another attempt fails. */
const BATCHES_WITHOUT_MIN = 64;
const BATCHES_WITHOUT_MAX = 4_096;

/**
 * Whether writes that arrived should wait for those that are likely to come with them. Clients that wait for their answers ask again
 * as soon as they have them: 64 of them, answered together, are back within a few milliseconds, and whoever is first would leave alone. A batch
 * costs three servers some 2 ms of CPU for syncs, frames and wake-ups, whether it has one write or 64.
 *
 * As many are expected as were answered together, for as long behind the answers as a batch takes, and no longer than `maxMs`. So nobody waits who
 * comes alone, or for writes that are still under way; what falls due by the clock finds that others do not come, and goes without waiting
 * for a while.
 */
export class BatchWait {
  readonly #maxMs: number;
  /** Writes that have gone since the beginning, and how many of them were answered when that was looked at last. */
  #taken = 0;
  #answered = 0;
  /** Answered since `#answeredSinceMs`, without as many as have gone since. */
  #expected = 0;
  #answeredSinceMs = 0;
  /** How long a batch takes from here to its answers, as measured last; one at a time is looked at. */
  #tookMs = 0;
  #sample: { readonly atMs: number; readonly taken: number } | null = null;
  /** Since when those that arrived wait; null: they do not. */
  #waitsSinceMs: number | null = null;
  #came = AT_FIRST;
  #without = 0;
  #withoutNext = BATCHES_WITHOUT_MIN;

  /** `maxMs`: nobody waits longer, for however long a batch takes; 0: nobody waits. */
  constructor(maxMs: number) {
    this.#maxMs = maxMs;
  }

  /**
   * To be asked in every turn. For how many milliseconds those that arrived had better wait, if nothing more comes; 0: not at all. `unanswered`
   * are the writes that went before.
   */
  waitMs(arrived: number, unanswered: number, nowMs: number): number {
    this.#look(unanswered, nowMs);
    if (arrived === 0 || this.#without > 0 || arrived >= this.#expected * NEARLY_ALL) return 0;
    const limitMs = this.#limitMs();
    // Others that are answered when a wait is over do not make it longer.
    const sinceMs = Math.min(this.#answeredSinceMs, this.#waitsSinceMs ?? nowMs);
    const leftMs = sinceMs + limitMs - nowMs;
    if (limitMs < WAIT_MS_MIN || leftMs <= 0) return 0;
    this.#waitsSinceMs ??= nowMs;
    return leftMs;
  }

  /** So many go now. */
  leave(writes: number, nowMs: number): void {
    if (this.#waitsSinceMs !== null) this.#learn(Math.min(1, writes / this.#expected));
    else if (this.#without > 0) this.#without -= 1;
    this.#waitsSinceMs = null;
    this.#expected = Math.max(0, this.#expected - writes);
    this.#taken += writes;
    this.#sample ??= { atMs: nowMs, taken: this.#taken };
  }

  #limitMs(): number {
    return Math.min(this.#tookMs, this.#maxMs);
  }

  #look(unanswered: number, nowMs: number): void {
    const answered = this.#taken - unanswered;
    const more = answered - this.#answered;
    this.#answered = answered;
    if (this.#sample !== null && answered >= this.#sample.taken) {
      this.#tookMs = nowMs - this.#sample.atMs;
      this.#sample = null;
    }
    if (more <= 0) return;
    if (nowMs - this.#answeredSinceMs >= this.#limitMs()) {
      this.#answeredSinceMs = nowMs;
      this.#expected = 0;
    }
    this.#expected += more;
  }

  #learn(share: number): void {
    this.#came += (share - this.#came) * NEWEST_COUNTS;
    if (this.#came >= AT_FIRST) this.#withoutNext = BATCHES_WITHOUT_MIN;
    if (this.#came >= WORTH_IT) return;
    this.#came = WORTH_IT;
    this.#without = this.#withoutNext;
    this.#withoutNext = Math.min(this.#withoutNext * 2, BATCHES_WITHOUT_MAX);
  }
}
