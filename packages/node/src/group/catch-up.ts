import type { PeerMessage } from "@raftkv/protocol";
import type { ServerId } from "raft-ts";
import type { Logger } from "../logger.js";
import type { PolitePace } from "../polite-pace.js";

/** A member that lacks more than this catches up; one that lacks less is needed, or will be soon. */
const FAR_ENTRIES = 20_000;
/** In this time the gap is to become smaller by so large a part of what it was at most: it is closed in 200 seconds. */
const PROGRESS_MS = 4_000;
const PROGRESS_PART = 0.02;
/** More than so many times that is faster than it needs to be. What is held was sent a while ago, so this is seen late. */
const EASY_FACTOR = 2;
/** With more entries that are committed and not applied yet the next message waits: the log would only grow ahead of the state machine, at the leader's cost. */
const UNAPPLIED_MAX = 8_192;
const APPLY_WAIT_MS = 5;
/** Small messages are taken together, up to so many bytes in one turn: some milliseconds (C5). */
const TURN_BYTES = 128 * 1024;
/** More than any leader has on its way to one member: what comes beyond is dropped, and sent again (C7). */
const HELD_BYTES_MAX = 16 * 1024 * 1024;

type Append = Extract<PeerMessage, { kind: "appendRequest" }>;

export interface CatchUpOptions {
  readonly politePace: PolitePace;
  /** Entries of the log here that are committed and not applied. */
  readonly unapplied: () => number;
  readonly logger: Logger;
}

/**
 * Entries that a member which is far behind is sent are taken at a polite pace, one message after the other, and not faster than they are
 * applied: a machine that it shares with the others answers clients meanwhile, and the leader reads its log no faster than it is of
 * use. Once what comes next is near the end of the log, all of it is taken as fast as it can be. Where commits wait for this very member, since others are gone, clients do not load the machine, and it
 * goes at full speed unless somebody else does. Heartbeats, votes and everything else pass by.
 */
export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #take: (append: Append) => void;
  #held: Append[] = [];
  #heldBytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #lookedMs = 0;
  /** When that was looked at last; 0 while nothing is held. */
  #lackedThen = 0;
  #lackedMost = 0;

  /** `take` takes one of what was held back, in its order. */
  constructor(options: CatchUpOptions, take: (append: Append) => void) {
    this.#options = options;
    this.#take = take;
  }

  /** True: it is held, and comes by `take`, or was dropped; so do all appends behind it, which are of no use before. */
  holds(message: PeerMessage): boolean {
    if (message.kind !== "appendRequest") return false;
    const last = this.#held.at(-1);
    // There is another leader: what the one before has sent is of no use, and would be taken for a sign of life (R4).
    if (last !== undefined && message.term > last.term) this.drop();
    if (this.#held.length === 0 && lacks(message) <= FAR_ENTRIES) {
      this.#ended();
      return false;
    }
    if (last !== undefined && (isAgain(message, last) || this.#isFullWith(message))) return true;
    this.#held.push(message);
    this.#heldBytes += message.entries.length;
    this.#timer ??= setTimeout(this.#next, this.#options.politePace.restMs());
    return true;
  }

  /** Whoever sent what is held is gone, or sends it again (R4). */
  connectionLost(peer: ServerId): void {
    if (this.#held[0]?.from === peer) this.drop();
  }

  drop(): void {
    this.#held = [];
    this.#heldBytes = 0;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  readonly #next = (): void => {
    this.#timer = null;
    const [first] = this.#held;
    if (first === undefined) return;
    const isFar = lacks(first) > FAR_ENTRIES;
    if (isFar && this.#options.unapplied() > UNAPPLIED_MAX) {
      this.#timer = setTimeout(this.#next, APPLY_WAIT_MS);
      return;
    }
    this.#watch(lacks(first));
    this.#takeTogether();
    if (this.#held.length === 0) return;
    this.#timer ??= setTimeout(this.#next, isFar ? this.#options.politePace.restMs() : 0);
  };

  /** One that is larger than all that may be held is held alone. */
  #isFullWith({ entries }: Append): boolean {
    return this.#held.length > 0 && this.#heldBytes + entries.length > HELD_BYTES_MAX;
  }

  #takeTogether(): void {
    let count = 0;
    let bytes = 0;
    while (count < this.#held.length && bytes < TURN_BYTES) {
      bytes += this.#held[count]?.entries.length ?? 0;
      count += 1;
    }
    const taken = this.#held.splice(0, count);
    this.#heldBytes -= bytes;
    try {
      for (const append of taken) this.#take(append);
    } catch (error) {
      // What is behind it is of no use either. The leader sends it again, and the connection of one that comes in time is cut (C6).
      this.#options.logger.warn({ error }, `a message of the leader is dropped: ${(error as Error).message}`);
      this.drop();
    }
  }

  /** Clients may write faster than a polite member takes it in: then it must not be polite. */
  #watch(lacked: number): void {
    const nowMs = performance.now();
    if (nowMs - this.#lookedMs < PROGRESS_MS) return;
    this.#lackedMost = Math.max(this.#lackedMost, lacked);
    const closed = this.#lackedThen - lacked;
    const wanted = PROGRESS_PART * this.#lackedMost;
    if (this.#lackedThen > 0) {
      if (closed < wanted) this.#options.politePace.hurry();
      else if (closed > EASY_FACTOR * wanted) this.#options.politePace.ease();
    }
    this.#lookedMs = nowMs;
    this.#lackedThen = lacked;
  }

  #ended(): void {
    this.#lackedThen = 0;
    this.#lackedMost = 0;
    this.#options.politePace.done();
  }
}

/** A leader that hears nothing of what it has sent sends it again and again. */
function isAgain({ entries, prevLogIndex, term }: Append, last: Append): boolean {
  return last.term === term && last.prevLogIndex === prevLogIndex && last.entries.length >= entries.length;
}

function lacks({ commitIndex, prevLogIndex }: Append): number {
  return commitIndex - prevLogIndex;
}
