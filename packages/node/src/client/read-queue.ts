import { rest } from "../rest.js";

/** Reads of one connection, in the order in which they came; those before `next` have begun. */
interface Line {
  reads: (() => Promise<void>)[];
  next: number;
}

export interface ReadQueueOptions {
  /** Reads under way at one time over the whole node. */
  readonly concurrency: number;
  /** Reads of one connection that may wait. */
  readonly waitingMax: number;
  /** Bytes of large answers in one turn; past this the next read begins in the next turn, a rest later (C5). */
  readonly turnBytesMax: number;
  /** A read must answer its client whatever happens: one that throws is our own bug. */
  readonly onFailed: (error: unknown) => void;
}

/**
 * Reads that take several turns, or are many and large. So many at a time, since each holds what it has read until it is answered
 * (C7), and so many bytes a turn; the connections take turns, so that one that asks for a thousand does not keep the others waiting.
 */
export class ReadQueue<Owner extends object> {
  readonly #options: ReadQueueOptions;
  /** Who is served next stands first. */
  readonly #lines = new Map<Owner, Line>();
  #running = 0;
  #turnBytes = 0;
  #isTurnCounted = false;

  constructor(options: ReadQueueOptions) {
    this.#options = options;
  }

  get waiting(): number {
    let waiting = 0;
    for (const { next, reads } of this.#lines.values()) waiting += reads.length - next;
    return waiting;
  }

  /** False when too many of this owner wait already. */
  add(owner: Owner, read: () => Promise<void>): boolean {
    let line = this.#lines.get(owner);
    if (line === undefined) {
      line = { reads: [], next: 0 };
      this.#lines.set(owner, line);
    }
    if (line.reads.length - line.next >= this.#options.waitingMax) return false;
    line.reads.push(read);
    this.#fill();
    return true;
  }

  /** A large answer was given in this turn, by whichever read. */
  answered(bytes: number): void {
    this.#turnBytes += bytes;
    if (this.#isTurnCounted) return;
    this.#isTurnCounted = true;
    rest(() => {
      this.#isTurnCounted = false;
      this.#turnBytes = 0;
      this.#fill();
    });
  }

  /** Its owner is gone: what has not begun never does. */
  remove(owner: Owner): void {
    this.#lines.delete(owner);
  }

  #fill(): void {
    const { concurrency, turnBytesMax } = this.#options;
    while (this.#running < concurrency && this.#turnBytes < turnBytesMax) {
      const read = this.#take();
      if (read === null) return;
      this.#running += 1;
      void this.#run(read);
    }
  }

  #take(): (() => Promise<void>) | null {
    for (const [owner, line] of this.#lines) {
      const read = line.reads[line.next];
      line.next += 1;
      this.#lines.delete(owner);
      if (line.next < line.reads.length) this.#lines.set(owner, line);
      if (read !== undefined) return read;
    }
    return null;
  }

  async #run(read: () => Promise<void>): Promise<void> {
    try {
      await read();
    } catch (error) {
      this.#options.onFailed(error);
    }
    this.#running -= 1;
    this.#fill();
  }
}
