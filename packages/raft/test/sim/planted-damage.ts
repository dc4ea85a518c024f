import { crc32 } from "node:zlib";
import type { GroupId, Term } from "raft-ts";
import type { SimulatedDisk } from "../wal/simulated-disk.js";
import type { DiskFault } from "./disk-faults.js";
import type { Random } from "./random.js";
import { SEGMENT_HEADER_BYTES, segmentPath, segmentsOn } from "./wal-layout.js";
import type { SegmentOnDisk } from "./wal-layout.js";
import type { WalModule } from "./wal-module.js";

/** Damage that was done to a log while nobody had it open, and that somebody mends. */
export interface PlantedDamage {
  readonly fault: DiskFault;
  /** The code of the error that the next opening must end with; null: it must open as if nothing were. */
  readonly refusal: string | null;
  readonly where: string;
  readonly mend: () => void;
}

/** Of a term that no group ever comes to. */
const FOREIGN_TERM = 1_000_000 as Term;

export interface Planter {
  readonly disk: SimulatedDisk;
  readonly dir: string;
  readonly group: GroupId;
  readonly random: Random;
  readonly wal: WalModule;
}

/** Each returns null where the log has no place for it. */
export const PLANTS: Partial<Record<DiskFault, (planter: Planter) => PlantedDamage | null>> = {
  bitFlip: plantFlip,
  foreignBatch: plantForeignBatch,
  staleSegment: plantStaleSegment,
};

/**
 * Anywhere before the last two batches: of these the last may be torn, and then nothing tells damage in the one before
 * from that (W3). Segments without a batch in them come last, and count for nothing.
 */
function plantFlip({ disk, random }: Planter): PlantedDamage | null {
  const segments = segmentsOn(disk);
  const places = segments.flatMap((segment, at) => segment.batches.map(({ from }) => ({ at, from })));
  const bound = places.at(-2);
  if (bound === undefined) return null;
  const ranges = segments
    .slice(0, bound.at + 1)
    .map((segment, at) => ({ path: segment.path, bytes: at === bound.at ? bound.from : segment.end }));
  // Headers of segments are few, and are to be hit as well.
  const { path, bytes } = random.pick(ranges);
  const offset = random.chance(0.1) ? random.below(SEGMENT_HEADER_BYTES) : random.below(bytes);
  const bit = random.below(8);
  const flip = (): void => disk.flip(path, offset, bit);
  flip();
  return {
    fault: "bitFlip",
    refusal: "WAL_CORRUPT",
    where: `bit ${bit} of byte ${offset} of ${path}`,
    mend: flip,
  };
}

/** What a segment that was used before could hold, had its bytes been left there: whole, in its place, next in number. */
function plantForeignBatch({ disk, group, random, wal }: Planter): PlantedDamage | null {
  const segments = segmentsOn(disk);
  const segment = segments.findLast(hasContent);
  const last = segments.flatMap(({ batches }) => batches).at(-1);
  if (segment === undefined || last === undefined) return null;
  const hardState = { currentTerm: FOREIGN_TERM, votedFor: null };
  const control = [wal.encodeHardState(group, hardState)];
  const bytes = control.reduce((sum, { length }) => sum + length, 0);
  const seed = (random.next() ^ segment.bytes.readUInt32LE(8)) >>> 0;
  const batch = Buffer.concat(
    new wal.BatchEncoder().encode([{ control, entries: [], bytes }], {
      number: last.number + 1,
      epoch: segment.epoch,
      offset: segment.end,
      lastSeq: last.lastSeq + 1,
      seed,
    }),
  );
  if (segment.end + batch.length > segment.bytes.length) return null;
  const was = segment.bytes.subarray(segment.end, segment.end + batch.length);
  disk.overwrite(segment.path, segment.end, batch);
  return {
    fault: "foreignBatch",
    refusal: null,
    where: `${batch.length} bytes at ${segment.end} of ${segment.path}`,
    mend: () => disk.overwrite(segment.path, segment.end, was),
  };
}

function hasContent({ batches, bytes, end }: SegmentOnDisk): boolean {
  return batches.length > 0 || bytes.subarray(end).some((byte) => byte !== 0);
}

/** What a writer leaves that does not know that it has lost the log: its next segment, behind the new writer's. */
function plantStaleSegment({ disk, dir }: Planter): PlantedDamage | null {
  const segments = segmentsOn(disk);
  const newest = segments.at(-1);
  if (newest === undefined || newest.epoch < 2) return null;
  const number = newest.number + 1;
  const bytes = Buffer.alloc(4096);
  newest.bytes.copy(bytes, 0, 0, SEGMENT_HEADER_BYTES);
  bytes.writeUInt32LE(number, 16);
  bytes.writeUInt32LE(newest.epoch - 1, 24);
  bytes.writeUInt32LE(crc32(bytes.subarray(12, SEGMENT_HEADER_BYTES)), 8);
  const path = segmentPath(dir, number);
  disk.put(path, bytes);
  return {
    fault: "staleSegment",
    refusal: "WAL_EPOCH",
    where: path,
    mend: () => disk.remove(path),
  };
}
