/**
 * The leader's log time (F5): the last stamp in the log, plus the leader's monotonic time since its first entry was
 * applied. The time that nobody led does not count, and neither does the time until then: leases and sessions are
 * renewed in full by that entry, so nothing falls due before it should. For the same reason nothing counts that this
 * server told in an earlier leadership and that is not in the log. In a leadership never back, and never a wall clock.
 */
export class LogClock {
  #lastMs = 0;
  #base: { readonly nowMs: number; readonly logTimeMs: number } | null = null;

  /**
   * The first entry of this server's leadership was applied, `logTimeMs` being the state machine's time then.
   * @param nowMs of a monotonic clock.
   */
  elected(nowMs: number, logTimeMs: number): void {
    this.#base = { nowMs, logTimeMs };
  }

  /** It does not lead any more: the clock stands still, at 0, since only the log knows how far the time is now. */
  deposed(): void {
    this.#base = null;
    this.#lastMs = 0;
  }

  /**
   * What an entry that is encoded now carries, whole milliseconds. 0 while no entry of this leadership is applied; the
   * state machine takes the largest stamp that it has seen, so a low one does no harm.
   */
  stampMs(nowMs: number): number {
    const base = this.#base;
    if (base !== null) {
      const elapsedMs = Math.floor(nowMs - base.nowMs);
      this.#lastMs = Math.max(this.#lastMs, base.logTimeMs + elapsedMs);
    }
    return this.#lastMs;
  }

  /** Milliseconds until log time reaches `dueMs`; 0 when it has; null while the clock stands still. */
  untilMs(dueMs: number, nowMs: number): number | null {
    return this.#base === null ? null : Math.max(0, dueMs - this.stampMs(nowMs));
  }
}
