import { setImmediate as nextTurn } from "node:timers/promises";
import { CompactedError, StoreClosedError, StoreFailedError } from "@raftkv/store";
import type { Change, ChangeList, Store } from "@raftkv/store";
import { PreviousValues } from "./previous-values.js";
import { WatchIndex } from "./watch-index.js";
import type { Watcher } from "./watcher.js";

/** One read of the store: it is held in memory while it is handed out. */
const CHUNK = { maxChanges: 1_024, maxBytes: 256 * 1024 };
/** Events that are handed out before others get their turn. */
const EVENTS_PER_TURN = 1_024;

export interface CatchingUpOptions {
  /** The one that serves; null when there is none to be read now. */
  readonly store: () => Pick<Store, "changes" | "get"> | null;
  /** The last revision that may be told (C8). */
  readonly told: () => number;
  /** It has seen everything that was told, and is behind no more. */
  readonly onCaughtUp: (watcher: Watcher) => void;
  /** Its client does not read: it is given up here, where it stands. */
  readonly onFull: (watcher: Watcher) => void;
  /** It had revisions up to `error.floor` still to see. */
  readonly onCompacted: (watcher: Watcher, error: CompactedError) => void;
  readonly onDelivered: (events: number) => void;
  readonly onFailed: (error: unknown) => void;
}

/**
 * Reads to the watches that are behind, in chunks, one for all whose place lies in it: a thousand that resume from one
 * revision cost one pass over the store. Those at other places take turns. A chunk that is not handed out is
 * forgotten and read again, so what a slow watch costs is its place alone (F6).
 */
export class CatchingUp {
  readonly #options: CatchingUpOptions;
  readonly #index = new WatchIndex<Watcher>();
  /** Whose turn it is stands first. */
  readonly #watchers = new Set<Watcher>();
  #running = false;

  constructor(options: CatchingUpOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** `watcher.revision` is one that was told already. */
  add(watcher: Watcher): void {
    watcher.state = "behind";
    this.#watchers.add(watcher);
    this.#index.add(watcher);
  }

  remove(watcher: Watcher): void {
    if (this.#watchers.delete(watcher)) this.#index.remove(watcher);
  }

  /** Reads on when there is somebody to read to. To be called again when there may be a store again. */
  start(): void {
    if (this.#running || this.#watchers.size === 0 || this.#options.store() === null) return;
    this.#running = true;
    this.#run()
      .catch((error: unknown) => {
        // The store was closed under it, by a snapshot or the node's end: `start` is called again, or never.
        if (!(error instanceof StoreClosedError || error instanceof StoreFailedError)) {
          this.#options.onFailed(error);
        }
      })
      .finally(() => (this.#running = false));
  }

  async #run(): Promise<void> {
    for (;;) {
      await nextTurn();
      const [first] = this.#watchers;
      const store = this.#options.store();
      if (first === undefined || store === null) return;
      const from = first.revision;
      const chunk = await this.#read(store, from);
      if (chunk !== null) await this.#handOut(from, chunk);
    }
  }

  async #read(store: Pick<Store, "changes">, from: number): Promise<ChangeList | null> {
    try {
      return await store.changes(from, CHUNK);
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
      for (const watcher of this.#watchers) {
        if (watcher.revision > error.floor) continue;
        this.remove(watcher);
        this.#options.onCompacted(watcher, error);
      }
      return null;
    }
  }

  /** Everything from `from` on, to those who stand there or further on. */
  async #handOut(from: number, chunk: ChangeList): Promise<void> {
    // What is applied can be read before it may be told.
    const told = this.#options.told();
    const next = Math.min(chunk.nextRevision, told + 1);
    const changes = chunk.changes.filter(({ revision }) => revision < next);
    const here = [...this.#watchers].filter(({ revision }) => revision >= from && revision < next);
    const wanted = this.#index.matching(
      changes,
      (watcher, change) => watcher.revision >= from && watcher.takes(change),
    );
    for (const watcher of here) if (!wanted.has(watcher)) this.#advance(watcher, next);
    let left = 0;
    let previous: PreviousValues | null = null;
    for (const [watcher, matching] of wanted) {
      if (previous === null || left <= 0) {
        await nextTurn();
        const store = this.#options.store();
        if (store === null) return;
        left = EVENTS_PER_TURN;
        previous = new PreviousValues(store);
      }
      left -= matching.length;
      // It may have ended meanwhile.
      if (this.#watchers.has(watcher)) this.#deliver(watcher, matching, next, previous);
    }
  }

  #deliver(watcher: Watcher, changes: readonly Change[], next: number, previous: PreviousValues): void {
    const sent = watcher.isFull ? 0 : watcher.deliver(changes, previous);
    this.#options.onDelivered(sent);
    const stopped = changes[sent];
    if (stopped === undefined) {
      this.#advance(watcher, next);
      return;
    }
    watcher.seenBefore(stopped.revision, stopped.sub);
    this.remove(watcher);
    this.#options.onFull(watcher);
  }

  #advance(watcher: Watcher, next: number): void {
    watcher.seenBefore(next);
    this.#watchers.delete(watcher);
    if (next <= this.#options.told()) {
      this.#watchers.add(watcher);
      return;
    }
    this.#index.remove(watcher);
    this.#options.onCaughtUp(watcher);
  }
}
