import type { PeerMessage } from "@raftkv/protocol";
import type { Logger } from "../logger.js";
import type { PolitePace } from "../polite-pace.js";

/** A member that lacks more than this catches up; one that lacks less is needed, or will be soon. */
const FAR_ENTRIES = 20_000;
/** In this time the gap is to become smaller by so large a part of what it was at most: it is closed in 200 seconds. */
const PROGRESS_MS = 2_000;
const PROGRESS_PART = 0.01;

/** With more entries that are committed and not applied yet the next message waits: the log would only grow ahead of the state machine, at the leader's cost. */
const UNAPPLIED_MAX = 8_192;
const APPLY_WAIT_MS = 5;

type Append = Extract<PeerMessage, { kind: "appendRequest" }>;

export interface CatchUpOptions {
  readonly politePace: PolitePace;
  /** Entries of the log here that are committed and not applied. */
  readonly unapplied: () => number;
  readonly logger: Logger;
}

/**
 * Entries that a member which is far behind is sent are taken at a polite pace, one message after the other, and not faster than they are
 * applied: a machine that it shares with the others answers clients meanwhile, and the leader reads its log no faster than it is of use. Where commits wait for this very member, since others are gone, clients do not load the machine, and it goes at
 * full speed unless somebody else does. Heartbeats, votes and everything else pass by. The leader's
 * window bounds what is held.
 */
export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #take: (append: Append) => void;
  #held: Append[] = [];
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

  /** True: it is held, and comes by `take`; so do all appends behind it, which are of no use before. */
  holds(message: PeerMessage): boolean {
    if (message.kind !== "appendRequest") return false;
    if (this.#held.length === 0 && lacks(message) <= FAR_ENTRIES) {
      this.#ended();
      return false;
    }
    this.#held.push(message);
    this.#timer ??= setTimeout(this.#next, this.#options.politePace.restMs());
    return true;
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#held = [];
  }

  readonly #next = (): void => {
    this.#timer = null;
    if (this.#options.unapplied() > UNAPPLIED_MAX) {
      this.#timer = setTimeout(this.#next, APPLY_WAIT_MS);
      return;
    }
    const append = this.#held.shift();
    if (append === undefined) return;
    this.#watch(lacks(append));
    try {
      this.#take(append);
    } catch (error) {
      // What is behind it is of no use either. The leader sends it again, and the connection of one that comes in time is cut (C6).
      this.#options.logger.warn({ error }, `a message of the leader is dropped: ${(error as Error).message}`);
      this.#held = [];
    }
    if (this.#held.length > 0) this.#timer ??= setTimeout(this.#next, this.#options.politePace.restMs());
  };

  /** Clients may write faster than a polite member takes it in: then it must not be polite. */
  #watch(lacked: number): void {
    const nowMs = performance.now();
    if (nowMs - this.#lookedMs < PROGRESS_MS) return;
    this.#lackedMost = Math.max(this.#lackedMost, lacked);
    const closed = this.#lackedThen - lacked;
    if (this.#lackedThen > 0 && closed < PROGRESS_PART * this.#lackedMost) this.#options.politePace.hurry();
    this.#lookedMs = nowMs;
    this.#lackedThen = lacked;
  }

  #ended(): void {
    if (this.#lackedThen === 0) return;
    this.#lackedThen = 0;
    this.#lackedMost = 0;
    this.#options.politePace.done();
  }
}

function lacks({ commitIndex, prevLogIndex }: Append): number {
  return commitIndex - prevLogIndex;
}
