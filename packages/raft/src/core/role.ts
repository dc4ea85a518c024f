import { drawElectionTimeout, restartElectionTimer } from "./state.js";
import type { RaftState } from "./state.js";
import type { ServerId, Term } from "./types.js";

/**
 * Follows in `term`. In a later term the vote is free again; in the same term it stays what it was (one vote a term).
 * The election timer is not restarted when only the term grew: R2 and §3.4 name what restarts it.
 */
export function becomeFollower(state: RaftState, term: Term, leader: ServerId | null): void {
  leaveRole(state);
  state.role = "follower";
  if (term > state.currentTerm) enterTerm(state, term, null);
  state.leader = leader;
}

/** Term and vote change together, and are saved together (R1). */
export function enterTerm(state: RaftState, term: Term, votedFor: ServerId | null): void {
  state.currentTerm = term;
  state.votedFor = votedFor;
  state.leaderHeardTicks = Infinity;
  if (state.incomingSnapshot !== null) {
    // Its leader is none any more (R23).
    state.incomingSnapshot = null;
    state.outbox.snapshots.push({ kind: "discard" });
  }
  state.outbox.saveHardState(term, votedFor);
}

/** Drops what belongs to the role that ends. Reads that wait are told so: their confirmation will not come. */
export function leaveRole(state: RaftState): void {
  if (state.role === "leader") {
    restartElectionTimer(state);
    rejectLeaderReads(state);
    // Whoever leads next: this server has nothing to hand over any more (R20).
    state.transfer = null;
    state.leaseEnded = false;
    state.leaseSinceMicros = 0;
    // The round numbers of the next leadership start over; they are unique within a term only (R18).
    state.leaderReads.lastRound = 0;
    state.leaderReads.quick = null;
    state.uncommittedBytes = 0;
    state.progress.clear();
  }
  rejectFollowerReads(state);
  if (state.leaderConnectionLost) {
    // It was the last leader's: the timeout that was cut short for it must not stay short under the next one (R6).
    state.leaderConnectionLost = false;
    drawElectionTimeout(state);
  }
  state.votes.clear();
}

function rejectLeaderReads(state: RaftState): void {
  const { leaderReads, outbox } = state;
  const waiting = [
    ...(leaderReads.round?.local ?? []),
    ...leaderReads.waiting,
    ...leaderReads.waitingForMajority,
  ];
  leaderReads.round = null;
  leaderReads.waiting = [];
  leaderReads.waitingForMajority = [];
  // A follower asks again, whoever leads then; only this server's own reads need an answer.
  leaderReads.waitingRemote.clear();
  for (const readId of waiting) {
    outbox.rejected.push({ kind: "read", readId, reason: "leadershipLost", leader: null });
  }
}

/** Reads that were on their way to a leader that is none any more. */
function rejectFollowerReads(state: RaftState): void {
  const { followerReads, outbox } = state;
  const readIds = [...followerReads.asked.map((read) => read.readId), ...followerReads.waiting];
  for (const readId of readIds) {
    outbox.rejected.push({ kind: "read", readId, reason: "leadershipLost", leader: null });
  }
  followerReads.asked = [];
  followerReads.waiting = [];
}
