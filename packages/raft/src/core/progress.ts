import { Inflights } from "./inflights.js";
import { invariant } from "./invariant.js";
import type { RaftOptions } from "./options.js";
import { logIndex } from "./types.js";
import type { LogIndex } from "./types.js";

/**
 * - `probe`: where the logs agree is not known; one append at a time, until one succeeds.
 * - `replicate`: appends are pipelined, `nextIndex` runs ahead of the acknowledgements.
 */
export type ProgressState = "probe" | "replicate";

/** What a leader knows of one member's log (§3.5). `matchIndex < nextIndex` always (R11). */
export class Progress {
  matchIndex: LogIndex = logIndex(0);
  nextIndex: LogIndex;
  state: ProgressState = "probe";
  /** While probing: an append is out, and nothing more goes until it, or a heartbeat, is answered. */
  probeSent = false;
  /** Answered anything since the last check of the quorum (R7). */
  recentlyActive = false;
  /** The commit index that this member was last told. */
  commitSent: LogIndex = logIndex(0);
  /** The newest confirmation round that this member answered (R18). */
  readRoundAcked = 0;
  readonly inflights: Inflights;

  constructor(nextIndex: LogIndex, options: RaftOptions) {
    this.nextIndex = nextIndex;
    this.inflights = new Inflights(options.inflightMessagesMax, options.inflightBytesMax);
  }

  /** Nothing may be sent but an empty append after a heartbeat reply (R12). */
  get paused(): boolean {
    return this.state === "probe" ? this.probeSent : this.inflights.full;
  }

  becomeProbe(): void {
    this.state = "probe";
    this.probeSent = false;
    this.nextIndex = logIndex(this.matchIndex + 1);
    this.inflights.clear();
  }

  becomeReplicate(): void {
    this.state = "replicate";
    this.probeSent = false;
    this.nextIndex = logIndex(this.matchIndex + 1);
    this.inflights.clear();
  }

  /** An append with entries up to `lastIndex` left. */
  sent(lastIndex: LogIndex, bytes: number): void {
    if (this.state === "probe") {
      this.probeSent = true;
      return;
    }
    this.nextIndex = logIndex(lastIndex + 1);
    this.inflights.add(lastIndex, bytes);
  }

  /** Returns whether `matchIndex` grew; a stale acknowledgement changes nothing (R11). */
  acknowledged(index: LogIndex): boolean {
    if (index <= this.matchIndex) return false;
    this.matchIndex = index;
    if (this.nextIndex <= index) this.nextIndex = logIndex(index + 1);
    this.inflights.release(index);
    return true;
  }

  /**
   * A refusal of the append behind `prevLogIndex`; `retryFrom` is the last place where the logs may agree.
   * Returns whether it was news (R11).
   */
  refused(prevLogIndex: LogIndex, retryFrom: LogIndex): boolean {
    if (this.state === "replicate") {
      // Everything up to matchIndex was acknowledged, so such a refusal is older than that acknowledgement.
      if (prevLogIndex <= this.matchIndex) return false;
      this.becomeProbe();
      return true;
    }
    if (prevLogIndex !== this.nextIndex - 1) return false;
    const next = Math.max(Math.min(prevLogIndex, retryFrom + 1), this.matchIndex + 1);
    invariant(next >= 1, "nextIndex is at least 1");
    this.nextIndex = logIndex(next);
    this.probeSent = false;
    return true;
  }
}
