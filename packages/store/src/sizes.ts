import type { Database } from "./database.js";
import { ALL_CHANGES, ALL_LATEST } from "./record-keys.js";

export interface StoreSizes {
  /** Keys that are there. */
  readonly keys: number;
  /** The sorted tables of the latest versions, roughly. What is not in a table yet does not count. */
  readonly latestBytes: number;
  /** LevelDB's tables of the changes, with the values that are too large for the latest versions, roughly. */
  readonly historyBytes: number;
  /** Changes that are in memory and in the log, but not in LevelDB yet. */
  readonly unwrittenBytes: number;
  /** What the latest versions take in memory. */
  readonly cachedBytes: number;
  /** What the latest versions without their values take in memory beside that. */
  readonly headerBytes: number;
}

/** What LevelDB's tables take. */
export async function sizesOf(database: Database): Promise<Pick<StoreSizes, "latestBytes" | "historyBytes">> {
  const [latestBytes, historyBytes] = await Promise.all([
    database.approximateSize(ALL_LATEST.gte, ALL_LATEST.lt),
    database.approximateSize(ALL_CHANGES.gte, ALL_CHANGES.lt),
  ]);
  return { latestBytes, historyBytes };
}
