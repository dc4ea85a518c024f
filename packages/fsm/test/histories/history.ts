import { array, boolean, constant, constantFrom, integer, nat, oneof, record, tuple } from "fast-check";
import type { Arbitrary } from "fast-check";
import { rangeOfKey } from "@raftkv/fsm";
import type { Command, Compare, Delete, Get, Op, Put, Txn } from "@raftkv/fsm";
import type { KeyRange } from "@raftkv/store";

/** Few keys, so that everything meets, and some that are easy to confuse (S7). */
export const KEYS: readonly Buffer[] = ["", "\0", "a", "a\0", "a\xff", "b", "c", "\xff"].map((text) =>
  Buffer.from(text, "latin1"),
);

/** How the numbers of a session's command come to be. */
export interface InSession {
  /** Which of the sessions so far. */
  readonly session: number;
  /** So many numbers are left out before it; `late`: it takes one that was. */
  readonly skip: number;
  readonly late: boolean;
  readonly unnumbered: boolean;
  /** So many numbers before its own are not said to be answered. */
  readonly unanswered: number;
  readonly predecessor: "none" | "last" | "missing";
}

/**
 * An entry before it is known what the log before it holds: a lease, a session, a revision, a version and a stamp are said
 * relative to that (`resolve.ts`).
 */
export type EntrySpec =
  | { readonly kind: "noop" | "configuration"; readonly newTerm: boolean }
  | {
      readonly kind: "command";
      readonly command: Command;
      readonly advanceMs: number;
      readonly inSession: InSession | null;
    }
  /** An earlier command again, as a client's retry. */
  | { readonly kind: "retry"; readonly back: number; readonly advanceMs: number };

export type Step =
  | { readonly kind: "apply"; readonly entries: number }
  /** A checkpoint, with entries applied before it is there. */
  | { readonly kind: "checkpoint meanwhile"; readonly entries: number }
  /**
   * The other replica, which has applied as many entries more, sends a snapshot, of which so many chunks come before the receiver takes
   * up the rest: entries are applied meanwhile on both. Then it is installed, or it comes to nothing.
   */
  | {
      readonly kind: "snapshot";
      readonly ahead: number;
      readonly chunks: number;
      readonly entries: number;
      readonly checkpoint: boolean;
      readonly ends: SnapshotEnd;
    }
  | { readonly kind: "checkpoint" | "checkpoint that the log does not cover" | "yield" | "compare" }
  /** The process ends: after a checkpoint, or with whatever LevelDB has by then. */
  | { readonly kind: "close" | "kill" };

/** How the installation of a snapshot ends: as it should, or with a process that is killed on the way. */
export type SnapshotEnd = (typeof SNAPSHOT_ENDS)[number];
export const SNAPSHOT_ENDS = [
  "installed",
  /** Before its last chunk: what came is thrown away. */
  "cut",
  /** It is whole, and the log did not get to know it. */
  "killed before the log",
  /** The log begins behind it, and the D file has not got its name yet. */
  "killed before the rename",
] as const;

export interface ReplicaSpec {
  readonly steps: readonly Step[];
  readonly mode: "sync" | "nosync";
  readonly cacheBytes: number;
  readonly unwrittenBytesMax: number;
  readonly sliceBytes: number;
}

export interface History {
  readonly entries: readonly EntrySpec[];
  readonly replicas: readonly [ReplicaSpec, ReplicaSpec];
}

const key = constantFrom(...KEYS);
const value = constantFrom(0, 1, 5, 63, 64, 200).map((length) => Buffer.alloc(length, "v"));
/** Which lease: 0 none, 1 one that never was, from 2 on one of those that were granted. */
const lease = oneof(
  { weight: 2, arbitrary: constant(0) },
  { weight: 3, arbitrary: integer({ min: 1, max: 7 }) },
);
const range: Arbitrary<KeyRange> = oneof(
  { weight: 2, arbitrary: key.map((start) => rangeOfKey(start)) },
  { weight: 3, arbitrary: record({ start: key, end: oneof(key, constant(null)) }) },
);
const ttlMs = constantFrom(1, 50, 500, 5_000);

