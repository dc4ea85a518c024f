const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const HOUR_MS = 3_600_000;

/** One number that may be set: as `--tick-ms 10`, or as RAFTKV_TICK_MS=10 where the flag is absent. */
export interface Knob {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** Bytes may be written with a unit: `64MiB`. */
  readonly unit: "ms" | "bytes" | "count";
  readonly description: string;
}

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
    default: 32 * MIB,
    min: 0,
    max: 64 * GIB,
    unit: "bytes",
    description: "latest versions of keys kept in memory",
  },
  checkpointBytes: {
    default: 16 * MIB,
    min: 64 * KIB,
    max: 64 * GIB,
    unit: "bytes",
    description: "log bytes applied since the last checkpoint that bring the next one",
  },
  checkpointEntries: {
    default: 50_000,
    min: 1,
    max: 1_000_000_000,
    unit: "count",
    description: "entries applied since the last checkpoint that bring the next one",
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
    description:
      "log bytes that stay for members that are there and behind, or that are sent a snapshot, at most",
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
  maxFrameBytes: {
    default: 4 * MIB,
    min: 64 * KIB,
    max: 1 * GIB,
    unit: "bytes",
    description: "largest frame that is taken from a client",
  },
  maxFrameRequests: {
    default: 4_096,
    min: 1,
    max: 1_000_000,
    unit: "count",
    description: "requests in one frame of a client",
  },
  maxUnreadBytes: {
    default: 64 * MIB,
    min: 64 * KIB,
    max: 4 * GIB,
    unit: "bytes",
    description: "replies that a client has not read yet, before its connection is cut",
  },
  maxAllUnreadBytes: {
    default: 128 * MIB,
    min: 1 * MIB,
    max: 64 * GIB,
    unit: "bytes",
    description: "replies that all clients together have not read, before those are cut that have most of it",
  },
  maxPartialBytes: {
    default: 64 * MIB,
    min: 1 * MIB,
    max: 64 * GIB,
    unit: "bytes",
    description: "bytes of clients' frames that are not whole yet, before those are cut that have most of it",
  },
  maxInflightRequests: {
    default: 1_024,
    min: 1,
    max: 1_000_000,
    unit: "count",
    description:
      "requests under way of clients that have more than 64, shared evenly among these; the rest waits unread",
  },
  maxInflightBytes: {
    default: 8 * MIB,
    min: 64 * KIB,
    max: 4 * GIB,
    unit: "bytes",
    description: "the same in bytes of their frames, for clients that have more than 256 KiB under way",
  },
  maxKeyBytes: { default: 64 * KIB, min: 1, max: 16 * MIB, unit: "bytes", description: "longest key" },
  maxValueBytes: { default: 1 * MIB, min: 1, max: 256 * MIB, unit: "bytes", description: "longest value" },
  maxTxnOperations: {
    default: 1_024,
    min: 1,
    max: 65_536,
    unit: "count",
    description: "compares and operations of a transaction; leases of a keep-alive, routes of the catalog",
  },
  maxRangeEntries: {
    default: 10_000,
    min: 1,
    max: 1_000_000,
    unit: "count",
    description: "keys in one reply to a range; clients page on from there",
  },
  maxConnectionWatches: {
    default: 10_000,
    min: 1,
    max: 1_000_000,
    unit: "count",
    description: "watches open on one client connection",
  },
  watchUnreadBytes: {
    default: 1 * MIB,
    min: 64 * KIB,
    max: 1 * GIB,
    unit: "bytes",
    description:
      "what a client has not read yet, before its watches wait; half of --max-unread-bytes at most",
  },
  watchProgressMs: {
    default: 30_000,
    min: 10,
    max: 24 * HOUR_MS,
    unit: "ms",
    description: "how long a watch that asked for progress marks hears nothing, before it gets one",
  },
  minTtlMs: {
    default: 1,
    min: 1,
    max: HOUR_MS,
    unit: "ms",
    description: "shortest time to live of a lease or a session",
  },
  maxTtlMs: {
    default: 10 * 365 * 24 * HOUR_MS,
    min: 1_000,
    max: 10 * 365 * 24 * HOUR_MS,
    unit: "ms",
    description: "longest time to live of a lease or a session",
  },
  maxSessions: {
    default: 100_000,
    min: 1,
    max: 10_000_000,
    unit: "count",
    description: "sessions of clients that are open at one time; this and the next nine are the leader's",
  },
  maxSessionResults: {
    default: 16_384,
    min: 1,
    max: 1_000_000,
    unit: "count",
    description: "how far a session's writes may run ahead of the answers that its client has",
  },
  maxResultBytes: {
    default: 1 * MIB,
    min: 1,
    max: 64 * MIB,
    unit: "bytes",
    description: "largest answer kept for a retry, of a retry of a larger one only the revision is known",
  },
  maxAllResultBytes: {
    default: 64 * MIB,
    min: 1,
    max: 4 * GIB,
    unit: "bytes",
    description: "answers kept for retries in all sessions together",
  },
  maxAllResults: {
    default: 1_000_000,
    min: 1,
    max: 1_000_000_000,
    unit: "count",
    description:
      "numbers of writes that sessions may span before their clients confirm answers, all together",
  },
  maxRangeDeleteKeys: {
    default: 100_000,
    min: 1,
    max: 10_000_000,
    unit: "count",
    description: "keys that one command may delete by a range, or look at by a range beside a write",
  },
  maxAnswerBytes: {
    default: 2 * MIB,
    min: 1 * KIB,
    max: 1 * GIB,
    unit: "bytes",
    description: "keys and values in the answer of a transaction or a range delete; half a frame at most",
  },
  maxLeases: {
    default: 100_000,
    min: 1,
    max: 10_000_000,
    unit: "count",
    description: "leases that are granted at one time",
  },
  maxLeaseKeys: {
    default: 10_000,
    min: 1,
    max: 1_000_000,
    unit: "count",
    description: "keys that are attached to one lease: they go in one entry of the log",
  },
  maxLeaseExpiryKeys: {
    default: 10_000,
    min: 1,
    max: 1_000_000,
    unit: "count",
    description: "keys that go with expired leases in one entry of the log; one whole lease at least",
  },
  maxConnections: {
    default: 4_096,
    min: 1,
    max: 1_000_000,
    unit: "count",
    description: "client connections open at one time",
  },
  maxWaitingConnections: {
    default: 1_024,
    min: 1,
    max: 1_000_000,
    unit: "count",
    description: "connections that are no clients yet, or idle HTTP; the oldest gives way to a new one",
  },
  maxHttpRequests: {
    default: 256,
    min: 1,
    max: 1_000_000,
    unit: "count",
    description: "HTTP requests under way at one time",
  },
  handshakeTimeoutMs: {
    default: 5_000,
    min: 50,
    max: HOUR_MS,
    unit: "ms",
    description: "time from a connection to the end of its hello, or of the head of an HTTP request",
  },
  clientSilenceMs: {
    default: 30_000,
    min: 500,
    max: 24 * HOUR_MS,
    unit: "ms",
    description: "how long a client may leave pings unanswered, a frame unfinished, an HTTP answer unread",
  },
  logRepeatMs: {
    default: 10_000,
    min: 1,
    max: HOUR_MS,
    unit: "ms",
    description: "time in which ten lines of one kind about clients are written, and the others counted",
  },
  requestTimeoutMs: {
    default: 5_000,
    min: 10,
    max: HOUR_MS,
    unit: "ms",
    description: "how long a request may wait in this node when the client names no time of its own",
  },
} as const satisfies Readonly<Record<string, Knob>>;

export type KnobName = keyof typeof KNOBS;
export type KnobValues = { readonly [name in KnobName]: number };

const BYTE_UNITS: Readonly<Record<string, number>> = { "": 1, b: 1, kib: KIB, mib: MIB, gib: GIB };

/** What a knob takes, in the words of an error message. */
export function knobAllowed(knob: Knob): string {
  const range = `from ${knob.min} to ${knob.max}`;
  if (knob.unit === "bytes") return `a number of bytes ${range}, KiB, MiB and GiB allowed, as in 64MiB`;
  return knob.unit === "ms" ? `a whole number of milliseconds ${range}` : `a whole number ${range}`;
}

/** Returns null when the text is not one of what `knobAllowed` says. */
export function parseKnob(knob: Knob, text: string): number | null {
  const match = /^(\d{1,15})\s*([a-z]*)$/i.exec(text.trim());
  if (match === null) return null;
  const [, digits = "", unit = ""] = match;
  const factor = knob.unit === "bytes" ? BYTE_UNITS[unit.toLowerCase()] : unit === "" ? 1 : undefined;
  if (factor === undefined) return null;
  const value = Number(digits) * factor;
  return value >= knob.min && value <= knob.max ? value : null;
}
