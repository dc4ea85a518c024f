/** What takes room in flight. The budget alone sets `permitted`. */
export interface Permitted {
  readonly bytes: number;
  /** Monotonic milliseconds. Who waits longer is taken out by `expire`. */
  readonly expiresAtMs: number;
  /** It holds a permit for its bytes. */
  permitted: boolean;
}

export interface ByteBudgetOptions<T> {
  /** What may be in flight. Never smaller than the largest holder, or that one would wait for ever (C2). */
  readonly limitBytes: number;
  /** What may wait beside it: whoever comes when that is full is turned away at once (C7). */
  readonly waitingBytesMax: number;
  /** One that waited has its permit now. */
  readonly onGranted: (holder: T) => void;
}

/** What a waiting one costs beside its bytes. */
const WAITING_OVERHEAD_BYTES = 256;

/** So many that wait put off the next look at all of them by a millisecond: so looking never takes more than a few percent of the time. */
const LOOKED_AT_PER_MS = 1024;

/** Places in front of the queue that may stand empty before it is moved up. */
const HEAD_MAX = 1024;

/**
 * Bytes in flight over the whole node, first come first served (C2). A permit is held from `take` to `give`. Whoever
 * finds room gets it without an allocation; the others wait in a plain array, without a promise or a closure each.
 */
export class ByteBudget<T extends Permitted> {
  readonly limitBytes: number;
  readonly #waitingBytesMax: number;
  readonly #onGranted: (holder: T) => void;
  #inflightBytes = 0;
  /** Those from `#head` on wait, in the order in which they came. */
  #queue: T[] = [];
  #head = 0;
  #waitingBytes = 0;
  /** No waiting one expires before this. */
  #nextExpiryMs = Infinity;
  /** Not before this all that wait are looked at again. */
  #nextLookMs = 0;
  #granting = false;

  constructor(options: ByteBudgetOptions<T>) {
    this.limitBytes = options.limitBytes;
    this.#waitingBytesMax = options.waitingBytesMax;
    this.#onGranted = options.onGranted;
  }

  get inflightBytes(): number {
    return this.#inflightBytes;
  }

  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  /**
   * - `granted`: it holds a permit now, and `give` must follow.
   * - `waiting`: `onGranted` follows, unless `expire` or `remove` take it out before.
   * - `full`: too many wait already; nothing was taken.
   */
  take(holder: T): "granted" | "waiting" | "full" {
    // Also what would fit waits behind those who came before: else a large one might wait for ever.
    if (this.waiting === 0 && this.#fits(holder)) {
      this.#grant(holder);
      return "granted";
    }
    const bytes = holder.bytes + WAITING_OVERHEAD_BYTES;
    if (this.#waitingBytes + bytes > this.#waitingBytesMax) return "full";
    this.#waitingBytes += bytes;
    this.#queue.push(holder);
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, holder.expiresAtMs);
    return "waiting";
  }

  /** Gives the permit back, if there is one: so every path may call it, and none can do so twice. */
  give(holder: T): void {
    if (!holder.permitted) return;
    holder.permitted = false;
    this.#inflightBytes -= holder.bytes;
    this.#grantWaiting();
  }

  /**
   * Takes out those whose time is over; they hold nothing. In the order in which they came. Those in front are told at once,
   * since they would be the next to be granted; those behind when all are looked at, which is the rarer the more wait (C5).
   */
  expire(nowMs: number): T[] {
    if (nowMs < this.#nextExpiryMs) return [];
    if (nowMs < this.#nextLookMs) return this.#expireInFront(nowMs);
    this.#nextLookMs = nowMs + this.waiting / LOOKED_AT_PER_MS;
    return this.remove((holder) => holder.expiresAtMs <= nowMs);
  }

  /** Takes out those that wait and match; they hold nothing. In the order in which they came. */
  remove(matches: (holder: T) => boolean): T[] {
    if (this.waiting === 0) return [];
    const removed: T[] = [];
    const kept: T[] = [];
    this.#waitingBytes = 0;
    this.#nextExpiryMs = Infinity;
    for (let at = this.#head; at < this.#queue.length; at += 1) {
      const holder = this.#queue[at] as T;
      if (matches(holder)) {
        removed.push(holder);
        continue;
      }
      kept.push(holder);
      this.#waitingBytes += holder.bytes + WAITING_OVERHEAD_BYTES;
      this.#nextExpiryMs = Math.min(this.#nextExpiryMs, holder.expiresAtMs);
    }
    this.#queue = kept;
    this.#head = 0;
    // The one in front may have been too large, and gone with it is what held up the others.
    this.#grantWaiting();
    return removed;
  }

  /** Nothing in flight lets anything through: the largest one, however small the limit was meant to be. */
  #fits(holder: T): boolean {
    return this.#inflightBytes === 0 || this.#inflightBytes + holder.bytes <= this.limitBytes;
  }

  #grant(holder: T): void {
    this.#inflightBytes += holder.bytes;
    holder.permitted = true;
  }

  /** Whoever is granted may end at once and give back: the loop that runs already goes on then. */
  #grantWaiting(): void {
    if (this.#granting) return;
    this.#granting = true;
    try {
      for (;;) {
        const next = this.#queue[this.#head];
        if (next === undefined || !this.#fits(next)) return;
        this.#leaveFront(next);
        this.#grant(next);
        this.#onGranted(next);
      }
    } finally {
      this.#granting = false;
    }
  }

  #expireInFront(nowMs: number): T[] {
    const expired: T[] = [];
    for (let next = this.#queue[this.#head]; next !== undefined; next = this.#queue[this.#head]) {
      if (next.expiresAtMs > nowMs) break;
      this.#leaveFront(next);
      expired.push(next);
    }
    if (expired.length > 0) this.#grantWaiting();
    return expired;
  }

  #leaveFront(first: T): void {
    this.#head += 1;
    if (this.#head === this.#queue.length || this.#head > HEAD_MAX) this.#moveUp();
    this.#waitingBytes -= first.bytes + WAITING_OVERHEAD_BYTES;
  }

  #moveUp(): void {
    this.#queue = this.#head === this.#queue.length ? [] : this.#queue.slice(this.#head);
    this.#head = 0;
  }
}
