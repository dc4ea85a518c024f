import { InvariantViolation } from "./errors.js";
import type { Slot } from "./sorted-slots.js";

/**
 * One version of a key: what a put or a delete left behind. A replicated part that is the same on every replica,
 * and `bases`, which serve this replica's own return to a checkpoint.
 *
 * The value is a range of `source`, so that a version in memory costs no buffer of its own.
 */
export interface Version {
  /** The key's bytes, one character each (latin1): what maps in memory are keyed by. */
  readonly key: string;
  readonly modRevision: number;
  /** Its place among the changes of its revision, from 0. */
  readonly sub: number;
  /** 0 for a deletion. */
  readonly createRevision: number;
  /** Counts the puts since the key was created, from 1; 0 for a deletion. */
  readonly version: number;
  /** The lease that the key is attached to; 0 for none, and for a deletion. */
  readonly lease: number;
  /** The revision of the version of this key before this one, a deletion included; 0 when there is none. */
  readonly previous: number;
  readonly rank: number;
  /** Shortcuts to older versions, see ancestry.ts: pairs (rank, revision), newest first. */
  readonly roots: readonly number[];
  /** Where a return to a checkpoint leads, see `basesOf`: pairs (checkpoint's revision, base). */
  readonly bases: readonly number[];
  readonly source: Buffer;
  /** -1 when the value is only in the change record. */
  readonly valueStart: number;
  readonly valueEnd: number;
  /** Its key's place among the unsettled versions, see `Unsettled`; null for a version that was read from LevelDB. */
  readonly slot: Slot | null;
}

/** No roots, no bases: shared, so that the common version allocates neither. */
export const NONE: readonly number[] = Object.freeze([]);

/** The checkpoints that a return can lead to: the recorded one, and one that is being made (S2). */
export interface CheckpointMarks {
  /** The revision of the checkpoint in the D file. */
  readonly recorded: number;
  /** The revision of one that was sampled but is not in the D file yet. */
  readonly pending: number | null;
}

export function isDeletion(version: Version): boolean {
  return version.version === 0;
}

/**
 * The pairs that the successor of `previous` must carry, so that it alone says what its key was at each checkpoint
 * that a return can lead to: LevelDB may come back without any of the versions in between (S1).
 *
 * The pair of a checkpoint is (its revision, the key's newest revision at or below that, 0 when it had none). A pair
 * whose base is simply the version before is not stored.
 */
export function basesOf(previous: Version | null, marks: CheckpointMarks): readonly number[] {
  if (previous === null || previous.modRevision <= marks.recorded) return NONE;
  const recorded = baseAt(previous, marks.recorded);
  const { pending } = marks;
  if (pending === null || previous.modRevision <= pending) return [marks.recorded, recorded];
  return [marks.recorded, recorded, pending, baseAt(previous, pending)];
}

/** The newest revision of this version's key at or below a checkpoint's, where the version itself is above it. */
export function baseAt(version: Version, checkpointRevision: number): number {
  if (version.previous <= checkpointRevision) return version.previous;
  for (let i = 0; i < version.bases.length; i += 2) {
    if (version.bases[i] === checkpointRevision) return version.bases[i + 1] ?? 0;
  }
  throw new InvariantViolation(
    `a version of revision ${version.modRevision} has no base at ${checkpointRevision}`,
  );
}
