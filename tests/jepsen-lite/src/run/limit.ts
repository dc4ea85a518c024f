/** Ends a wait that takes longer, and says for what it was. What comes of `promise` later is nobody's any more. */
export async function within<T>(limitMs: number, what: () => string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`given up: waited for ${what()}`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The time that a run may take in all: each of its waits ends with it, whatever hangs. */
export class RunLimit {
  readonly #endMs: number;

  constructor(limitMs: number) {
    this.#endMs = performance.now() + limitMs;
  }

  /** @throws {Error} the time is over; says what was waited for. */
  wait<T>(what: () => string, promise: Promise<T>): Promise<T> {
    return within(Math.max(this.#endMs - performance.now(), 0), what, promise);
  }
}
