import { CLIENT_KNOBS } from "./client-knobs.js";
import { GIB, HOUR_MS, KIB, MIB } from "./knob.js";
import type { Knob } from "./knob.js";

/** Every knob of a node, under the name that it has in NodeOptions. */
export const KNOBS = {
  tickMs: { default: 10, min: 1, max: 1_000, unit: "ms", description: "how often the group's clock ticks" },
  heartbeatMs: {
    default: 50,
    min: 1,
    max: 60_000,
    unit: "ms",
    description: "how often a leader sends heartbeats",
  },
  electionTimeoutMs: {
    default: 500,
    min: 10,
    max: 600_000,
    unit: "ms",
    description: "silence after which a follower campaigns; each waits one to two of it, at random",
  },
  walSegmentBytes: {
    default: 16 * MIB,
    min: 16 * KIB,
    max: 1 * GIB,
    unit: "bytes",
    description: "size of a log segment, rounded up to whole pages of 4 KiB",
  },
  walMemtableBytes: {
    default: 16 * MIB,
    min: 0,
    max: 64 * GIB,
    unit: "bytes",
    description: "recent entries kept in memory for followers and for applying",
  },
  walSealAfterMs: {
    default: 100,
    min: 1,
    max: 60_000,
    unit: "ms",
    description: "quiet time after which the last batch of the log is sealed (W3)",
  },
  appendInflightBytes: {
    default: 128 * MIB,
    min: 1,
    max: 64 * GIB,
    unit: "bytes",
    description: "writes admitted and not yet acknowledged; raised to the largest single write",
  },
  spaceReserveBytes: {
    default: 64 * MIB,
    min: 64 * KIB,
    max: 1024 * GIB,
    unit: "bytes",
    description:
      "room on the disk that is kept free, or half of the disk if that is less; beside it a log segment",
  },
  spaceCheckMs: {
    default: 200,
    min: 10,
    max: 60_000,
    unit: "ms",
    description: "how often the room on the disk is looked at; also at once when writes may have used it up",
  },
  storeCacheBytes: {
    default: 16 * MIB,
    min: 0,
    max: 64 * GIB,
    unit: "bytes",
    description: "values of keys kept in memory",
  },
  storeHeaderBytes: {
    default: 1 * GIB,
    min: 0,
    max: 64 * GIB,
    unit: "bytes",
    description:
      "versions and counters of keys kept in memory without their values, at most; taken as keys come",
  },
  batchWaitMs: {
    default: 5,
    min: 0,
    max: 1_000,
    unit: "ms",
    description:
      "how long a write waits at most for those that are likely to come with it, where several clients ask again as soon as they are answered; 0: never",
  },
  checkpointBytes: {
    default: 16 * MIB,
    min: 64 * KIB,
    max: 64 * GIB,
    unit: "bytes",
    description:
      "log bytes applied since the last checkpoint that bring the next one, or three quarters of that or more: members do not make theirs at the same time",
  },
  checkpointEntries: {
    default: 50_000,
    min: 1,
    max: 1_000_000_000,
    unit: "count",
    description:
      "entries applied since the last checkpoint that bring the next one, or three quarters or more",
  },
  checkpointIntervalMs: {
    default: 10_000,
    min: 100,
    max: 24 * HOUR_MS,
    unit: "ms",
    description: "time since the last checkpoint that brings the next one, if anything was applied",
  },
  logKeepEntries: {
    default: 100_000,
    min: 0,
    max: 1_000_000_000,
    unit: "count",
    description: "entries below a checkpoint that stay in the log for slow followers, at most",
  },
  logKeepBytes: {
    default: 256 * MIB,
    min: 0,
    max: 1_024 * GIB,
    unit: "bytes",
    description: "log bytes that stay for slow followers, at most; whole segments go",
  },
  logKeepActiveBytes: {
    default: 1 * GIB,
    min: 0,
    max: 1_024 * GIB,
    unit: "bytes",
    description: "log bytes that stay for members that are there and behind, at most",
  },
  logKeepSnapshotBytes: {
    default: 8 * GIB,
    min: 0,
    max: 1_024 * GIB,
    unit: "bytes",
    description:
      "log bytes that stay for members that are sent a snapshot, or catch up from one, at most, while the disk has room for them",
  },
  hashCheckIntervalMs: {
    default: 600_000,
    min: 0,
    max: 24 * HOUR_MS,
    unit: "ms",
    description: "how long after one comparison of the replicas their leader begins the next; 0: never",
  },
  hashCheckPercent: {
    default: 5,
    min: 1,
    max: 100,
    unit: "count",
    description: "per cent of one core that a node may take to read its store for that",
  },
  snapshotBytesPerSecond: {
    default: 32 * MIB,
    min: 64 * KIB,
    max: 16 * GIB,
    unit: "bytes",
    description: "bandwidth of the snapshots that a node sends, all together",
  },
  snapshotIdleMs: {
    default: 10_000,
    min: 1_000,
    max: HOUR_MS,
    unit: "ms",
    description: "how long a snapshot stays open for a follower that is silent, before it is begun anew",
  },
  maxSnapshotSaves: { default: 4, min: 1, max: 99, unit: "count", description: "snapshots saved at a time" },
  ...CLIENT_KNOBS,
} as const satisfies Readonly<Record<string, Knob>>;

export type KnobName = keyof typeof KNOBS;
export type KnobValues = { readonly [name in KnobName]: number };
