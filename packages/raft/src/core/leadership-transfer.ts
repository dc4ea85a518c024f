import { startElection } from "./election.js";
import type { TimeoutNow } from "./messages.js";
import { isVoter } from "./quorum.js";
import type { TransferRefusal } from "./ready.js";
import { isWitness } from "./state.js";
import type { RaftState } from "./state.js";
import type { ServerId } from "./types.js";

/**
 * Hands leadership to another voter (§3.10): proposals are refused from now on (R20), the target is brought up to date,
 * and then told to campaign at once.
 */
export function handleTransferLeadership(state: RaftState, to: ServerId | null): void {
  if (state.role !== "leader") {
    refuse(state, state.leader === null ? "noLeader" : "notLeader");
    return;
  }
  const target = to ?? bestTarget(state);
  if (target === null || !mayLead(state, target)) {
    refuse(state, "noTarget");
    return;
  }
  if (state.transfer !== null) {
    if (state.transfer.to !== target) refuse(state, "inProgress");
    return;
  }
  startTransfer(state, target, { commanded: true });
}

/** A lease ends with it, and stays ended for the term: the election that follows asks nobody to wait (R19). */
export function startTransfer(
  state: RaftState,
  to: ServerId,
  { commanded }: { readonly commanded: boolean },
): void {
  state.transfer = { to, commanded, elapsedTicks: 0, asked: false };
  state.leaseEnded = true;
}

/** Once the target has everything it is told to campaign. */
export function advanceTransfer(state: RaftState): void {
  const { log, progress, transfer } = state;
  if (transfer === null || transfer.asked) return;
  if (progress.get(transfer.to)?.matchIndex !== log.lastIndex) return;
  transfer.asked = true;
  askToCampaign(state, transfer.to);
}

export function askToCampaign(state: RaftState, to: ServerId): void {
  state.outbox.send({
    kind: "timeoutNow",
    from: state.options.id,
    to,
    term: state.currentTerm,
    lastLogIndex: state.log.lastIndex,
  });
}

/** A transfer that did not succeed within an election timeout is given up, and the leader leads on (R20). */
export function tickTransfer(state: RaftState): void {
  const { transfer } = state;
  if (transfer === null) return;
  transfer.elapsedTicks += 1;
  const gone = !mayLead(state, transfer.to);
  if (!gone && transfer.elapsedTicks < state.options.electionTimeoutTicks) return;
  state.transfer = null;
  if (transfer.commanded) refuse(state, "expired");
}

/** The leader asks this server to take over. The term is the current one by now; the rest must be as it was then (R20). */
export function handleTimeoutNow(state: RaftState, message: TimeoutNow): void {
  const stale = message.lastLogIndex !== state.log.lastIndex || state.leader !== message.from;
  if (stale || state.role !== "follower" || !isVoter(state.log.configuration, state.options.id)) return;
  // No pre-vote, and voters do not wait: the leader itself wants it (§3.10, R4).
  startElection(state, { transfer: true });
}

/** The voter with data that lacks the least, among those that were heard lately. */
export function bestTarget(state: RaftState): ServerId | null {
  const { options, progress, ticks } = state;
  let best: ServerId | null = null;
  let bestMatch = -1;
  for (const [id, known] of progress) {
    if (!mayLead(state, id) || ticks - known.heardTick >= options.electionTimeoutTicks) continue;
    if (known.matchIndex > bestMatch) {
      best = id;
      bestMatch = known.matchIndex;
    }
  }
  return best;
}

/** While joint, also who is a voter of the old half alone: it may be the only data member that has everything (R24). */
function mayLead(state: RaftState, id: ServerId): boolean {
  return id !== state.options.id && isVoter(state.log.configuration, id) && !isWitness(state, id);
}

function refuse(state: RaftState, reason: TransferRefusal): void {
  state.outbox.refused.push({ command: "transferLeadership", reason, leader: state.leader });
}