const put: Arbitrary<Put> = record({
  kind: constant("put" as const),
  key,
  value,
  lease,
  wantPrevious: boolean(),
});
const del: Arbitrary<Delete> = record({ kind: constant("delete" as const), range, wantPrevious: boolean() });
const bound = oneof({ weight: 3, arbitrary: constant(0) }, { weight: 1, arbitrary: nat(30) });
const get: Arbitrary<Get> = record({
  kind: constant("get" as const),
  range,
  limit: constantFrom(0, 0, 1, 2, 5),
  order: constantFrom("ascending" as const, "descending" as const),
  keysOnly: boolean(),
  countOnly: boolean(),
  minModRevision: bound,
  maxModRevision: bound,
  minCreateRevision: bound,
  maxCreateRevision: bound,
});
const relation = constantFrom("=" as const, "!=" as const, "<" as const, ">" as const);
const compare: Arbitrary<Compare> = oneof(
  {
    weight: 1,
    arbitrary: record({ range, target: constant("value" as const), relation, operand: value }),
  },
  {
    weight: 3,
    arbitrary: record({
      range,
      target: constantFrom("version" as const, "create" as const, "mod" as const, "lease" as const),
      relation,
      operand: constantFrom(0, 0, 1, 2, 5, 20),
    }),
  },
);

const txnOf = (op: Arbitrary<Op>): Arbitrary<Txn & { kind: "txn" }> =>
  record({
    kind: constant("txn" as const),
    compares: array(compare, { maxLength: 2 }),
    then: array(op, { maxLength: 4 }),
    else: array(op, { maxLength: 4 }),
  });
const flatOp: Arbitrary<Op> = oneof(put, del, get);
const txn = txnOf(oneof({ weight: 5, arbitrary: flatOp }, { weight: 1, arbitrary: txnOf(flatOp) }));

/** What a route may be: of group 2, by times, and some of its keys with another. */
const routes = tuple(constantFrom(1, 1, 1, 2), constantFrom(1, 2), constantFrom(0, 1, 2, 3), key).map(
  ([first, second, routeId, split]): Command => ({
    kind: "catalogChange",
    expectedVersion: 0,
    routes:
      split.length === 0
        ? [{ routeId: 1, start: split, end: null, groupId: first }]
        : [
            { routeId: 1, start: Buffer.alloc(0), end: split, groupId: first },
            { routeId: routeId === 1 ? 0 : routeId, start: split, end: null, groupId: second },
          ],
  }),
);
const settings: Arbitrary<Command> = oneof(
  constantFrom(1, 5, 100).map((leasesMax) => ({ leasesMax })),
  constantFrom(1, 3, 100).map((sessionsMax) => ({ sessionsMax })),
  constantFrom(2, 8, 100).map((sessionResultsMax) => ({ sessionResultsMax })),
  constantFrom(1, 100, 1_000_000).map((resultBytesMax) => ({ resultBytesMax })),
  constantFrom(1, 300, 1_000_000).map((allResultBytesMax) => ({ allResultBytesMax })),
  constantFrom(1, 3, 100_000).map((rangeDeleteKeysMax) => ({ rangeDeleteKeysMax })),
  constantFrom(100, 500, 1_000_000).map((answerBytesMax) => ({ answerBytesMax })),
  constantFrom(1, 3, 10_000).map((leaseExpiryKeysMax) => ({ leaseExpiryKeysMax })),
  constantFrom(1, 2, 10_000).map((leaseKeysMax) => ({ leaseKeysMax })),
  constantFrom(1, 6, 100, 1_000_000).map((allResultsMax) => ({ allResultsMax })),
).map((changed) => ({ kind: "settingsChange" as const, settings: changed }));

