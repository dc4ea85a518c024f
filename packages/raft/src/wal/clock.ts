/** Monotonic time, for what the log does after a while (W3). The simulator puts a clock of its own here. */
export interface LogClock {
  /** Milliseconds since any fixed moment. */
  now(): number;
  /** Calls `run` once, after so many milliseconds. Returns what calls that off. */
  after(delayMs: number, run: () => void): () => void;
}

/** The process's own. It keeps no process alive: what the log would do then holds no data. */
export const processClock: LogClock = {
  now: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
