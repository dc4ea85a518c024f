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
  /** What stays for members that are sent a snapshot, or catch up from one: at most so many bytes of log, or those, if more. */
  readonly logKeepSnapshotBytes: number;
}

export interface LogCompactionOptions {
  readonly group: GroupId;
  readonly raft: Raft<LogProposal>;
  readonly log: LogWriter;
  readonly policy: LogCompactionPolicy;
  readonly isWitness: boolean;
  /** See `SpaceForEntries`. */
  readonly hasSpare: () => boolean;
  readonly logger: Logger;
  /** What the snapshot covers that a member is being sent; null: none is under way. */
  readonly coveredFor: (peer: ServerId) => LogIndex | null;
  /** The log begins behind `index` now. */
  readonly onCompacted: (index: LogIndex) => void;
}

/**
 * Shortens the group's log once the store has a checkpoint, and never past that (W5, S4). A tail stays for slow followers. Longer
 * than that stays what a member needs that is there: that is being sent entries. Longest what one needs that is being sent a
 * snapshot, until it has what came behind that: cut in between, it would need another one, which takes as long, and so on. But
 * it is no reason to refuse writes: with little room on the disk it goes (W12). Whoever is away longer gets a snapshot when it comes back.
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
    this.#warnOfVainSnapshots(index);
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
    const { hasSpare, isWitness, policy, raft } = this.#options;
    const tail = Math.max(checkpoint - policy.logKeepEntries, this.#behindTail(policy.logKeepBytes));
    const { appliedIndex, dataDurableIndex, progress } = raft.status();
    if (isWitness) return logIndex(Math.min(checkpoint, tail, dataDurableIndex));
    const behindActive = this.#behindTail(policy.logKeepActiveBytes);
    const behindSnapshot = hasSpare()
      ? Math.min(behindActive, this.#behindTail(policy.logKeepSnapshotBytes))
      : behindActive;
    const forMembers = progress.map((member) =>
      Math.max(this.#neededBy(member), member.catchingUp ? behindSnapshot : behindActive),
    );
    // A checkpoint can lie in the middle of a range that is being applied, of which the core hears at its end.
    return logIndex(Math.min(checkpoint, appliedIndex, tail, ...forMembers));
  }

  /** Once for each: the log begins behind what is needed from then on. */
  #warnOfVainSnapshots(index: LogIndex): void {
    const { logger, raft } = this.#options;
    const { base, progress } = raft.status();
    for (const member of progress) {
      const needed = this.#neededBy(member);
      if (!member.catchingUp || needed < base.index || needed >= index) continue;
      logger.warn(
        { peer: member.id, needed, index },
        `${member.id} will need another snapshot: what was written since the one of index ${needed} is more than the log keeps for it`,
      );
    }
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
