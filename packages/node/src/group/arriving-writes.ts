import type { LogProposal } from "./log-proposal.js";
import { STOPPING } from "./refusals.js";

/** A disk that takes longer than this for a batch holds nobody up: the followers' disks may be enough (thesis §10.2.1). */
const HOLD_MS_MAX = 3;

/**
 * Writes that are not proposed yet: those of this turn, and those that came while this server's own disk was busy. The log would
 * not begin to write them sooner anyway, and together they are one message to each follower, one sync there, one
 * acknowledgement and one commit. With 64 clients a batch has 28 puts instead of 18, and a third fewer appends leave.
 * No linger: a lone client never waits, since nothing is being synced when its write comes.
 */
export class ArrivingWrites {
  readonly #nowMs: () => number;
  #waiting: LogProposal[] = [];
  /** Writes with entries that are on their way to the disk. */
  #unsynced = 0;
  /** Since when something is held; null: nothing is. */
  #heldSinceMs: number | null = null;

  constructor(nowMs: () => number) {
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

  /** What is to be proposed in this turn; null for nothing. To be asked in every turn: the next tick's is the last that is held. */
  take(): readonly LogProposal[] | null {
    if (this.#waiting.length === 0 || this.#holds()) return null;
    const proposals = this.#waiting;
    this.#waiting = [];
    this.#heldSinceMs = null;
    return proposals;
  }

  /** The node stops: nothing of these was begun (C4). */
  abandon(): void {
    const proposals = this.#waiting;
    this.#waiting = [];
    for (const proposal of proposals) proposal.refused(STOPPING);
  }

  #holds(): boolean {
    if (this.#unsynced === 0) return false;
    const nowMs = this.#nowMs();
    this.#heldSinceMs ??= nowMs;
    return nowMs - this.#heldSinceMs < HOLD_MS_MAX;
  }
}
