import { Inflights } from "./inflights.js";
import { invariant, unreachable } from "./invariant.js";
import type { RaftOptions } from "./options.js";
import { logIndex } from "./types.js";
import type { LogIndex } from "./types.js";

/**
 * - `probe`: where the logs agree is not known; one append at a time, until one succeeds.
 * - `replicate`: appends are pipelined, `nextIndex` runs ahead of the acknowledgements.
 * - `snapshot`: the member needs what is compacted; nothing is appended until it has a snapshot (§5.3).
 */
export type ProgressState = "probe" | "replicate" | "snapshot";

/** What a leader knows of one member's log (§3.5). `matchIndex < nextIndex` always (R11). */
export class Progress {
  matchIndex: LogIndex = logIndex(0);
  nextIndex: LogIndex;
  state: ProgressState = "probe";
  /** While probing: an append is out, and nothing more goes until it, or a heartbeat, is answered. */
  probeSent = false;
  /** The leader's tick at which it last answered anything (R7). */
  heardTick: number;
  /** In the state `snapshot`: the index that the snapshot under way covers; otherwise 0. */
  snapshotIndex: LogIndex = logIndex(0);
  /** It was sent a snapshot, and has not had all since that was committed: cut now, the log would bring it another one (R23). */
  catchingUp = false;
  /** The leader's clock in the newest heartbeat that this member answered with a promise (R19). */
  promisedSentMicros = 0;
  /** The commit index that this member was last told. */
  commitSent: LogIndex = logIndex(0);
  /** The newest confirmation round that this member answered (R18). */
  readRoundAcked = 0;
  readonly inflights: Inflights;

  constructor(nextIndex: LogIndex, options: RaftOptions, nowTick: number) {
    this.nextIndex = nextIndex;
    // It has an election timeout to answer for the first time.
    this.heardTick = nowTick;
    this.inflights = new Inflights(options.inflightMessagesMax, options.inflightBytesMax);
  }

  /** Nothing may be sent but an empty append after a heartbeat reply (R12). */
  get paused(): boolean {
    switch (this.state) {
      case "probe":
        return this.probeSent;
      case "replicate":
        return this.inflights.full;
      case "snapshot":
        return true;
      default:
        return unreachable(this.state);
    }
  }

  becomeProbe(): void {
    this.#become("probe");
  }

  becomeReplicate(): void {
    this.#become("replicate");
  }

  becomeSnapshot(index: LogIndex): void {
    this.#become("snapshot");
    this.snapshotIndex = index;
    this.catchingUp = true;
  }

  /** The snapshot was delivered (or was not): it is found out with the next heartbeat's answer where the logs agree. */
  snapshotDone(ok: boolean): void {
    const behind = ok ? Math.max(this.matchIndex, this.snapshotIndex) : this.matchIndex;
    this.catchingUp &&= ok;
    this.#become("probe");
    this.nextIndex = logIndex(behind + 1);
    this.probeSent = true;
  }

  #become(state: ProgressState): void {
    this.state = state;
    this.probeSent = false;
    this.snapshotIndex = logIndex(0);
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
    // Known already: that is why a snapshot is under way.
    if (this.state === "snapshot") return false;
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
