import type { Watcher } from "./watcher.js";

/** Watches that are looked at in one tick, at most. */
const PER_TICK = 500;

/**
 * Sends progress marks to watches that asked for them and were told nothing for an interval, so that a client whose
 * watch sees little can resume from what is not compacted (F6).
 */
export class ProgressMarks {
  readonly #intervalMs: number;
  /** When each is looked at next, in ms; the first one is due first. */
  readonly #due = new Map<Watcher, number>();

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  add(watcher: Watcher, nowMs: number): void {
    if (watcher.wantsProgress) this.#due.set(watcher, nowMs + this.#intervalMs);
  }

  remove(watcher: Watcher): void {
    this.#due.delete(watcher);
  }

  /** @param seen the last revision of which a watch has seen everything. */
  tick(nowMs: number, seen: (watcher: Watcher) => number): void {
    let looks = 0;
    for (const [watcher, dueMs] of this.#due) {
      if (dueMs > nowMs || looks === PER_TICK) return;
      looks += 1;
      this.#due.delete(watcher);
      this.#due.set(watcher, nowMs + this.#intervalMs);
      if (!watcher.takeSpoke()) watcher.promise(seen(watcher));
    }
  }
}