const command: Arbitrary<Command> = oneof(
  { weight: 10, arbitrary: put },
  { weight: 5, arbitrary: del },
  { weight: 8, arbitrary: txn },
  { weight: 4, arbitrary: record({ kind: constant("leaseGrant" as const), ttlMs }) },
  { weight: 2, arbitrary: record({ kind: constant("leaseRevoke" as const), lease }) },
  {
    weight: 2,
    arbitrary: record({ kind: constant("leaseKeepAlive" as const), leases: array(lease, { maxLength: 3 }) }),
  },
  {
    weight: 4,
    arbitrary: record({ kind: constant("sessionOpen" as const), ttlMs: constantFrom(50, 5_000, 100_000) }),
  },
  { weight: 1, arbitrary: constantFrom<Command>({ kind: "sessionKeepAlive" }, { kind: "sessionClose" }) },
  { weight: 2, arbitrary: record({ kind: constant("compact" as const), revision: nat(10) }) },
  { weight: 1, arbitrary: routes },
  { weight: 3, arbitrary: constant<Command>({ kind: "clock" }) },
  { weight: 3, arbitrary: settings },
);
/** Mostly forwards; a stamp of the past does no harm. */
const advanceMs = oneof(
  { weight: 6, arbitrary: constantFrom(0, 1, 10, 60) },
  { weight: 1, arbitrary: constantFrom(-100, 600, 6_000) },
);
const inSession: Arbitrary<InSession> = record({
  session: nat(5),
  skip: constantFrom(0, 0, 0, 1, 5),
  late: constantFrom(false, false, false, true),
  unnumbered: constantFrom(false, false, false, false, true),
  unanswered: constantFrom(0, 1, 3, 100),
  predecessor: constantFrom("none", "none", "last", "last", "missing"),
});
const entry: Arbitrary<EntrySpec> = oneof(
  {
    weight: 1,
    arbitrary: record({ kind: constantFrom("noop" as const, "configuration" as const), newTerm: boolean() }),
  },
  {
    weight: 12,
    arbitrary: record({
      kind: constant("command" as const),
      command,
      advanceMs,
      inSession: oneof(constant(null), inSession),
    }),
  },
  { weight: 3, arbitrary: record({ kind: constant("retry" as const), back: nat(12), advanceMs }) },
);

const step: Arbitrary<Step> = oneof(
  {
    weight: 8,
    arbitrary: record({ kind: constant("apply" as const), entries: integer({ min: 1, max: 20 }) }),
  },
  {
    weight: 4,
    arbitrary: constantFrom<Step>(
      { kind: "checkpoint" },
      { kind: "checkpoint" },
      { kind: "checkpoint that the log does not cover" },
      { kind: "yield" },
      { kind: "compare" },
    ),
  },
  { weight: 1, arbitrary: constantFrom<Step>({ kind: "close" }, { kind: "kill" }) },
  {
    weight: 1,
    arbitrary: record({
      kind: constant("checkpoint meanwhile" as const),
      entries: integer({ min: 1, max: 20 }),
    }),
  },
  {
    weight: 1,
    arbitrary: record({
      kind: constant("snapshot" as const),
      ahead: nat(30),
      chunks: nat(4),
      entries: nat(6),
      checkpoint: boolean(),
      ends: constantFrom("installed" as const, ...SNAPSHOT_ENDS),
    }),
  },
);
const replica: Arbitrary<ReplicaSpec> = record({
  steps: array(step, { maxLength: 16, size: "max" }),
  mode: constantFrom("sync" as const, "nosync" as const),
  cacheBytes: constantFrom(0, 2_000, 1_000_000),
  unwrittenBytesMax: constantFrom(0, 1_000_000),
  sliceBytes: constantFrom(1, 100, 32_768),
});

export const history: Arbitrary<History> = record({
  entries: array(entry, { minLength: 5, maxLength: 90, size: "max" }),
  replicas: tuple(replica, replica),
});
