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
 * is smaller and lies between them goes with them. Smaller ones that lie behind a larger one will never become more, so that no tier of them
 * fills: they are made one at once. Where small and large tables are flushed by turns there would be hundreds of them.
 */
export function planMerge(tables: readonly TableSize[]): MergePlan | null {
  const tiers = tables.map(({ bytes }) => tierOf(bytes));
  for (let tier = 0; tiers.some((found) => found >= tier); tier++) {
    const firstLarger = tiers.findIndex((found) => found > tier);
    const end = firstLarger < 0 ? tiers.length : firstLarger;
    const newest = tiers.slice(0, end);
    if (newest.filter((found) => found === tier).length >= FAN_IN)
      return { from: newest.indexOf(tier), to: newest.lastIndexOf(tier) + 1 };
    for (let from = end, to = end; to < tiers.length; from = to + 1) {
      to = from;
      while (to < tiers.length && (tiers[to] ?? 0) <= tier) to += 1;
      if (to - from >= 2) return { from, to };
    }
  }
  return null;
}

function tierOf(bytes: number): number {
  let tier = 0;
  for (let most = FIRST_TIER_BYTES; bytes > most; most *= FAN_IN) tier += 1;
  return tier;
}
