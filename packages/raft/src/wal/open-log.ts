import type { GroupId } from "../core/types.js";
import { WalAppender } from "./appender.js";
import type { SegmentUse } from "./appender.js";
import type { LogWriterOptions } from "./options.js";
import { recover } from "./recovery.js";
import type { FoundSegment, RecoveredLog } from "./recovery.js";
import { removeEmpty, repair } from "./repair.js";

export interface OpenedLog {
  readonly appender: WalAppender;
  readonly groups: ReadonlyMap<GroupId, RecoveredLog>;
  readonly lastSeq: number;
}

/**
 * Opens the log in a directory that is locked: reads it, makes durable what was read, claims the next epoch with a
 * new segment, and writes the state of every group into it. After that everything recovered is followed by a valid
 * batch, so later damage in it can be told from a torn tail (W3, W6, W10, W11).
 */
export async function openLog(options: Required<LogWriterOptions>): Promise<OpenedLog> {
  const { fileSystem, dir, onEvent } = options;
  const recovery = await recover(fileSystem, dir);
  await repair(fileSystem, recovery, onEvent);
  const groups = new Map([...recovery.groups].map(([group, log]) => [group, log.written]));
  const appender = new WalAppender({
    fileSystem,
    dir,
    segmentBytes: options.segmentBytes,
    epoch: recovery.newestEpoch + 1,
    nextNumber: (recovery.segments.at(-1)?.number ?? 0) + 1,
    nextBatch: recovery.lastBatchNumber + 1,
    lastSeq: recovery.lastSeq,
    groups,
    clock: options.clock,
    onEvent,
    onSynced: options.onSynced,
  });
  try {
    await begin(appender);
    const kept = await removeEmpty(fileSystem, dir, recovery.segments);
    appender.segments.unshift(...kept.map(segmentUse));
  } catch (error) {
    await appender.close();
    throw error;
  }
  return { appender, groups: recovery.groups, lastSeq: recovery.lastSeq };
}

function begin(appender: WalAppender): Promise<void> {
  return new Promise((resolve, reject) => {
    appender.append([], (error) => (error === null ? resolve() : reject(error)));
  });
}

function segmentUse(segment: FoundSegment): SegmentUse {
  return {
    number: segment.number,
    path: segment.path,
    epoch: segment.epoch,
    seed: segment.seed,
    bytes: segment.end,
  };
}
