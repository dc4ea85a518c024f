/** What falls due in log time. `dueMs` may move on at any time, back only through `DueQueue.add`. */
export interface Due {
  readonly id: number;
  dueMs: number;
  /** It was removed from the queue. */
  gone: boolean;
}

/** So many removed items stay whatever there is beside them. */
const GONE_MIN = 64;

interface Place {
  /** `item.dueMs` when it was put here: the time is not before this. */
  atMs: number;
  readonly item: Due;
}

/**
 * The next item to fall due, of many whose times move on with every keep-alive: so a move costs nothing, and the queue
 * finds out when the item comes first. A binary heap by the earliest possible time, then by id.
 */
export class DueQueue<Item extends Due> {
  #heap: { atMs: number; readonly item: Item }[] = [];
  /** Items in it that were removed, which it forgets when it comes to them. */
  #goneCount = 0;

  add(item: Item): void {
    const heap = this.#heap;
    heap.push({ atMs: item.dueMs, item });
    this.#up(heap.length - 1);
  }

  /** Costs nothing either, and what is gone never takes more room than what is there. */
  remove(item: Item): void {
    if (item.gone) return;
    item.gone = true;
    this.#goneCount += 1;
    if (this.#goneCount < GONE_MIN || 2 * this.#goneCount < this.#heap.length) return;
    const left = this.#heap.filter((place) => !place.item.gone);
    this.#heap = [];
    this.#goneCount = 0;
    for (const { item: one } of left) this.add(one);
  }

  /** Places that are taken, those of removed items included. */
  get places(): number {
    return this.#heap.length;
  }

  /** What falls due first, at equal times the lowest id; null when there is nothing. */
  first(): Item | null {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined) return null;
      if (top.item.gone) {
        this.#removeFirst();
        this.#goneCount -= 1;
      } else if (top.atMs < top.item.dueMs) {
        top.atMs = top.item.dueMs;
        this.#down(0);
      } else return top.item;
    }
  }

  /** What is due at `nowMs`, in order, at most `countMax`. */
  due(nowMs: number, countMax: number): Item[] {
    const items: Item[] = [];
    for (let item = this.first(); item !== null && item.dueMs <= nowMs; item = this.first()) {
      if (items.length === countMax) break;
      items.push(item);
      this.#removeFirst();
    }
    for (const item of items) this.add(item);
    return items;
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
  }

  #up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.#swapIfEarlier(at, parent)) return;
      at = parent;
    }
  }

  #down(from: number): void {
    const heap = this.#heap;
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const leftPlace = heap[left];
      if (leftPlace === undefined) return;
      const rightPlace = heap[right];
      const child = rightPlace !== undefined && isEarlier(rightPlace, leftPlace) ? right : left;
      if (!this.#swapIfEarlier(child, at)) return;
      at = child;
    }
  }

  /** `child` takes the place of `parent` when it is earlier. */
  #swapIfEarlier(child: number, parent: number): boolean {
    const heap = this.#heap;
    const a = heap[child];
    const b = heap[parent];
    if (a === undefined || b === undefined || !isEarlier(a, b)) return false;
    heap[child] = b;
    heap[parent] = a;
    return true;
  }
}

function isEarlier(a: Place, b: Place): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.item.id < b.item.id);
}
