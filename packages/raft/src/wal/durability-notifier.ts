/** Called with null when the position is durable, with the error when it never will be. */
export type DurabilityCallback = (error: Error | null) => void;

interface Waiter {
  readonly seq: number;
  readonly callback: DurabilityCallback;
}

/**
 * One source of "durable up to seq", and many who wait for it.
 *
 * - Waiters are released by seq, and those of one seq in the order in which they came; a jump releases all it covers.
 * - A waiter that is covered already is called as well, but never from inside `wait`.
 * - A log that failed or was closed fails every waiter, present and future.
 * - Callbacks run when the state is settled, one after the other; one that throws does not stop the others, and its
 *   error goes to `onCallbackError`.
 */
export class DurabilityNotifier {
  #durableSeq: number;
  /** By seq; nearly always appended to at the end. */
  #waiters: Waiter[] = [];
  #ended: Error | null = null;
  readonly #onCallbackError: (error: unknown) => void;

  /** By default an error of a callback is thrown where nobody can swallow it, and ends the process. */
  constructor(durableSeq: number, onCallbackError: (error: unknown) => void = throwOutside) {
    this.#durableSeq = durableSeq;
    this.#onCallbackError = onCallbackError;
  }

  /** Everything up to this position is on disk; 0 for nothing (W7). */
  get durableSeq(): number {
    return this.#durableSeq;
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  wait(seq: number, callback: DurabilityCallback): void {
    const ended = this.#ended;
    if (ended !== null || seq <= this.#durableSeq) {
      queueMicrotask(() => this.#call(callback, ended));
      return;
    }
    const waiter = { seq, callback };
    if ((this.#waiters.at(-1)?.seq ?? 0) <= seq) this.#waiters.push(waiter);
    else this.#waiters.splice(this.#firstAbove(seq), 0, waiter);
  }

  /** Everything up to `seq` is durable now. Never goes back. */
  advance(seq: number): void {
    if (this.#ended !== null || seq <= this.#durableSeq) return;
    this.#durableSeq = seq;
    this.#release(this.#firstAbove(seq), null);
  }

  /** Nothing more becomes durable. The first reason stays. */
  end(error: Error): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    this.#release(this.#waiters.length, error);
  }

  #release(count: number, error: Error | null): void {
    if (count === 0) return;
    let released = this.#waiters;
    if (count === released.length) this.#waiters = [];
    else released = this.#waiters.splice(0, count);
    for (const waiter of released) this.#call(waiter.callback, error);
  }

  #call(callback: DurabilityCallback, error: Error | null): void {
    try {
      callback(error);
    } catch (thrown) {
      this.#onCallbackError(thrown);
    }
  }

  #firstAbove(seq: number): number {
    let low = 0;
    let high = this.#waiters.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#waiters[middle]?.seq ?? Infinity) <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function throwOutside(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
