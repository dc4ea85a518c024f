/**
 * How far a store is: what every entry moves on and every checkpoint holds. The same on replicas that have applied
 * the same entries.
 */
export interface Position {
  /** The last entry of the log that is in it; 0 before the first. */
  readonly index: number;
  readonly term: number;
  readonly revision: number;
  /** The compaction floor: what stood at it can be read, what stood before cannot (S8). 0 before the first compaction. */
  readonly floor: number;
  /** Keys that are there. */
  readonly keys: number;
}

export const EMPTY_POSITION: Position = { index: 0, term: 0, revision: 0, floor: 0, keys: 0 };
