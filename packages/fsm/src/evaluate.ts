import { changedCatalog, wrongRoute } from "./catalog-change.js";
import type { Command, Delete } from "./command.js";
import { isOneKey, rangeOfKey } from "./key-range.js";
import type { KeyRange, KeyValue } from "@raftkv/store";
import { NOTHING_FOUND, deletionTooLarge } from "./loading.js";
import type { Loaded } from "./loading.js";
import type { MachineState } from "./machine-state.js";
import type { MutationBatch } from "@raftkv/store";
import { refused } from "./result.js";
import type { CommandResult, Refused } from "./result.js";
import { evaluateTxn } from "./txn.js";

/** An entry that is being applied: everything that its evaluation may look at (F1). */
export interface EntryContext {
  /** The entry's index: the id of a lease or a session that it makes. */
  readonly index: number;
  /** The session that it belongs to; 0 for none. */
  readonly session: number;
  readonly batch: MutationBatch;
  readonly state: MachineState;
  readonly compactionFloor: number;
}

/**
 * Carries out a command, in one turn; what it reads by ranges was loaded before. A refusal is known before the first
 * write: nothing can be taken back.
 */
export function evaluate(command: Command, context: EntryContext, loaded: Loaded | null): CommandResult {
  const { batch, index, state } = context;
  switch (command.kind) {
    case "put":
      return evaluatePut(batch, state, command.key, command.value, command.lease, command.wantPrevious);
    case "delete":
      return evaluateDelete(command, context, loaded);
    case "txn":
      return evaluateTxn(command, context, loaded);
    case "leaseGrant":
      return grantLease(index, command.ttlMs, state);
    case "leaseRevoke":
      return revokeLease(command.lease, context, loaded);
    case "leaseKeepAlive": {
      const keepAlive = (lease: number) => ({ lease, ttlMs: state.leases.keepAlive(lease, state.logTimeMs) });
      return { kind: "leaseKeepAlive", leases: command.leases.map(keepAlive) };
    }
    case "sessionOpen":
      return openSession(index, command.ttlMs, state);
    case "sessionKeepAlive": {
      const session = state.sessions.find(context.session);
      if (session === null) return refused("SESSION_EXPIRED", { session: context.session });
      return { kind: "sessionKeepAlive", ttlMs: session.ttlMs };
    }
    case "sessionClose":
      if (state.sessions.find(context.session) === null)
        return refused("SESSION_EXPIRED", { session: context.session });
      state.sessions.close(context.session);
      return { kind: "sessionClose" };
    case "compact":
      return compact(command.revision, context);
    case "catalogChange": {
      const catalog = changedCatalog(state.catalog, command);
      if ("kind" in catalog) return catalog;
      state.catalog = catalog;
      return { kind: "catalogChange", version: catalog.version };
    }
    case "clock":
      return expire(context, loaded);
    case "hashCheck":
      return { kind: "hashCheck" };
    case "settingsChange":
      state.settings = { ...state.settings, ...command.settings };
      return { kind: "settingsChange", settings: state.settings };
  }
}

/** Also called for a put whose command was never made an object: the commonest entry by far. */
export function evaluatePut(
  batch: MutationBatch,
  state: MachineState,
  key: Uint8Array,
  value: Uint8Array,
  lease: number,
  wantPrevious: boolean,
): CommandResult {
  if (!state.ownsAllKeys) {
    const wrong = wrongRoute(state.catalog, state.groupId, rangeOfKey(key));
    if (wrong !== null) return wrong;
  }
  if (lease !== 0) {
    if (!state.leases.has(lease)) return refused("LEASE_NOT_FOUND", { lease });
    const { leaseKeysMax } = state.settings;
    const isFull = state.leases.keysOf(lease) >= leaseKeysMax;
    if (isFull && batch.peek(key)?.lease !== lease) return refused("TOO_LARGE", { leaseKeysMax });
  }
  const previous = wantPrevious ? batch.get(key) : null;
  return { kind: "put", revision: batch.put(key, value, lease), previous };
}

function evaluateDelete(command: Delete, context: EntryContext, loaded: Loaded | null): CommandResult {
  const { batch, state } = context;
  const { range, wantPrevious } = command;
  const wrong = routeOf(range, state);
  if (wrong !== null) return wrong;
  if (isOneKey(range)) {
    const before = wantPrevious ? batch.get(range.start) : null;
    const deleted = batch.delete(range.start) ? 1 : 0;
    return { kind: "delete", revision: batch.revision, deleted, previous: before === null ? [] : [before] };
  }
  const found = loaded?.ranges.get(command) ?? NOTHING_FOUND;
  const tooLarge = deletionTooLarge(found, state);
  if (tooLarge !== null) return tooLarge;
  for (const { key } of found.entries) batch.delete(key);
  const previous: readonly KeyValue[] = wantPrevious ? found.entries : [];
  return { kind: "delete", revision: batch.revision, deleted: found.entries.length, previous };
}

function routeOf(range: KeyRange, state: MachineState): Refused | null {
  return state.ownsAllKeys ? null : wrongRoute(state.catalog, state.groupId, range);
}

function grantLease(lease: number, ttlMs: number, state: MachineState): CommandResult {
  const { leasesMax } = state.settings;
  if (state.leases.size >= leasesMax) return refused("OVERLOADED", { leasesMax });
  state.leases.grant(lease, ttlMs, state.logTimeMs);
  return { kind: "leaseGrant", lease, ttlMs };
}

function openSession(session: number, ttlMs: number, state: MachineState): CommandResult {
  const { sessionsMax } = state.settings;
  if (state.sessions.size >= sessionsMax) return refused("OVERLOADED", { sessionsMax });
  state.sessions.open(session, ttlMs, state.logTimeMs);
  return { kind: "sessionOpen", session, ttlMs };
}

function revokeLease(lease: number, context: EntryContext, loaded: Loaded | null): CommandResult {
  const { batch, state } = context;
  if (!state.leases.has(lease)) return refused("LEASE_NOT_FOUND", { lease });
  const deleted = endLeases([lease], context, loaded);
  return { kind: "leaseRevoke", revision: batch.revision, deleted };
}

/** Removes leases, and the keys attached to them. Returns how many keys those were. */
function endLeases(leases: Iterable<number>, context: EntryContext, loaded: Loaded | null): number {
  const { batch, state } = context;
  let deleted = 0;
  for (const lease of leases) {
    for (const { key } of loaded?.leases.get(lease) ?? []) if (batch.delete(key)) deleted += 1;
    state.leases.remove(lease);
  }
  return deleted;
}

/** What is due goes: leases as far as their keys were loaded, the next clock entry takes the others (F5). */
function expire(context: EntryContext, loaded: Loaded | null): CommandResult {
  const { state } = context;
  // What was due when it was loaded is not when this entry is the first of its term.
  const leases = [...(loaded?.leases.keys() ?? [])].filter((id) => state.leases.isDue(id, state.logTimeMs));
  const deleted = endLeases(leases, context, loaded);
  const sessions = state.sessions.due(state.logTimeMs, state.settings.leaseExpiryKeysMax);
  for (const session of sessions) state.sessions.close(session);
  return { kind: "clock", leases, sessions, deleted };
}

function compact(revision: number, context: EntryContext): CommandResult {
  const { batch, compactionFloor } = context;
  if (revision <= compactionFloor) return refused("COMPACTED", { floor: compactionFloor });
  if (revision > batch.revision) return refused("FUTURE_REVISION", { revision: batch.revision });
  batch.compact(revision);
  return { kind: "compact", floor: revision };
}
