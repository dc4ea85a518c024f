import { Op, watchRequest } from "@raftkv/protocol";
import type { ErrorReply, Limits, RaftKvError, Reply, WireRequest } from "@raftkv/protocol";
import type { Connection } from "../connection.js";
import type { Route } from "../leader-finder.js";
import type { WatchFeed } from "../watch-feed.js";
import { rangeFault } from "./call.js";
import type { Call } from "./call.js";

/** Whom the placing of a watch tells what, in the turn in which it happens: events may come right behind the reply. */
export interface WatchPlaces {
  /** It is being sent. @returns a number that no watch had before. */
  sending(feed: WatchFeed): number;
  placed(
    feed: WatchFeed,
    connection: Connection,
    placed: { readonly watchId: number; readonly revision: number },
  ): void;
}

/** Asks a node to send a watch what it has not seen yet. */
export class WatchCall implements Call {
  readonly #feed: WatchFeed;
  readonly #places: WatchPlaces;
  #watchId = 0;

  constructor(feed: WatchFeed, places: WatchPlaces) {
    this.#feed = feed;
    this.#places = places;
  }

  get op(): typeof Op.watch {
    return Op.watch;
  }

  /** Any node has the events, the leader has them first. */
  get route(): Route {
    return "serializable";
  }

  get isIdempotent(): boolean {
    return false;
  }

  get isWrite(): boolean {
    return false;
  }

  fault(limits: Limits): RaftKvError | null {
    return rangeFault(this.#feed.query.range, limits);
  }

  toWire(id: number, deadlineMs: number): WireRequest {
    const watchId = this.#places.sending(this.#feed);
    this.#watchId = watchId;
    // With progress marks a watch that sees few events does not fall behind what is compacted.
    const { query, nextRevision: fromRevision } = this.#feed;
    return watchRequest(id, deadlineMs, { ...query, watchId, fromRevision, progress: true });
  }

  resultOf(reply: Exclude<Reply, ErrorReply>, connection: Connection): unknown {
    if (reply.op !== Op.watch) return undefined;
    const { revision } = reply;
    this.#places.placed(this.#feed, connection, { watchId: this.#watchId, revision });
    return revision;
  }
}
