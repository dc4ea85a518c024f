import { hasCommittedInTerm } from "./commit.js";
import { invariant } from "./invariant.js";
import { quorumReached } from "./quorum.js";
import type { Progress } from "./progress.js";
import type { ReadGrant } from "./ready.js";
import type { RaftState } from "./state.js";
import type { LeaseSettings, ServerId } from "./types.js";

/** How the group uses leases, by the configuration in force; null: it does not (R19). */
export function leaseSettings(state: RaftState): LeaseSettings | null {
  return state.log.configuration.lease ?? null;
}

/** The shell's clock. A server that may have promised something before it started keeps to that from here on (R8). */
export function clockSeen(state: RaftState, nowMicros: number | null): void {
  if (nowMicros === null) {
    invariant(state.nowMicros === null, "the clock is given with every step or with none (R19)");
    return;
  }
  invariant(
    Number.isSafeInteger(nowMicros) && nowMicros > 0,
    "the clock is a whole number of microseconds above 0",
  );
  state.nowMicros = nowMicros;
  if (!state.promiseAtStart) return;
  state.promiseAtStart = false;
  const lease = leaseSettings(state);
  if (lease !== null) state.promisedUntilMicros = nowMicros + lease.electionTimeoutMicros;
}

/** Bound to the leader that it heard: votes for no other, does not campaign itself. */
export function isPromised(state: RaftState): boolean {
  return state.nowMicros !== null && state.nowMicros < state.promisedUntilMicros;
}

/**
 * The clock that a heartbeat to this member carries; 0 asks it for no promise. It is asked only when it is known to have the
 * configuration in force on its disk, and nothing of another leader's behind it: so it promises the time that this leader
 * reckons with, and after a restart still knows that it may have (R8, R19).
 */
export function promiseAsked({ log, nowMicros }: RaftState, { matchIndex }: Progress): number {
  return matchIndex >= Math.max(log.configurationIndex, log.lastTermFrom) ? (nowMicros ?? 0) : 0;
}

/** What a heartbeat's answer promises: the clock that the leader put into it, or nothing (R19). */
export function promiseFor(state: RaftState, sentMicros: number): number {
  return leaseSettings(state) !== null && state.nowMicros !== null ? sentMicros : 0;
}

/**
 * When this leader's lease ends; null when it has none. It counts from the moment when the heartbeats were *sent* that a
 * majority answered, less a margin for clocks that drift (R19).
 */
export function leaseEndMicros(state: RaftState): number | null {
  const lease = leaseSettings(state);
  if (lease === null || state.role !== "leader" || state.leaseEnded || state.nowMicros === null) return null;
  const { log, options, progress } = state;
  // Only servers that have the lease in their own durable log keep to it; and none while members come and go.
  if (log.configurationIndex > state.commitIndex || !hasCommittedInTerm(state)) return null;
  const sent = quorumReached(log.configuration, (voter) => {
    if (voter === options.id) return Infinity;
    const known = progress.get(voter);
    return known !== undefined && known.matchIndex >= log.configurationIndex ? known.promisedSentMicros : 0;
  });
  // What was promised for the figures before says nothing of those in force.
  if (sent <= state.leaseSinceMicros) return null;
  const from = Math.min(sent, state.nowMicros);
  return from + Math.floor((lease.electionTimeoutMicros * (100 - lease.marginPercent)) / 100);
}

/** Until when a read may be answered without asking anyone; null: there is no lease now. */
export function validLease(state: RaftState): number | null {
  const end = leaseEndMicros(state);
  return end !== null && state.nowMicros !== null && state.nowMicros < end ? end : null;
}

/**
 * Whether a read that a lease granted may still be answered, at the moment given (R19). The lease as it is now must last as
 * well: it was switched off meanwhile, or shortened, and voters that restarted hold to what their log says now (R8); or the
 * members changed, and a majority of those that there are now never promised anything.
 */
export function leaseHolds(state: RaftState, grant: ReadGrant, nowMicros: number): boolean {
  if (grant.leaseEndMicros === null) return true;
  const end = leaseEndMicros(state);
  if (end === null || grant.term !== state.currentTerm) return false;
  return nowMicros < Math.min(end, grant.leaseEndMicros);
}

/** The heartbeat that left at `sentMicros` was answered with a promise. */
export function promised(state: RaftState, voter: ServerId, sentMicros: number): void {
  const known = state.progress.get(voter);
  if (known !== undefined && sentMicros > known.promisedSentMicros) known.promisedSentMicros = sentMicros;
}
