import type { LogClock } from "./clock.js";

/**
 * Calls back once nothing was written for a while. One timer that looks when it fires, instead of one that is set
 * anew for each batch.
 */
export class SealTimer {
  readonly #clock: LogClock;
  readonly #idleMs: number;
  readonly #onIdle: () => void;
  #cancel: (() => void) | null = null;
  #writtenAt = 0;

  constructor(clock: LogClock, idleMs: number, onIdle: () => void) {
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#onIdle = onIdle;
  }

  /** Something was written that should be sealed. */
  written(): void {
    this.#writtenAt = this.#clock.now();
    this.#cancel ??= this.#clock.after(this.#idleMs, () => this.#fired());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #fired(): void {
    const leftMs = this.#writtenAt + this.#idleMs - this.#clock.now();
    this.#cancel = leftMs >= 1 ? this.#clock.after(leftMs, () => this.#fired()) : null;
    if (this.#cancel === null) this.#onIdle();
  }
}
