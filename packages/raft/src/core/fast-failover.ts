import { isPromised, leaseSettings } from "./lease.js";
import { PRIORITY_MAX } from "./options.js";
import { isVoter } from "./quorum.js";
import { notQuick } from "./read-round.js";
import { handleUnreachable } from "./replication.js";
import { isWitness } from "./state.js";
import type { RaftState } from "./state.js";
import type { ServerId } from "./types.js";

/**
 * The connection from a peer dropped. A follower that saw its leader's drop counts it as not heard (R4) and campaigns
 * after a few ticks instead of an election timeout. Pre-vote keeps that harmless where the notice is wrong: whoever
 * still hears the leader refuses. Never with leases: they rest on every follower waiting its timeout out (R19).
 */
export function handleConnectionLost(state: RaftState, peer: ServerId): void {
  if (state.role === "leader") {
    handleUnreachable(state, peer);
    notQuick(state, peer);
    return;
  }
  const { fastFailoverTicks, id, priority } = state.options;
  if (fastFailoverTicks === 0 || state.role !== "follower" || state.leader !== peer) return;
  if (leaseSettings(state) !== null || isPromised(state)) return;
  state.leaderConnectionLost = true;
  if (!isVoter(state.log.configuration, id) || isWitness(state, id)) return;
  // Everyone sees the same drop in the same moment, and two that ask together would split the votes and wait for a whole
  // timeout after all. So one after the other, the higher priorities first, at random within each one's turn.
  const candidates = successors(state, peer);
  const turn = (PRIORITY_MAX - priority) * candidates.length + candidates.indexOf(id);
  const delay = 1 + turn * fastFailoverTicks + state.random.below(fastFailoverTicks);
  const soon = state.electionElapsedTicks + delay;
  if (soon < state.electionTimeoutTicks) state.electionTimeoutTicks = soon;
}

/** Who may lead after `lost`, in an order that is the same everywhere. */
function successors(state: RaftState, lost: ServerId): ServerId[] {
  const { voters, outgoing } = state.log.configuration;
  const all = new Set([...voters, ...outgoing]);
  return [...all].filter((voter) => voter !== lost && !isWitness(state, voter)).sort();
}
