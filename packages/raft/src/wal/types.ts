import type { GroupId, HardState, LogBase, LogIndex } from "../core/types.js";
import type { Frame } from "../frame.js";

/**
 * One atomic batch for the log: all of it is there after a crash, or nothing (W3).
 * Entries at or above an index that is written again replace what stood there and everything behind it.
 */
export interface LogBatch {
  readonly group: GroupId;
  readonly hardState: HardState | null;
  /** A new base under the log (an installed snapshot, the start of a new group). Written before `entries`. */
  readonly base: LogBase | null;
  /** Ascending and without gaps. */
  readonly entries: readonly Frame[];
}

/** What recovery found for one group. */
export interface RecoveredGroup {
  readonly group: GroupId;
  readonly hardState: HardState;
  readonly base: LogBase;
  /** base.index when the log is empty. */
  readonly lastIndex: LogIndex;
}
