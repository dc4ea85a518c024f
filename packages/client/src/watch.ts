import { RaftKvError } from "@raftkv/protocol";
import type { Bytes } from "./bytes.js";
import { WatchFeed } from "./watch-feed.js";
import type { WatchEvent, WatchQuery } from "./watch-feed.js";
import type { WatchSet } from "./watch-set.js";

export interface WatchOptions {
  /** The first revision whose events are wanted; without it, or with 0, what comes from now on. */
  readonly fromRevision?: number;
  /** Whether events shall have what was there before. */
  readonly previous?: boolean;
  /** Leave these out. */
  readonly noPut?: boolean;
  readonly noDelete?: boolean;
  readonly signal?: AbortSignal;
  /** Bytes of events that may wait to be consumed, before the node is asked to hold on. 16 MiB. */
  readonly maxQueuedBytes?: number;
}

/**
 * The changes in a range of keys, in their order, none missing and none twice (F6), over reconnects and changes of the
 * leader. To be iterated once, over its events or over its transactions; leaving the loop ends it.
 *
 * It ends with COMPACTED, and the floor, when its consumer was so slow, or away so long, that what it has still to see
 * was compacted away.
 */
export class Watch<K extends Bytes = Bytes> implements AsyncIterable<WatchEvent<K>> {
  /** Resolves with the store's revision as the watch began; rejects with what it ended with before. */
  readonly started: Promise<number>;
  readonly #feed: WatchFeed;
  readonly #set: WatchSet;
  readonly #forgetSignal: () => void;

  /** Use `client.watch`. */
  constructor(
    set: WatchSet,
    query: WatchQuery,
    options: {
      readonly asText: boolean;
      readonly fromRevision: number;
      readonly queuedBytesMax: number;
      readonly signal: AbortSignal | null;
    },
  ) {
    const { signal } = options;
    this.#set = set;
    this.#feed = new WatchFeed(query, options);
    const onAbort = (): void => this.#set.end(this.#feed, signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#forgetSignal = () => signal?.removeEventListener("abort", onAbort);
    this.started = new Promise((resolve, reject) => {
      set.add(this.#feed, {
        placed: resolve,
        ended: (error) => {
          this.#forgetSignal();
          reject(error ?? new RaftKvError("CLOSED", "the watch was closed"));
        },
      });
    });
    // Whoever iterates learns of it there.
    this.started.catch(() => {});
    if (signal?.aborted === true) onAbort();
  }

  /** Where it would go on: everything below was consumed or is waiting to be. 0: it has not begun. */
  get nextRevision(): number {
    return this.#feed.nextRevision;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchEvent<K>, void, undefined> {
    for await (const events of this.transactions()) yield* events;
  }

  /** What each revision changed within the range, in one piece. */
  async *transactions(): AsyncGenerator<readonly WatchEvent<K>[], void, undefined> {
    try {
      for (;;) {
        const events = await this.#take();
        if (events === null) return;
        yield events;
      }
    } finally {
      this.close();
    }
  }

  /** Ends it; a loop over it ends as well. */
  close(): void {
    this.#set.end(this.#feed, null);
  }

  async #take(): Promise<readonly WatchEvent<K>[] | null> {
    const events = await this.#feed.take();
    this.#set.consumed(this.#feed);
    return events as readonly WatchEvent<K>[] | null;
  }
}
