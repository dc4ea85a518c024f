import type { ClientConnection } from "./connection.js";

export interface WatchmanOptions {
  /** So long a client may be silent, pings unanswered. */
  readonly silenceMs: number;
  /** Replies that all clients together have not read. */
  readonly allUnreadBytesMax: number;
  /** Bytes of frames that have begun and are not whole, of all clients together. */
  readonly partialBytesMax: number;
}

/** How soon after one look sizes may be looked at again: a look at some thousand connections takes a fraction of a millisecond. */
const SIZES_EVERY_MS = 20;

const UNREAD = "too many bytes of replies wait unread, and it has most of them";
const PARTIAL = "too many bytes of frames are not whole, and it has most of them";

/**
 * Looks at all client connections from time to time: what is half open is found out, and what many clients together leave in this
 * process's memory is bounded, by cutting those who leave most (C7). Between two looks both sizes are known from above, so that what comes
 * fast is not found out late.
 */
export class Watchman {
  readonly #options: WatchmanOptions;
  readonly #connections: ReadonlySet<ClientConnection>;
  #lookedAtMs = performance.now();
  #sizedAtMs = performance.now();
  /** At the last look, and what was sent since: never less than there is. */
  #unreadBytes = 0;
  /** The same of what came. */
  #partialBytes = 0;

  constructor(options: WatchmanOptions, connections: ReadonlySet<ClientConnection>) {
    this.#options = options;
    this.#connections = connections;
  }

  sent(bytes: number): void {
    this.#unreadBytes += bytes;
    if (this.isCrowded) this.#sizeSoon();
  }

  received(bytes: number): void {
    this.#partialBytes += bytes;
    if (this.#partialBytes > this.#options.partialBytesMax) this.#sizeSoon();
  }

  /** Half of what all may leave unread is: whoever has a part in it gets no more for now. */
  get isCrowded(): boolean {
    return this.#unreadBytes * 2 > this.#options.allUnreadBytesMax;
  }

  look(nowMs: number, everyMs: number): void {
    const { silenceMs } = this.#options;
    // It was this process that stood still, and what came meanwhile is not read yet: the silence was ours.
    const wasAsleep = nowMs - this.#lookedAtMs > 2 * everyMs + silenceMs / 4;
    this.#lookedAtMs = nowMs;
    for (const connection of this.#connections) connection.look(nowMs, wasAsleep, silenceMs);
    this.#size(nowMs);
  }

  #sizeSoon(): void {
    const nowMs = performance.now();
    if (nowMs - this.#sizedAtMs >= SIZES_EVERY_MS) this.#size(nowMs);
  }

  #size(nowMs: number): void {
    const { allUnreadBytesMax, partialBytesMax } = this.#options;
    this.#sizedAtMs = nowMs;
    let unread = 0;
    let partial = 0;
    for (const { partialBytes, unsentBytes } of this.#connections) {
      unread += unsentBytes;
      partial += partialBytes;
    }
    this.#unreadBytes = unread;
    this.#partialBytes = partial;
    if (unread > allUnreadBytesMax) {
      this.#cutLargest(unread - allUnreadBytesMax, ({ unsentBytes }) => unsentBytes, UNREAD);
    }
    if (partial > partialBytesMax) {
      this.#cutLargest(partial - partialBytesMax, ({ partialBytes }) => partialBytes, PARTIAL);
    }
  }

  #cutLargest(excess: number, sizeOf: (connection: ClientConnection) => number, why: string): void {
    const sized = [...this.#connections].map((connection) => ({ connection, bytes: sizeOf(connection) }));
    sized.sort((a, b) => b.bytes - a.bytes);
    let left = excess;
    for (const { bytes, connection } of sized) {
      if (left <= 0 || bytes === 0) return;
      left -= bytes;
      connection.drop(why);
    }
  }
}
