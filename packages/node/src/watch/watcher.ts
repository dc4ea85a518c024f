import {
  ERRORS,
  encodeWatchEnd,
  encodeWatchEvents,
  encodeWatchProgress,
  isSingleKey,
} from "@raftkv/protocol";
import type { KeyRange, PackedFrame, WatchEvent, WatchRequest, WireReply } from "@raftkv/protocol";
import type { Change, KeyValue } from "@raftkv/store";
import type { RequestRefusal } from "../group/log-proposal.js";
import type { PreviousValues } from "./previous-values.js";
import type { WatchedKeys } from "./watch-index.js";

/** Events go out in pieces of about so many bytes; after each it is looked whether the client reads them. */
const PIECE_BYTES = 256 * 1024;
/** What an event takes beside keys and values, at most. */
const EVENT_OVERHEAD_BYTES = 64;

/** A client's connection, as a watch sees it. */
export interface WatchOutlet {
  readonly closed: boolean;
  /** What was sent and is still in this process, since the client does not read it. */
  readonly unsentBytes: number;
  /** `bytes` of keys and values in it, about. */
  answer(reply: WireReply, bytes: number): void;
  refused(requestId: number, refusal: RequestRefusal): void;
  /** Sends a frame behind everything that was answered before. */
  send(frame: PackedFrame): void;
}

/** One frame of an outlet, and how much may be unsent before it gets no more. */
export interface OutletLimits {
  readonly frameBytes: number;
  readonly unsentBytes: number;
}

/**
 * Where a watch stands. `live`: it has seen all that was told, and is told what comes as it is applied. `behind`: it is
 * read to from the store. `blocked`: as behind, but its client does not read. `ended`: it gets nothing any more.
 */
export type WatcherState = "live" | "behind" | "blocked" | "ended";

/** One watch: which changes it wants, where it stands, and what its client was told. Costs the same however slow it is (F6). */
export class Watcher {
  readonly watchId: number;
  readonly outlet: WatchOutlet;
  readonly keys: WatchedKeys;
  readonly wantsProgress: boolean;
  readonly #wantsPut: boolean;
  readonly #wantsDelete: boolean;
  readonly #wantPrevious: boolean;
  readonly #limits: OutletLimits;
  state: WatcherState = "live";
  /** The first change that it has not seen, unless it is live: everything before it was seen then, and maybe more. */
  #revision: number;
  #sub = 0;
  /** Its client knows that nothing at or below this will follow, or has a part of it. */
  #promised: number;
  /** Something was sent since this was last asked. */
  #spoke = false;

  /** @param fromRevision the first revision that it is to see; the request's 0 stands for none. */
  constructor(request: WatchRequest, fromRevision: number, outlet: WatchOutlet, limits: OutletLimits) {
    this.watchId = request.watchId;
    this.outlet = outlet;
    this.keys = keysOf(request.range);
    this.wantsProgress = request.progress;
    this.#wantsPut = !request.noPut;
    this.#wantsDelete = !request.noDelete;
    this.#wantPrevious = request.wantPrevious;
    this.#limits = limits;
    this.#revision = fromRevision;
    this.#promised = fromRevision - 1;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Too much of what was sent to its client is unread. */
  get isFull(): boolean {
    return this.outlet.unsentBytes > this.#limits.unsentBytes;
  }

  /** Whether it is to see a change. Not which were left out on the way to it: that is for whoever calls. */
  takes({ kind, revision, sub }: Change): boolean {
    if (revision < this.#revision || (revision === this.#revision && sub < this.#sub)) return false;
    return kind === "put" ? this.#wantsPut : this.#wantsDelete;
  }

  /** It has seen everything before this. */
  seenBefore(revision: number, sub = 0): void {
    this.#revision = revision;
    this.#sub = sub;
  }

  /**
   * Sends changes that it takes, in order. Returns how many: the outlet is full when those are not all, and it
   * has to go on with the next one, maybe in the middle of a transaction.
   */
  deliver(changes: readonly Change[], previous: PreviousValues): number {
    let piece: WatchEvent[] = [];
    let bytes = 0;
    let revision = 0;
    for (const [at, change] of changes.entries()) {
      const event = eventOf(change, this.#wantPrevious ? previous.before(change) : null);
      const size = eventBytes(event);
      if (piece.length > 0 && bytes + size > PIECE_BYTES) {
        this.#send(piece, revision, change.revision === revision);
        if (this.isFull) return at;
        piece = [];
        bytes = 0;
      }
      piece.push(event);
      bytes += size;
      revision = change.revision;
    }
    if (piece.length > 0) this.#send(piece, revision, false);
    return changes.length;
  }

  /** Promises that nothing at or below `revision` will follow, if its client does not know that. */
  promise(revision: number): void {
    if (revision <= this.#promised || this.isFull) return;
    this.#promised = revision;
    this.outlet.send(encodeWatchProgress(this.watchId, revision));
  }

  /** Whether anything was sent since the last call. */
  takeSpoke(): boolean {
    const spoke = this.#spoke;
    this.#spoke = false;
    return spoke;
  }

  /** What it has still to see was compacted. */
  compacted(floor: number, message: string): void {
    const { retryable } = ERRORS.COMPACTED;
    const refusal = { code: "COMPACTED", message, retryable } as const;
    this.outlet.send(encodeWatchEnd(this.watchId, refusal, { floor }));
  }

  #send(piece: readonly WatchEvent[], revision: number, moreOfRevision: boolean): void {
    this.#spoke = true;
    this.#promised = revision;
    const { frameBytes } = this.#limits;
    for (const frame of encodeWatchEvents(this.watchId, piece, frameBytes, moreOfRevision)) {
      this.outlet.send(frame);
    }
  }
}

function keysOf(range: KeyRange): WatchedKeys {
  const start = latin1(range.start);
  if (isSingleKey(range)) return { kind: "key", name: start };
  return { kind: "range", start, end: range.end === null ? null : latin1(range.end) };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function eventOf(change: Change, previous: KeyValue | null): WatchEvent {
  const { key, value, revision, createRevision, version, lease } = change;
  return change.kind === "delete"
    ? { kind: "delete", key, modRevision: revision, previous }
    : { kind: "put", key, value, createRevision, modRevision: revision, version, lease, previous };
}

function eventBytes(event: WatchEvent): number {
  const { key, previous } = event;
  const bytes = EVENT_OVERHEAD_BYTES + key.length + (event.kind === "put" ? event.value.length : 0);
  return previous === null ? bytes : bytes + previous.key.length + previous.value.length;
}
