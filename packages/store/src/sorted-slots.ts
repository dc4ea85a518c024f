import type { Version } from "./version.js";

/** Slots that are kept in order one by one; so many become a run. */
const OPEN_SLOTS_MAX = 256;

/** A key's place in an order, and the version that stands there. */
export interface Slot {
  readonly name: string;
  /** Its number among those that came into one layer, see `Unsettled`. */
  readonly id: number;
  version: Version;
}

/**
 * Slots in the byte order of their keys. Strings of latin1 compare as the bytes that they stand for.
 *
 * What is new goes into a small open block, in its place. A full block becomes a run, and two runs of one size become one of
 * twice as much, as in a binary counter: so there are no more runs than the number has binary digits, a slot is compared some 15 times
 * among 50,000, and nearly all of that goes through memory in order. In one large order each new slot was a search
 * over all of them, at 100,000 keys a ninth of what a follower's event loop did.
 */
export class SortedSlots {
  /** Ascending by itself, and newer than the runs. */
  #open: Slot[] = [];
  /** Each ascending by itself, the larger ones first. No name is in two. */
  readonly #runs: Slot[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds a slot for a name that has none. */
  insert(slot: Slot): void {
    const open = this.#open;
    const place = lowerBound(open, slot.name);
    if (place === open.length) open.push(slot);
    else open.splice(place, 0, slot);
    this.#size += 1;
    if (open.length < OPEN_SLOTS_MAX) return;
    this.#open = [];
    this.#runs.push(open);
    while (this.#sizeOfRun(-2) === this.#sizeOfRun(-1)) this.#mergeLast();
  }

  /** Makes one run of all: for those who will go through all of it and add nothing more. */
  merge(): void {
    this.#runs.push(this.#open);
    this.#open = [];
    while (this.#runs.length > 1) this.#mergeLast();
  }

  /** The version of a name; null when it has no slot. */
  find(name: string): Version | null {
    for (const slots of [this.#open, ...this.#runs]) {
      const slot = slots[lowerBound(slots, name)];
      if (slot?.name === name) return slot.version;
    }
    return null;
  }

  /** The versions of the names in [start, end), ascending; null for no end. Nothing may be inserted meanwhile. */
  *in(start: string, end: string | null): Generator<Version, void, void> {
    const cursors = this.#cursors(start, end);
    for (;;) {
      let first: Cursor | null = null;
      for (const cursor of cursors) {
        if (cursor.from < cursor.until && (first === null || cursor.first.name < first.first.name))
          first = cursor;
      }
      if (first === null) return;
      const { version } = first.first;
      first.from += 1;
      yield version;
    }
  }

  /** The same, descending. */
  *back(start: string, end: string | null): Generator<Version, void, void> {
    const cursors = this.#cursors(start, end);
    for (;;) {
      let last: Cursor | null = null;
      for (const cursor of cursors) {
        if (cursor.from < cursor.until && (last === null || cursor.last.name > last.last.name)) last = cursor;
      }
      if (last === null) return;
      const { version } = last.last;
      last.until -= 1;
      yield version;
    }
  }

  #cursors(start: string, end: string | null): Cursor[] {
    return [...this.#runs, this.#open].map((slots) => new Cursor(slots, start, end));
  }

  /** Of the run at that place, counted from the end; -1: there is none. */
  #sizeOfRun(fromEnd: -1 | -2): number {
    return this.#runs.at(fromEnd)?.length ?? fromEnd;
  }

  #mergeLast(): void {
    const newer = this.#runs.pop() ?? [];
    const older = this.#runs.pop() ?? [];
    this.#runs.push(merged(older, newer));
  }
}

/** What is left of the slots of a run that lie in a range. */
class Cursor {
  from: number;
  until: number;
  readonly #slots: readonly Slot[];

  constructor(slots: readonly Slot[], start: string, end: string | null) {
    this.#slots = slots;
    this.from = lowerBound(slots, start);
    this.until = end === null ? slots.length : lowerBound(slots, end);
  }

  get first(): Slot {
    return this.#slots[this.from] as Slot;
  }

  get last(): Slot {
    return this.#slots[this.until - 1] as Slot;
  }
}

/** Both, in one order. */
function merged(a: readonly Slot[], b: readonly Slot[]): Slot[] {
  const both = [...a, ...b];
  let [fromA, fromB, to] = [0, 0, 0];
  let slotA = a[0];
  let slotB = b[0];
  while (slotA !== undefined && slotB !== undefined) {
    if (slotA.name < slotB.name) {
      both[to++] = slotA;
      slotA = a[++fromA];
    } else {
      both[to++] = slotB;
      slotB = b[++fromB];
    }
  }
  for (; slotA !== undefined; slotA = a[++fromA]) both[to++] = slotA;
  for (; slotB !== undefined; slotB = b[++fromB]) both[to++] = slotB;
  return both;
}

function lowerBound(slots: readonly Slot[], name: string): number {
  let low = 0;
  let high = slots.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((slots[middle]?.name ?? "") < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
