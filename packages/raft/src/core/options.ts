import { invariant } from "./invariant.js";
import type { EntryShapes, HardState, LogBase, LogIndex, ServerId } from "./types.js";

/** What a server of a group is configured with. Everything that could differ between two runs comes in here. */
export interface RaftOptions {
  readonly id: ServerId;
  /** Seed of the randomised timeouts. */
  readonly seed: number;
  /** Grows with every start of this server; never used twice (R18). */
  readonly bootEpoch: number;
  /** A leader's heartbeat interval. */
  readonly heartbeatTicks: number;
  /** The shortest election timeout; the actual one is drawn from [this, 2 x this). At least 3 heartbeats. */
  readonly electionTimeoutTicks: number;
  /** Bytes of entries in one append. One larger entry still goes, alone. */
  readonly messageBytesMax: number;
  /** Appends in flight to one follower. */
  readonly inflightMessagesMax: number;
  /** Bytes in flight to one follower. */
  readonly inflightBytesMax: number;
  /** Bytes of proposals that are appended and not yet committed (R14). */
  readonly uncommittedBytesMax: number;
  /**
   * 0 to 10. A server waits one election timeout longer for each step below 10 before it campaigns (after a dropped
   * connection: `fastFailoverTicks` longer).
   */
  readonly priority: number;
  /**
   * After its leader's connection dropped the first of the other voters campaigns within 1 + [0, this) ticks, each
   * further one this many ticks later. 0: dropped connections are not looked at (R4).
   */
  readonly fastFailoverTicks: number;
  /** A learner that lacks more entries than this is not promoted (R22). */
  readonly promotionLagEntriesMax: number;
}

export const PRIORITY_MAX = 10;

export const DEFAULT_RAFT_LIMITS = {
  messageBytesMax: 256 * 1024,
  inflightMessagesMax: 256,
  inflightBytesMax: 8 * 1024 * 1024,
  uncommittedBytesMax: 256 * 1024 * 1024,
  priority: PRIORITY_MAX,
  fastFailoverTicks: 3,
  promotionLagEntriesMax: 1024,
} as const;

/** What was on disk. */
export interface RaftRestart {
  readonly hardState: HardState;
  readonly base: LogBase;
  /** The shape of everything above the base. */
  readonly entries: EntryShapes;
  /** Applied durably: the checkpoint's D. Known to be committed. */
  readonly appliedIndex: LogIndex;
}

export function checkOptions(options: RaftOptions): void {
  invariant(options.heartbeatTicks >= 1, "heartbeatTicks is at least 1");
  invariant(
    options.electionTimeoutTicks >= 3 * options.heartbeatTicks,
    "electionTimeoutTicks is at least 3 heartbeats, so that one lost heartbeat is no election",
  );
  invariant(options.messageBytesMax >= 1, "messageBytesMax is at least 1");
  invariant(options.inflightMessagesMax >= 1, "inflightMessagesMax is at least 1");
  invariant(
    options.inflightBytesMax >= options.messageBytesMax,
    "inflightBytesMax holds at least one message",
  );
  invariant(Number.isSafeInteger(options.seed), "seed is a whole number");
  invariant(
    Number.isInteger(options.priority) && options.priority >= 0 && options.priority <= PRIORITY_MAX,
    "priority is a whole number from 0 to 10",
  );
  invariant(options.fastFailoverTicks >= 0, "fastFailoverTicks is at least 0");
  invariant(options.promotionLagEntriesMax >= 0, "promotionLagEntriesMax is at least 0");
}
