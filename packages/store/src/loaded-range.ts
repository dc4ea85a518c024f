import { StoreCorruptError } from "./errors.js";
import type { KeyRange } from "./key-range.js";
import { LatestScan, nextTurn } from "./latest-scan.js";
import type { ScanSource } from "./latest-scan.js";
import type { LatestVersions } from "./latest-versions.js";
import { attachedTo, keyBehindNumber } from "./record-keys.js";
import { aliveAt } from "./range.js";
import type { Version } from "./version.js";

const KEYS_PER_TURN = 256;
const READ_AHEAD_BYTES = 64 * 1024;

/** A key that was there when the range was loaded. */
export interface LoadedKey {
  readonly key: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: number;
  /** A copy of the value; read from LevelDB unless it is small or recent. */
  readonly value: () => Uint8Array;
}

/** What was alive in a range, in the order of the keys: for an entry that reads more than single keys. */
export type LoadedRange = readonly LoadedKey[];

/** The keys of a lease, as far as a limit allows. */
export interface LeaseKeys {
  readonly keys: readonly Uint8Array[];
  readonly more: boolean;
}

/** Everything that is alive in a range at `revision`, which is the current one at the call. */
export async function loadRange(source: ScanSource, range: KeyRange, revision: number): Promise<LoadedRange> {
  const loaded: LoadedKey[] = [];
  const scan = new LatestScan(source, range);
  try {
    for (;;) {
      const keys = await scan.next();
      if (keys.length === 0) return loaded;
      for (const scanned of keys) {
        const version = aliveAt(source, scanned, revision);
        if (version !== null) loaded.push(loadedKey(source, version, scanned.key));
      }
    }
  } finally {
    await scan.close();
  }
}

/**
 * The keys that are attached to a lease when it is called. Nothing may be applied until it resolves, and their versions are held then.
 * @throws {StoreCorruptError} the index names a key that is not attached.
 */
export async function loadLease(
  source: ScanSource & { readonly latest: LatestVersions },
  lease: number,
): Promise<LoadedRange> {
  const { database, queue, latest } = source;
  const iterator = database.iterator({
    ...attachedTo(lease),
    reverse: false,
    highWaterMarkBytes: READ_AHEAD_BYTES,
  });
  const unwritten = new Map<string, Version>();
  for (const version of queue.unwrittenLatest()) unwritten.set(version.key, version);
  const attached: Version[] = [...unwritten.values()].filter((version) => version.lease === lease);
  try {
    for (;;) {
      const records = await iterator.nextv(KEYS_PER_TURN);
      if (records.length === 0) break;
      for (const [recordKey] of records) {
        const key = keyBehindNumber(recordKey);
        const name = key.toString("latin1");
        if (unwritten.has(name)) continue;
        const version = latest.get(name, key);
        if (version?.lease !== lease) throw notAttached(database.location, key, lease);
        latest.hold(version);
        attached.push(version);
      }
      await nextTurn();
    }
  } finally {
    await iterator.close();
  }
  attached.sort((a, b) => (a.key < b.key ? -1 : 1));
  return attached.map((version) => loadedKey(source, version, Buffer.from(version.key, "latin1")));
}

/**
 * Keys that are attached to a lease, in their order, while entries may be applied: each was attached when it was looked at.
 */
export async function keysOfLease(
  source: ScanSource & { readonly latest: LatestVersions },
  lease: number,
  limit: { readonly maxKeys: number; readonly maxBytes: number },
): Promise<LeaseKeys> {
  const { database, queue, latest } = source;
  const names = new Set<string>();
  let bytes = 0;
  const add = (name: string): boolean => {
    if (names.has(name)) return true;
    bytes += name.length;
    if (names.size === limit.maxKeys || bytes > limit.maxBytes) return false;
    names.add(name);
    return true;
  };
  for (const version of queue.unwrittenLatest()) {
    const current = latest.get(version.key, Buffer.from(version.key, "latin1"));
    if (current?.lease === lease && !add(version.key)) return { keys: toKeys(names), more: true };
  }
  const iterator = database.iterator({
    ...attachedTo(lease),
    reverse: false,
    highWaterMarkBytes: READ_AHEAD_BYTES,
  });
  try {
    for (;;) {
      const records = await iterator.nextv(KEYS_PER_TURN);
      if (records.length === 0) return { keys: toKeys(names), more: false };
      for (const [recordKey] of records) {
        const key = keyBehindNumber(recordKey);
        const name = key.toString("latin1");
        if (latest.get(name, key)?.lease === lease && !add(name)) return { keys: toKeys(names), more: true };
      }
      await nextTurn();
    }
  } finally {
    await iterator.close();
  }
}

function toKeys(names: ReadonlySet<string>): Buffer[] {
  return [...names].sort().map((name) => Buffer.from(name, "latin1"));
}

function loadedKey(source: ScanSource, found: Version, key: Buffer): LoadedKey {
  const { createRevision, modRevision, version, lease } = found;
  const value = (): Uint8Array => source.history.valueOf(found, key);
  return { key, createRevision, modRevision, version, lease, value };
}

function notAttached(location: string, key: Buffer, lease: number): StoreCorruptError {
  const shown = key.subarray(0, 64).toString("hex");
  return new StoreCorruptError(
    location,
    `the key 0x${shown} attached to the lease ${lease}`,
    "another lease",
  );
}
