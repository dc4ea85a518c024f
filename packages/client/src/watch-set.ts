import { RaftKvError } from "@raftkv/protocol";
import type { Refusal, WatchEvents } from "@raftkv/protocol";
import { backoffMs } from "./backoff.js";
import { WatchCall } from "./calls/watch-call.js";
import type { WatchPlaces } from "./calls/watch-call.js";
import type { Connection } from "./connection.js";
import type { Dispatcher } from "./dispatcher.js";
import { closedError } from "./outcome.js";
import { refusalError } from "./pending-request.js";
import { wantedWaitMs } from "./retry.js";
import type { WatchFeed } from "./watch-feed.js";

const PLACE_AGAIN_MS = { first: 10, last: 1_000 };

/** Where a watch stands. */
interface Place {
  readonly feed: WatchFeed;
  /** Under which its events come; another each time that it is placed, so that no late event is taken for a new one. */
  watchId: number;
  /** Null while no node serves it. */
  connection: Connection | null;
  /** It was taken from its node, until its consumer has caught up. */
  isPaused: boolean;
  /** Times in a row that no node took it. */
  failures: number;
  timer: NodeJS.Timeout | null;
  readonly owner: WatchOwner;
}

/** Whom the set tells what becomes of a watch. */
export interface WatchOwner {
  /** Each time that a node has taken it. */
  placed(revision: number): void;
  /** Once; null: its consumer wanted no more. */
  ended(error: unknown): void;
}

/**
 * A client's watches. Each is on one node, and moves to another when that one is lost, or leads no more; it goes on
 * behind the last whole revision that it saw (F6).
 */
export class WatchSet implements WatchPlaces {
  readonly #dispatcher: Dispatcher;
  readonly #timeoutMs: number;
  readonly #places = new Map<WatchFeed, Place>();
  readonly #byWatchId = new Map<number, Place>();
  #lastWatchId = 0;
  #closed = false;

  constructor(dispatcher: Dispatcher, timeoutMs: number) {
    this.#dispatcher = dispatcher;
    this.#timeoutMs = timeoutMs;
  }

  add(feed: WatchFeed, owner: WatchOwner): void {
    const place: Place = {
      feed,
      watchId: 0,
      connection: null,
      isPaused: false,
      failures: 0,
      timer: null,
      owner,
    };
    this.#places.set(feed, place);
    if (this.#closed) this.end(feed, closedError());
    else this.#place(place);
  }

  /** The consumer took something. */
  consumed(feed: WatchFeed): void {
    const place = this.#places.get(feed);
    if (place === undefined || !place.isPaused || !feed.hasRoom) return;
    place.isPaused = false;
    this.#place(place);
  }

  /** Ends one, with `error` or, null, because its consumer wants no more. */
  end(feed: WatchFeed, error: unknown): void {
    const place = this.#places.get(feed);
    if (place === undefined) return;
    this.#takeAway(place);
    if (place.timer !== null) clearTimeout(place.timer);
    this.#places.delete(feed);
    feed.end(error);
    place.owner.ended(error);
  }

  sending(feed: WatchFeed): number {
    const place = this.#places.get(feed);
    this.#lastWatchId += 1;
    if (place === undefined) return this.#lastWatchId; // it ended meanwhile, and is cancelled once it is placed
    this.#byWatchId.delete(place.watchId);
    place.watchId = this.#lastWatchId;
    this.#byWatchId.set(place.watchId, place);
    feed.restart();
    return place.watchId;
  }

  placed(feed: WatchFeed, connection: Connection, placed: { watchId: number; revision: number }): void {
    const place = this.#places.get(feed);
    if (place === undefined) {
      this.#dispatcher.cancelWatch(connection, placed.watchId);
      return;
    }
    place.connection = connection;
    place.failures = 0;
    feed.placed(placed.revision);
    place.owner.placed(placed.revision);
  }

  /** Nothing more comes over this connection, or nothing that one should wait for: go on elsewhere. */
  left(connection: Connection): void {
    for (const place of this.#places.values()) {
      if (place.connection !== connection) continue;
      this.#takeAway(place);
      this.#place(place);
    }
  }

  watched(connection: Connection, events: WatchEvents): void {
    const place = this.#byWatchId.get(events.watchId);
    if (place === undefined) {
      // Of a place that it has left: the node may not know.
      this.#dispatcher.cancelWatch(connection, events.watchId);
      return;
    }
    place.feed.add(events);
    if (!place.feed.isFull) return;
    this.#takeAway(place);
    place.isPaused = true;
  }

  watchEnded(watchId: number, refusal: Refusal): void {
    const place = this.#byWatchId.get(watchId);
    if (place === undefined) return;
    const address = place.connection?.address ?? "the node";
    place.connection = null; // nothing is left there to cancel
    this.#takeAway(place);
    this.#refused(place, refusalError(refusal, address));
  }

  close(): void {
    this.#closed = true;
    for (const feed of this.#places.keys()) this.end(feed, closedError());
  }

  #place(place: Place): void {
    this.#dispatcher
      .submit(new WatchCall(place.feed, this), this.#timeoutMs, null)
      .catch((error: unknown) => this.#refused(place, error));
  }

  /** No node serves it now: again in a moment, unless that cannot help. */
  #refused(place: Place, error: unknown): void {
    if (!this.#places.has(place.feed)) return;
    const ours = error instanceof RaftKvError ? error : null;
    // A node that is behind has not seen the revision yet.
    if (ours === null || !(ours.retryable || ours.code === "FUTURE_REVISION")) {
      this.end(place.feed, error);
      return;
    }
    const delayMs = wantedWaitMs(ours) ?? backoffMs(place.failures, PLACE_AGAIN_MS);
    place.failures += 1;
    place.timer = setTimeout(() => {
      place.timer = null;
      this.#place(place);
    }, delayMs);
  }

  /** From its node, if it is on one. */
  #takeAway(place: Place): void {
    this.#byWatchId.delete(place.watchId);
    if (place.connection !== null) this.#dispatcher.cancelWatch(place.connection, place.watchId);
    place.connection = null;
    place.watchId = 0;
  }
}
