/**
 * Calls back once nothing was written for a while. One timer that looks when it fires, instead of one that is set
 * anew for each batch. It keeps no process alive: what it would write holds no data.
 */
export class SealTimer {
  readonly #idleMs: number;
  readonly #onIdle: () => void;
  #timer: NodeJS.Timeout | null = null;
  #writtenAt = 0;

  constructor(idleMs: number, onIdle: () => void) {
    this.#idleMs = idleMs;
    this.#onIdle = onIdle;
  }

  /** Something was written that should be sealed. */
  written(): void {
    this.#writtenAt = performance.now();
    this.#timer ??= this.#start(this.#idleMs);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #start(delayMs: number): NodeJS.Timeout {
    const timer = setTimeout(() => this.#fired(), delayMs);
    timer.unref();
    return timer;
  }

  #fired(): void {
    const leftMs = this.#writtenAt + this.#idleMs - performance.now();
    this.#timer = leftMs >= 1 ? this.#start(leftMs) : null;
    if (this.#timer === null) this.#onIdle();
  }
}
