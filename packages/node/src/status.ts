import type { LeaderLeaseSettings } from "@raftkv/protocol";
import { StoreClosedError } from "@raftkv/store";
import type { StateHash, Store } from "@raftkv/store";
import type { Formation } from "./formation.js";
import type { Group } from "./group/group.js";
import type { HashChecks } from "./group/hash-checks.js";
import { isWitness } from "./identity.js";
import type { NodeOptions } from "./options.js";
import { VERSION } from "./version.js";

/** `GET /v1/status`. Indexes and revisions are 0 while the cluster has not formed. */
export interface NodeStatus {
  readonly name: string;
  readonly serverId: string;
  readonly clusterId: string | null;
  readonly pid: number;
  readonly version: string;
  /** It votes and stores the log, and has no data: revision 0 and no hash (R24). */
  readonly witness: boolean;
  /** `failed`: it does not take part; `failure` says why. */
  readonly role: "leader" | "follower" | "candidate" | "preCandidate" | "forming" | "joining" | "failed";
  readonly term: number;
  readonly leader: string | null;
  readonly leaderClient: string | null;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  readonly revision: number;
  /** Of the contents at `hashRevision`; null unless it was asked for. */
  readonly hash: string | null;
  readonly hashRevision: number | null;
  /**
   * Of those contents and the small state (sessions, leases, settings, catalog, clock, floor) at `stateHashIndex`, an applied
   * index; null unless it was asked for.
   */
  readonly stateHash: string | null;
  readonly stateHashIndex: number | null;
  /** The last index at which this replica was found equal to a majority; 0 for none. */
  readonly hashComparedIndex: number;
  /** Replicas differ: who, or that nobody can tell; null as long as none is known to. */
  readonly hashAlarm: string | null;
  /** The format of the log that is in force, as far as it is applied here; null at a witness, and before the cluster has formed. */
  readonly logFormat: number | null;
  /** How leader leases are used, by the log as this node knows it; null: not at all (R19). */
  readonly leaderLeases: LeaderLeaseSettings | null;
  /** How long this leader's lease lasts yet, in milliseconds; 0: it has none now, or does not lead. */
  readonly leaseRemainingMs: number;
  /** Why it does not serve and never will: it failed, or differs from the other replicas (`REPLICA_DIFFERS`). */
  readonly failure: { readonly code: string; readonly message: string } | null;
  readonly fsmSyncMode: "sync" | "nosync";
  readonly uptimeSeconds: number;
  /** Free under the data directory. */
  readonly diskFreeBytes: number;
  /** Writes are refused for want of space (W12). */
  readonly diskFull: boolean;
  readonly members: readonly StatusMember[];
}

export interface StatusMember {
  readonly name: string;
  readonly serverId: string | null;
  readonly peer: string;
  readonly client: string | null;
  readonly witness: boolean;
}

export interface StatusSource {
  readonly options: NodeOptions;
  readonly formation: Formation;
  readonly space: () => { readonly freeBytes: number; readonly admits: boolean };
  readonly serving: () => {
    readonly group: Group;
    readonly store: Store | null;
    readonly data: { readonly hashChecks: HashChecks; readonly logFormat: number } | null;
  } | null;
  /** Null while this process may serve; else why it must not. */
  readonly failure: () => Error | null;
}

/** @param hash whether to read the whole store for its hashes; a number: for that of the contents at this revision alone. */
export async function nodeStatus(source: StatusSource, hash: boolean | number): Promise<NodeStatus> {
  const { options, formation } = source;
  const { record } = formation;
  const serving = source.serving();
  const raft = serving?.group.status ?? null;
  const failure = source.failure();
  const leader = failure === null ? (serving?.group.leader ?? null) : null;
  const leases = serving?.group.leaderLeases ?? null;
  const checks = serving?.data?.hashChecks.state ?? null;
  const hashed = hash === false ? null : await hashOf(serving?.store ?? null, hash === true ? null : hash);
  return {
    name: record.name,
    serverId: record.serverId,
    clusterId: record.clusterId,
    pid: process.pid,
    version: VERSION,
    witness: isWitness(record),
    role: failure !== null ? "failed" : (raft?.role ?? (record.start === "join" ? "joining" : "forming")),
    term: raft?.currentTerm ?? 0,
    leader: leader?.name ?? null,
    leaderClient: leader?.address ?? null,
    commitIndex: raft?.commitIndex ?? 0,
    appliedIndex: serving?.group.appliedIndex ?? 0,
    lastIndex: raft?.lastIndex ?? 0,
    revision: serving?.store?.revision ?? 0,
    hash: hashed?.contents ?? null,
    hashRevision: hashed?.revision ?? null,
    stateHash: hashed?.hash ?? null,
    stateHashIndex: hashed?.appliedIndex ?? null,
    hashComparedIndex: checks?.comparedIndex ?? 0,
    hashAlarm: checks?.alarm ?? null,
    logFormat: serving?.data?.logFormat ?? null,
    leaderLeases: leases?.settings ?? null,
    leaseRemainingMs: failure === null ? (leases?.remainingMs ?? 0) : 0,
    failure: failure === null ? null : { code: codeOf(failure), message: failure.message },
    fsmSyncMode: options.fsmSyncMode,
    uptimeSeconds: Math.floor(process.uptime()),
    diskFreeBytes: source.space().freeBytes,
    diskFull: !source.space().admits,
    members: formation.members,
  };
}

/** Of an error that nobody gave one it is a bug of ours. */
export function codeOf(failure: Error): string {
  const { code } = failure as { readonly code?: unknown };
  return typeof code === "string" ? code : "INTERNAL";
}

type Hashed = Partial<StateHash> & { readonly contents: string; readonly revision: number };

/** Null also when a snapshot took the store's place while it was read, or it has no such revision (any more). */
async function hashOf(store: Store | null, revision: number | null): Promise<Hashed | null> {
  try {
    if (store === null) return null;
    if (revision === null) return await store.hashState();
    return { contents: (await store.hash(revision)).hash, revision };
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (error instanceof StoreClosedError || code === "COMPACTED" || code === "FUTURE_REVISION") return null;
    throw error;
  }
}
