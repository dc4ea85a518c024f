import type { GroupId } from "../core/types.js";
import type { GroupTail } from "./group-tail.js";

/** One group's log. Indexes as in Raft: 0 means none (W7). */
export interface GroupStats {
  readonly group: GroupId;
  readonly baseIndex: number;
  /** The first entry that the log holds, or would. */
  readonly firstIndex: number;
  /** The index of the next entry: one behind the last that was appended. */
  readonly nextIndex: number;
  /** The last entry that is on disk and not being written again. */
  readonly durableIndex: number;
  readonly memtableBytes: number;
}

/** Right from opening on, before any append (W8). */
export interface WalStats {
  readonly epoch: number;
  readonly groups: readonly GroupStats[];
  readonly nextSeq: number;
  readonly durableSeq: number;
  readonly segments: number;
  /** Bytes in use in all segments, headers included. */
  readonly bytes: number;
  /** The group whose entries keep the oldest segment: compacting another one deletes nothing. Null when none does. */
  readonly pinnedBy: GroupId | null;
  /** Appends that are not durable yet, and the bytes of their records. */
  readonly queuedAppends: number;
  readonly queuedBytes: number;
  /** Batches written since opening: each is one write and one sync. Sealing batches are counted. */
  readonly batches: number;
  readonly fsyncs: number;
}

export function groupStats(tail: GroupTail): GroupStats {
  return {
    group: tail.group,
    baseIndex: tail.baseIndex,
    firstIndex: tail.baseIndex + 1,
    nextIndex: tail.lastIndex + 1,
    durableIndex: tail.stable - 1,
    memtableBytes: tail.memtable?.bytes ?? 0,
  };
}
