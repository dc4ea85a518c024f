import { StoreClosedError } from "@raftkv/store";
import type { StateHash, Store } from "@raftkv/store";
import type { Formation } from "./formation.js";
import type { Group } from "./group/group.js";
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
  readonly role: "leader" | "follower" | "candidate" | "preCandidate" | "forming" | "joining";
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
  readonly serving: () => { readonly group: Group; readonly store: Store | null } | null;
}

/** @param hash whether to read the whole store for its hashes; a number: for that of the contents at this revision alone. */
export async function nodeStatus(source: StatusSource, hash: boolean | number): Promise<NodeStatus> {
  const { options, formation } = source;
  const { record } = formation;
  const serving = source.serving();
  const raft = serving?.group.status ?? null;
  const leader = serving?.group.leader ?? null;
  const hashed = hash === false ? null : await hashOf(serving?.store ?? null, hash === true ? null : hash);
  return {
    name: record.name,
    serverId: record.serverId,
    clusterId: record.clusterId,
    pid: process.pid,
    version: VERSION,
    witness: isWitness(record),
    role: raft?.role ?? (record.start === "join" ? "joining" : "forming"),
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
    fsmSyncMode: options.fsmSyncMode,
    uptimeSeconds: Math.floor(process.uptime()),
    diskFreeBytes: source.space().freeBytes,
    diskFull: !source.space().admits,
    members: formation.members,
  };
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
