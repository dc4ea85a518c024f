import type { GroupId, LogIndex, LogWriter } from "raft-ts";
import type { Recovered } from "./durable-log.js";
import { EntryLog } from "./entry.js";
import type { SimEntry } from "./entry.js";
import type { EntryFrames } from "./entry-frames.js";
import { check } from "./failure.js";
import { SEGMENT_HEADER_BYTES } from "./wal-layout.js";
import type { SegmentOnDisk } from "./wal-layout.js";

export interface Expectation {
  readonly group: GroupId;
  readonly frames: EntryFrames;
  /** What must be found, exactly. */
  readonly promised: Recovered;
  /** As the disk shows them now. */
  readonly segments: readonly SegmentOnDisk[];
  /** How much is read at a time. */
  readonly maxBytes: number;
}

/**
 * Reads all that a log that was just opened knows of a group, and compares it with what was promised, down to the bytes
 * of the entries. What is returned is made of what was read. Null when the log does not know the group.
 */
export async function readRecovered(log: LogWriter, expectation: Expectation): Promise<Recovered | null> {
  const { group, promised } = expectation;
  checkStats(log, expectation);
  const found = log.recovered(group);
  if (found === null) {
    check(
      log.durability.durableSeq === 0,
      "a group that the log has written is known (W10)",
      () => `positions up to ${log.durability.durableSeq} are there`,
    );
    return null;
  }
  check(
    same(found.hardState, promised.hardState),
    "term and vote survive crash, rotation and compaction (R1, W10)",
    () => `${JSON.stringify(found.hardState)} was found, promised was ${JSON.stringify(promised.hardState)}`,
  );
  check(
    same(found.base, promised.entries.base),
    "base and configuration survive crash, rotation and compaction (W10)",
    () => `${JSON.stringify(found.base)} was found, promised was ${JSON.stringify(promised.entries.base)}`,
  );
  check(
    found.lastIndex === promised.entries.lastIndex,
    "the log ends where it was promised to (W3)",
    () => `${found.lastIndex} is the last entry, promised was ${promised.entries.lastIndex}`,
  );
  const entries = await readEntries(log, expectation);
  checkShapes(log, entries, expectation);
  const chain = promised.entries.chainAt(found.base.index) ?? -1;
  return { hardState: found.hardState, entries: new EntryLog({ base: found.base, chain }, entries) };
}

async function readEntries(log: LogWriter, expectation: Expectation): Promise<SimEntry[]> {
  const { group, frames, maxBytes, promised } = expectation;
  const { baseIndex, lastIndex } = promised.entries;
  const entries: SimEntry[] = [];
  const to = (lastIndex + 1) as LogIndex;
  while (baseIndex + entries.length < lastIndex) {
    const from = (baseIndex + entries.length + 1) as LogIndex;
    for (const frame of await log.read(group, { from, to }, { maxBytes })) {
      const entry = frames.entryOf(frame);
      const index = baseIndex + entries.length + 1;
      check(
        entry === promised.entries.at(index) && frame.index === index,
        "the entries that were promised are there (W3)",
        () => `at ${index} stands entry ${entry.index} of term ${entry.term}`,
      );
      entries.push(entry);
    }
  }
  return entries;
}

/** What the core starts from. */
function checkShapes(
  log: LogWriter,
  entries: readonly SimEntry[],
  { frames, group, promised }: Expectation,
): void {
  const shapes = log.shapes(group);
  const { baseIndex, lastIndex } = promised.entries;
  const terms = shapes?.runs.flatMap(({ from, to, term }) => Array.from({ length: to - from }, () => term));
  const isWhole =
    shapes?.from === baseIndex + 1 &&
    shapes.to === lastIndex + 1 &&
    same(
      terms,
      entries.map(({ term }) => term),
    ) &&
    same(
      [...shapes.sizes],
      entries.map((entry) => frames.frameOf(entry).bytes.length),
    ) &&
    same(
      shapes.configurations.map((frame) => frames.entryOf(frame).index),
      entries.filter(({ configuration }) => configuration !== null).map(({ index }) => index),
    );
  check(isWhole, "the shape of the log is that of its entries (W8)", () => JSON.stringify(shapes?.runs));
}

/** Right from opening on, before any append (W8). */
function checkStats(log: LogWriter, { promised, group, segments }: Expectation): void {
  const stats = log.stats();
  const found = stats.groups.find((of) => of.group === group);
  const { baseIndex, lastIndex } = promised.entries;
  // One that is prepared holds nothing yet, and does not count.
  const used = segments.filter(({ end }) => end > SEGMENT_HEADER_BYTES);
  const bytes = used.reduce((sum, { end }) => sum + end, 0);
  const isRight =
    stats.nextSeq === stats.durableSeq + 1 &&
    stats.queuedAppends === 0 &&
    (found === undefined ||
      (found.firstIndex === baseIndex + 1 &&
        found.nextIndex === lastIndex + 1 &&
        found.durableIndex === lastIndex));
  check(isRight, "positions and indexes are right from opening on (W8)", () => JSON.stringify(stats));
  check(
    stats.segments === used.length && stats.bytes === bytes,
    "segments and their bytes are right from opening on (W8)",
    () => `${stats.segments} of ${stats.bytes} bytes are told, ${used.length} of ${bytes} are there`,
  );
}

function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
