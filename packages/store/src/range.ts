import type { KeyRange } from "./key-range.js";
import type { KeyValue } from "./key-value.js";
import { LatestScan } from "./latest-scan.js";
import type { Order, ScanSource, ScannedKey } from "./latest-scan.js";
import { isDeletion } from "./version.js";
import type { Version } from "./version.js";

/** Which keys to read, and what of them. What is absent does not restrict. */
export interface RangeQuery {
  readonly range: KeyRange;
  /** By default the current one. */
  readonly revision?: number;
  /** At most so many entries; 0 as absent: all. */
  readonly limit?: number;
  /** Of keys, by default ascending. */
  readonly order?: Order;
  /** Leaves the values out. */
  readonly keysOnly?: boolean;
  /** Counts all that match, whatever the limits, and gives no entry. */
  readonly countOnly?: boolean;
  readonly minModRevision?: number;
  readonly maxModRevision?: number;
  readonly minCreateRevision?: number;
  readonly maxCreateRevision?: number;
  /** Stops before keys and values take more than this, but gives at least one entry. */
  readonly maxBytes?: number;
}

export interface RangeResult {
  /** The revision that was read. */
  readonly revision: number;
  readonly entries: readonly KeyValue[];
  /** There are more that match: `limit` or `maxBytes` cut them off. */
  readonly more: boolean;
  /** How many match; null when that is not known since they were cut off. */
  readonly count: number | null;
}

/** Reads a range as it stood at `revision`, in short turns, while writes go on. */
export async function readRange(
  source: ScanSource,
  query: RangeQuery,
  revision: number,
  onFound: ((version: Version) => void) | null = null,
): Promise<RangeResult> {
  const { countOnly = false, keysOnly = false, maxBytes = Number.POSITIVE_INFINITY } = query;
  const limit = query.limit === undefined || query.limit === 0 ? Number.POSITIVE_INFINITY : query.limit;
  const matches = matcherOf(query);
  const entries: KeyValue[] = [];
  let count = 0;
  let bytes = 0;
  // One more than is wanted, to know whether there is more.
  let step = limit + 1;
  const scan = new LatestScan(source, query.range, query.order);
  try {
    for (;;) {
      const keys = await scan.next(countOnly ? undefined : step);
      if (keys.length === 0) return { revision, entries, more: false, count };
      for (const scanned of keys) {
        const version = aliveAt(source, scanned, revision);
        if (version === null || !matches(version)) continue;
        count += 1;
        if (countOnly) continue;
        if (entries.length === limit) return { revision, entries, more: true, count: null };
        const entry = keysOnly
          ? keyValueOf(version, scanned.key, NO_VALUE)
          : valued(source, version, scanned.key);
        bytes += entry.key.length + entry.value.length;
        if (bytes > maxBytes && entries.length > 0) return { revision, entries, more: true, count: null };
        onFound?.(version);
        entries.push(entry);
      }
      // Where few match, a small limit must not make a turn of the event loop out of every key or two.
      step *= 2;
    }
  } finally {
    await scan.close();
  }
}

/** The version of a key that was scanned, as of `revision`; null when it was not there then. */
export function aliveAt(source: ScanSource, scanned: ScannedKey, revision: number): Version | null {
  const version = source.history.at(scanned.latest, scanned.key, revision);
  return version === null || isDeletion(version) ? null : version;
}

export function keyValueOf(version: Version, key: Uint8Array, value: Uint8Array): KeyValue {
  const { createRevision, modRevision, version: count, lease } = version;
  return { key, value, createRevision, modRevision, version: count, lease };
}

const NO_VALUE = new Uint8Array(0);

/** With the value, a copy. */
export function valued(source: Pick<ScanSource, "history">, version: Version, key: Buffer): KeyValue {
  return keyValueOf(version, key, source.history.valueOf(version, key));
}

function matcherOf(query: RangeQuery): (version: Version) => boolean {
  const { minModRevision = 0, minCreateRevision = 0 } = query;
  const { maxModRevision = Number.MAX_SAFE_INTEGER, maxCreateRevision = Number.MAX_SAFE_INTEGER } = query;
  return ({ modRevision, createRevision }) =>
    modRevision >= minModRevision &&
    modRevision <= maxModRevision &&
    createRevision >= minCreateRevision &&
    createRevision <= maxCreateRevision;
}
