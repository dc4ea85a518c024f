import type { Logger } from "./logger.js";

/** Lines of one kind that are written before the others are counted. */
const LINES_MAX = 10;

/** Lines of one kind within one stretch of time. */
interface Kind {
  written: number;
  counted: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * Warnings that strangers can cause as often as they like. Each line is a write that the node waits for, so of one kind only the
 * first ten in `everyMs` are written, and then one that tells how many more there were (C7).
 */
export class RepeatedLines {
  readonly #logger: Logger;
  readonly #everyMs: number;
  readonly #kinds = new Map<string, Kind>();

  constructor(logger: Logger, everyMs: number) {
    this.#logger = logger;
    this.#everyMs = everyMs;
  }

  /** @param kind one of a few, which stand in the code: each is kept for `everyMs`. */
  warn(kind: string, facts: Readonly<Record<string, unknown>>, line: string): void {
    let found = this.#kinds.get(kind);
    if (found === undefined) {
      const timer = setTimeout(() => this.#end(kind), this.#everyMs).unref();
      found = { written: 0, counted: 0, timer };
      this.#kinds.set(kind, found);
    }
    if (found.written < LINES_MAX) {
      found.written += 1;
      this.#logger.warn(facts, line);
    } else found.counted += 1;
  }

  /** Tells what was only counted. */
  close(): void {
    for (const kind of this.#kinds.keys()) this.#end(kind);
  }

  #end(kind: string): void {
    const found = this.#kinds.get(kind);
    if (found === undefined) return;
    clearTimeout(found.timer);
    this.#kinds.delete(kind);
    if (found.counted === 0) return;
    this.#logger.warn({ kind, count: found.counted }, `${found.counted} more of these: ${kind}`);
  }
}
