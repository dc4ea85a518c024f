import type { Random } from "../power-loss/random.js";

const KIB = 1024;

/** Of every cluster here: elections that a machine with other work does not start by itself. */
const CALM = { RAFTKV_ELECTION_TIMEOUT_MS: "800", RAFTKV_HEARTBEAT_MS: "80", RAFTKV_LOG_LEVEL: "info" };

/**
 * Small segments, caches and limits: segments are rotated, stores checkpointed and logs cut every few seconds, and whoever was away
 * for a moment needs a snapshot.
 */
function churn(random: Random): Readonly<Record<string, string>> {
  const keep = random.pick([10, 100, 400]);
  return {
    RAFTKV_WAL_SEGMENT_BYTES: String(random.pick([16, 32, 128]) * KIB),
    RAFTKV_WAL_MEMTABLE_BYTES: String(random.pick([0, 16, 256]) * KIB),
    RAFTKV_STORE_CACHE_BYTES: String(random.pick([0, 8, 256]) * KIB),
    RAFTKV_CHECKPOINT_ENTRIES: String(random.pick([100, 500])),
    RAFTKV_CHECKPOINT_INTERVAL_MS: String(random.pick([500, 3_000])),
    RAFTKV_LOG_KEEP_ENTRIES: String(keep),
    RAFTKV_LOG_KEEP_BYTES: String(64 * KIB),
    RAFTKV_LOG_KEEP_ACTIVE_BYTES: String(random.pick([64, 512]) * KIB),
    RAFTKV_SNAPSHOT_BYTES_PER_SECOND: String(random.pick([1024, 4096]) * KIB),
  };
}

/** On a disk of a few hundred MiB: what all nodes keep free there, each for itself. */
const SMALL_DISK = { RAFTKV_SPACE_RESERVE_BYTES: "48MiB", RAFTKV_WAL_SEGMENT_BYTES: "1MiB" };

/** A log of several segments: damage in any but the newest is none that a crash leaves (W3). */
const SHORT_SEGMENTS = { RAFTKV_WAL_SEGMENT_BYTES: String(32 * KIB) };

export interface Wanted {
  readonly withChurn: boolean;
  readonly onSmallDisk: boolean;
  /** Logs are to be damaged. */
  readonly withDamage: boolean;
}

/** The settings of the nodes. */
export function nodeSettings(
  { onSmallDisk, withChurn, withDamage }: Wanted,
  random: Random,
): Readonly<Record<string, string>> {
  return {
    ...CALM,
    ...(onSmallDisk ? SMALL_DISK : {}),
    ...(withDamage ? SHORT_SEGMENTS : {}),
    ...(withChurn ? churn(random) : {}),
  };
}
