import { broadcastHeartbeats, sendHeartbeats } from "./heartbeat.js";
import { quorumReached } from "./quorum.js";
import type { RaftState } from "./state.js";
import type { ServerId } from "./types.js";

/** After so many ticks without a confirmation everybody is asked: one of the few may be gone, and another one would do. */
const PATIENCE_TICKS = 2;

/**
 * Whom a confirmation round goes to. A majority must answer (R18), and more heartbeats than that are for nothing: with three
 * members half of what a round costs, and rounds are most of what a read costs when few wait for each.
 *
 * So a round goes to those who confirmed the last one that everybody was asked for. Everybody is asked for a round that is
 * under way at one of the leader's regular heartbeats, and the answers say who is quick now; also when the few do not answer
 * for a moment, or the connection to one of them drops.
 */
export function askForRound(state: RaftState): void {
  const { quick } = state.leaderReads;
  if (quick !== null && isQuorum(state, quick)) sendHeartbeats(state, quick);
  else broadcastHeartbeats(state);
}

/** The round that was just confirmed tells who is quick. */
export function noteQuick(state: RaftState, round: number): void {
  const quick: ServerId[] = [];
  for (const [peer, { readRoundAcked }] of state.progress) {
    if (peer !== state.options.id && readRoundAcked >= round) quick.push(peer);
  }
  state.leaderReads.quick = quick;
}

export function tickRound(state: RaftState): void {
  const { round } = state.leaderReads;
  if (round === null || round.askedAll) return;
  round.ticks += 1;
  if (round.ticks >= PATIENCE_TICKS) broadcastHeartbeats(state);
}

/** The connection from a member dropped: it will not answer. */
export function notQuick(state: RaftState, peer: ServerId): void {
  const { leaderReads } = state;
  if (leaderReads.quick?.includes(peer) !== true) return;
  leaderReads.quick = null;
  if (leaderReads.round?.askedAll === false) broadcastHeartbeats(state);
}

function isQuorum({ log, options }: RaftState, quick: readonly ServerId[]): boolean {
  return (
    quorumReached(log.configuration, (voter) => (voter === options.id || quick.includes(voter) ? 1 : 0)) > 0
  );
}
