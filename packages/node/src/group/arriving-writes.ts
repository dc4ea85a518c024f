import { BatchWait } from "./batch-wait.js";
import type { LogProposal } from "./log-proposal.js";
import { STOPPING } from "./refusals.js";

/** A disk that takes longer than this for a batch holds nobody up: the followers' disks may be enough (thesis §10.2.1). */
const HOLD_MS_MAX = 3;

/**
 * Writes that are not proposed yet: those of this turn, those that came while this server's own disk was busy, and those that
 * others are about to follow (see `BatchWait`). The log would not begin to write them sooner while it is busy, and together they
 * are one message to each follower, one sync there, one acknowledgement and one commit.
 * No fixed linger: a lone client never waits, since nothing is being synced when its write comes, and nobody is expected.
 */
export class ArrivingWrites {
  /** Asks for a turn, in which `take` is asked again. */
  readonly #wake: () => void;
  readonly #nowMs: () => number;
  readonly #wait: BatchWait;
  #timer: NodeJS.Timeout | null = null;
  #waiting: LogProposal[] = [];
  /** Writes with entries that are on their way to the disk. */
  #unsynced = 0;
  /** Since when something is held; null: nothing is. */
  #heldSinceMs: number | null = null;

  constructor(waitMsMax: number, wake: () => void, nowMs = (): number => performance.now()) {
    this.#wait = new BatchWait(waitMsMax);
    this.#wake = wake;
    this.#nowMs = nowMs;
  }

  add(proposal: LogProposal): void {
    this.#waiting.push(proposal);
  }

  /** Entries begin their way to the disk; `synced` follows. */
  writing(): void {
    this.#unsynced += 1;
  }

  synced(): void {
    this.#unsynced -= 1;
  }

  /**
   * What is to be proposed in this turn; null for nothing. To be asked in every turn: the next tick's is the last that is held for the
   * disk. `unanswered` are the writes that were taken before and not answered yet.
   */
  take(unanswered: number): readonly LogProposal[] | null {
    const nowMs = this.#nowMs();
    const waitMs = this.#wait.waitMs(this.#waiting.length, unanswered, nowMs);
    if (this.#waiting.length === 0 || this.#holds(nowMs)) return null;
    if (waitMs > 0) {
      this.#wakeIn(waitMs);
      return null;
    }
    const proposals = this.#waiting;
    this.#waiting = [];
    this.#heldSinceMs = null;
    this.#stopTimer();
    this.#wait.leave(proposals.length, nowMs);
    return proposals;
  }

  /** The node stops: nothing of these was begun (C4). */
  abandon(): void {
    this.#stopTimer();
    const proposals = this.#waiting;
    this.#waiting = [];
    for (const proposal of proposals) proposal.refused(STOPPING);
  }

  #wakeIn(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#wake();
    }, ms);
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #holds(nowMs: number): boolean {
    if (this.#unsynced === 0) return false;
    this.#heldSinceMs ??= nowMs;
    return nowMs - this.#heldSinceMs < HOLD_MS_MAX;
  }
}
