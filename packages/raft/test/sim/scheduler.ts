interface Scheduled {
  readonly at: number;
  /** Breaks ties: first scheduled, first run. */
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time in microseconds, and what is to happen when: a binary heap. */
export class Scheduler {
  readonly #heap: Scheduled[] = [];
  #order = 0;
  #now = 0;

  get now(): number {
    return this.#now;
  }

  after(delayMicros: number, run: () => void): void {
    this.#order += 1;
    const item: Scheduled = { at: this.#now + Math.max(0, Math.round(delayMicros)), order: this.#order, run };
    const heap = this.#heap;
    let at = heap.length;
    heap.push(item);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = heap[parent] as Scheduled;
      if (!isBefore(item, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = item;
  }

  /** Runs what comes next. Returns false when nothing is left. */
  runNext(): boolean {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return false;
    if (heap.length > 0) this.#sink(last);
    this.#now = first.at;
    first.run();
    return true;
  }

  #sink(item: Scheduled): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, left)) child += 1;
      const smaller = heap[child] as Scheduled;
      if (!isBefore(smaller, item)) break;
      heap[at] = smaller;
      at = child;
    }
    heap[at] = item;
  }
}

function isBefore(left: Scheduled, right: Scheduled): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
