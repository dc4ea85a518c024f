import type { WalEventHandler } from "./events.js";
import { writeAll } from "./file-system.js";
import type { FileSystem } from "./file-system.js";
import type { FoundSegment, LastBatch, Recovery } from "./recovery.js";
import { SEGMENT_HEADER_BYTES } from "./segment.js";

/**
 * Makes what recovery has read as durable as it looks, before anything is promised on it:
 * the torn tail is cut off (W3), and the last whole batch is written once more in place (W11). Names that were found
 * become durable with the directory's sync when the next segment is made, before anything is written to that.
 * Room that was reserved and not used is given back, so that restarts do not leave a segment's size each.
 */
export async function repair(
  fileSystem: FileSystem,
  recovery: Recovery,
  onEvent: WalEventHandler,
): Promise<void> {
  if (recovery.torn !== null) {
    const { segment, expected, found } = recovery.torn;
    const bytes = segment.fileBytes - segment.end;
    onEvent({ kind: "tail-cut", file: segment.path, offset: segment.end, bytes, expected, found });
  }
  if (recovery.lastBatch !== null) await rewrite(fileSystem, recovery.lastBatch);
  for (const segment of recovery.segments) {
    // An opening that was killed between its cut and the sync leaves a file that only looks cut: the last batch's is synced
    // with that, one without a batch here.
    const isEmpty = segment.end === SEGMENT_HEADER_BYTES;
    if (segment.fileBytes > segment.end || isEmpty) await cut(fileSystem, segment);
  }
  for (const path of recovery.temporaries) await fileSystem.unlink(path);
}

/**
 * Removes the segments that were prepared and never written to. Only once the segment of the new epoch stands:
 * one of these may be all that knows the last epoch (W6). Returns the segments that stay.
 */
export async function removeEmpty(
  fileSystem: FileSystem,
  dir: string,
  segments: readonly FoundSegment[],
): Promise<FoundSegment[]> {
  const empty = segments.filter((segment) => segment.end === SEGMENT_HEADER_BYTES);
  for (const segment of empty) await fileSystem.unlink(segment.path);
  if (empty.length > 0) await fileSystem.syncDirectory(dir);
  return segments.filter((segment) => segment.end > SEGMENT_HEADER_BYTES);
}

/** The same bytes again: the page cache may have had them and the disk not (W11). */
async function rewrite(fileSystem: FileSystem, batch: LastBatch): Promise<void> {
  const file = await fileSystem.open(batch.path, "write");
  try {
    const bytes = Buffer.allocUnsafeSlow(batch.length);
    const read = await file.read(bytes, batch.offset);
    if (read !== batch.length) throw new Error(`${batch.path} became shorter while it was opened`);
    await writeAll(file, [bytes], batch.offset);
    // All of it: that the file is shorter than it was needs no datasync to tell.
    await file.sync();
  } finally {
    await file.close();
  }
}

async function cut(fileSystem: FileSystem, segment: FoundSegment): Promise<void> {
  const file = await fileSystem.open(segment.path, "write");
  try {
    await file.truncate(segment.end);
    await file.sync();
  } finally {
    await file.close();
  }
}
