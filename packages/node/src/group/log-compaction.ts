import { logIndex } from "raft-ts";
import type { GroupId, LogIndex, LogWriter, Raft } from "raft-ts";
import type { Logger } from "../logger.js";
import type { ClientProposal } from "./client-proposal.js";

export interface LogCompactionPolicy {
  /** What stays below a checkpoint for followers that are a little behind: at most so many entries … */
  readonly logKeepEntries: number;
  /** … and at most so many bytes of log. */
  readonly logKeepBytes: number;
}

export interface LogCompactionOptions {
  readonly group: GroupId;
  readonly raft: Raft<ClientProposal>;
  readonly log: LogWriter;
  readonly policy: LogCompactionPolicy;
  readonly logger: Logger;
  /** The log begins behind `index` now. */
  readonly onCompacted: (index: LogIndex) => void;
}

/**
 * Shortens the group's log once the store has a checkpoint (W5, S4): up to the checkpoint, less a tail, and never past what
 * any member lacks on its disk. Nodes do not send each other snapshots, so a member that is away must find everything that
 * it missed in every log, whoever leads when it comes back. The leader knows how far all of them are, and its heartbeats
 * tell the others.
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
    const { group, log, policy, raft } = this.#options;
    const kept = Math.max(checkpoint - policy.logKeepEntries, log.tailStart(group, policy.logKeepBytes) - 1);
    return logIndex(Math.min(checkpoint, kept, raft.status().dataDurableIndex));
  }
}
