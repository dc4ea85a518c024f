import { logIndex } from "raft-ts";
import type { GroupId, LogIndex, LogWriter, ProgressStatus, Raft, ServerId } from "raft-ts";
import type { Logger } from "../logger.js";
import type { LogProposal } from "./log-proposal.js";

export interface LogCompactionPolicy {
  /** What stays below a checkpoint for followers that are a little behind: at most so many entries … */
  readonly logKeepEntries: number;
  /** … and at most so many bytes of log. */
  readonly logKeepBytes: number;
  /** What stays for members that are there and lack it: at most so many bytes of log. */
  readonly logKeepActiveBytes: number;
}

export interface LogCompactionOptions {
  readonly group: GroupId;
  readonly raft: Raft<LogProposal>;
  readonly log: LogWriter;
  readonly policy: LogCompactionPolicy;
  readonly isWitness: boolean;
  readonly logger: Logger;
  /** What the snapshot covers that a member is being sent; null: none is under way. */
  readonly coveredFor: (peer: ServerId) => LogIndex | null;
  /** The log begins behind `index` now. */
  readonly onCompacted: (index: LogIndex) => void;
}

/**
 * Shortens the group's log once the store has a checkpoint, and never past that (W5, S4). A tail stays for slow followers. Longer
 * than that stays what a member needs that is there: that is being sent entries, or a snapshot behind which it will want the
 * rest. Whoever is away longer gets a snapshot when it comes back.
 *
 * A witness has none to send, so its log stays as long as a member with data lacks it, as the leader tells it (R24).
 */
export class LogCompaction {
  readonly #options: LogCompactionOptions;

  constructor(options: LogCompactionOptions) {
    this.#options = options;
  }

  /** `checkpoint` is the index up to which the store is durable. One call at a time. */
  async after(checkpoint: LogIndex): Promise<void> {
    const { group, log, logger, onCompacted, raft } = this.#options;
    const index = this.#limit(checkpoint);
    if (index <= raft.status().base.index) return;
    const base = raft.baseAt(index);
    if (base === null) return;
    const { segments, bytes } = await log.compact(group, base);
    onCompacted(index);
    logger.info(
      { index, segments, bytes },
      `compacted the log up to ${index}, which freed ${segments} segments`,
    );
  }

  #limit(checkpoint: LogIndex): LogIndex {
    const { isWitness, policy, raft } = this.#options;
    const tail = Math.max(checkpoint - policy.logKeepEntries, this.#behindTail(policy.logKeepBytes));
    const { appliedIndex, dataDurableIndex, progress } = raft.status();
    if (isWitness) return logIndex(Math.min(checkpoint, tail, dataDurableIndex));
    const needed = Math.min(...progress.map((member) => this.#neededBy(member)));
    const forActive = Math.max(needed, this.#behindTail(policy.logKeepActiveBytes));
    // A checkpoint can lie in the middle of a range that is being applied, of which the core hears at its end.
    return logIndex(Math.min(checkpoint, appliedIndex, tail, forActive));
  }

  /** The last index that a member, as the leader knows it, will not ask the log for; Infinity: it gets a snapshot anyway. */
  #neededBy({ id, matchIndex, recentlyActive, state }: ProgressStatus): number {
    const covered = this.#options.coveredFor(id);
    if (covered !== null) return covered;
    const { raft } = this.#options;
    if (id === raft.status().id || !recentlyActive || state === "snapshot") return Infinity;
    return matchIndex;
  }

  /** The last index that is not in the longest tail of the log with at most so many bytes. */
  #behindTail(bytes: number): number {
    const { group, log } = this.#options;
    return log.tailStart(group, bytes) - 1;
  }
}
