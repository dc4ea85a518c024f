import type { TableSize } from "./table-writer.js";

/** Tables of one tier that are merged at once. */
const FAN_IN = 8;
/** Up to this many bytes a table is of the first tier, up to FAN_IN times as many of the second one, and so on. */
const FIRST_TIER_BYTES = 4 * 1024 * 1024;

/** Tables [from, to) of those there are, newest first. */
export interface MergePlan {
  readonly from: number;
  readonly to: number;
}

/**
 * What is to be merged next, of tables newest first; null for nothing. Neighbours of one tier are, once there are enough of them, so that an entry is
 * written again once for each tier, and not once for each table (size-tiered compaction, as in Bigtable and Cassandra). What
 * is smaller and lies between them goes with them.
 */
export function planMerge(tables: readonly TableSize[]): MergePlan | null {
  for (let tier = 0; tables.some(({ bytes }) => tierOf(bytes) >= tier); tier++) {
    let from = -1;
    let to = 0;
    let count = 0;
    for (const [i, { bytes }] of tables.entries()) {
      const found = tierOf(bytes);
      if (found > tier) break;
      if (found < tier) continue;
      if (from < 0) from = i;
      to = i + 1;
      count += 1;
    }
    if (count >= FAN_IN) return { from, to };
  }
  return null;
}

function tierOf(bytes: number): number {
  let tier = 0;
  for (let most = FIRST_TIER_BYTES; bytes > most; most *= FAN_IN) tier += 1;
  return tier;
}
