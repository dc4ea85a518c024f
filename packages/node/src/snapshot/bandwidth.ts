/** What was not used of this much time may be sent in one go: timers are late by milliseconds. */
const BURST_MS = 50;

/** Paces what leaves to so many bytes a second, over all who share it. */
export class Bandwidth {
  readonly #bytesPerMs: number;
  /** When everything that was taken so far will have been sent at that pace. */
  #takenUntilMs = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1_000;
  }

  /** Takes `bytes`; they may leave after so many milliseconds. */
  take(bytes: number, nowMs: number): number {
    const fromMs = Math.max(this.#takenUntilMs, nowMs - BURST_MS);
    this.#takenUntilMs = fromMs + bytes / this.#bytesPerMs;
    return Math.max(0, fromMs - nowMs);
  }
}
