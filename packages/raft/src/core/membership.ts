import { hasCommittedInTerm, maybeCommit } from "./commit.js";
import { broadcastHeartbeats } from "./heartbeat.js";
import { askToCampaign, bestTarget } from "./leadership-transfer.js";
import { changed, isJoint, isLease, withoutOutgoing } from "./membership-change.js";
import type { MembershipChange, MembershipRefusal } from "./membership-change.js";
import { appendOwn } from "./own-entry.js";
import { isVoter } from "./quorum.js";
import { becomeFollower } from "./role.js";
import type { RaftState } from "./state.js";
import type { Configuration, LeaseSettings } from "./types.js";

type Command = "changeMembership" | "leaveJoint" | "changeLease";

/** Changes the members: in one step where that is safe, through a joint configuration otherwise (§4.2, §4.3). */
export function handleChangeMembership(state: RaftState, change: MembershipChange): void {
  const early = cannotChange(state);
  if (early !== null) {
    refuse(state, "changeMembership", early);
    return;
  }
  const next = changed(state.log.configuration, change);
  const refusal = typeof next === "string" ? next : lagging(state, change);
  if (refusal !== null) refuse(state, "changeMembership", refusal);
  else if (typeof next !== "string") enter(state, next);
}

/** For joint configurations that wait for it. */
export function handleLeaveJoint(state: RaftState): void {
  const { log } = state;
  let refusal = cannotLead(state);
  if (refusal === null && !isJoint(log.configuration)) refusal = "noChange";
  if (refusal === null && log.configurationIndex > state.commitIndex) refusal = "changeInFlight";
  if (refusal !== null) refuse(state, "leaveJoint", refusal);
  else enter(state, withoutOutgoing(log.configuration));
}

/** Leases are in force, or not, where the entry is in the log: as the members are (R19, R21). */
export function handleChangeLease(state: RaftState, lease: LeaseSettings | null): void {
  let refusal = cannotChange(state);
  if (refusal === null && lease !== null && !isLease(lease)) refusal = "badLease";
  if (refusal !== null) {
    refuse(state, "changeLease", refusal);
    return;
  }
  state.leaseSinceMicros = state.nowMicros ?? 0;
  enter(state, { ...state.log.configuration, lease });
}

/**
 * Leaves a joint configuration as soon as it is committed; a new leader does so with one that it finds (§4.3, R21).
 * Leaving again is not possible: what is in force then is not joint.
 */
export function leaveJointWhenCommitted(state: RaftState): void {
  const { log } = state;
  const { configuration } = log;
  if (!isJoint(configuration) || !configuration.autoLeave) return;
  if (log.configurationIndex > state.commitIndex || !hasCommittedInTerm(state)) return;
  enter(state, withoutOutgoing(configuration));
}

/**
 * A leader that is no voter of the configuration any more leads until that is committed, and then steps down (§4.2.2).
 * It tells the others how far they may commit, and the best of them to campaign, so that nobody waits for a timeout.
 */
export function stepDownWhenRemoved(state: RaftState): void {
  const { log, options } = state;
  if (isVoter(log.configuration, options.id) || log.configurationIndex > state.commitIndex) return;
  broadcastHeartbeats(state);
  const successor = bestTarget(state);
  if (successor !== null) askToCampaign(state, successor);
  becomeFollower(state, state.currentTerm, null);
}

function enter(state: RaftState, configuration: Configuration): void {
  appendOwn(state, configuration);
  // The majority may be a smaller one from now on.
  maybeCommit(state);
}

function cannotLead(state: RaftState): MembershipRefusal | null {
  if (state.role === "leader") return null;
  return state.leader === null ? "noLeader" : "notLeader";
}

/** One change at a time, and none before this leader knows what is committed (§4.1, R21). */
function cannotChange(state: RaftState): MembershipRefusal | null {
  const { log } = state;
  const refusal = cannotLead(state);
  if (refusal !== null) return refusal;
  if (!hasCommittedInTerm(state)) return "termNotCommitted";
  // The target was told to take over at the end that the log has now (R20).
  if (state.transfer !== null) return "changeInFlight";
  return isJoint(log.configuration) || log.configurationIndex > state.commitIndex ? "changeInFlight" : null;
}

/**
 * A voter that has everything still to get counts for the majority and helps nobody reach it (§4.2.1, R22). One that has not
 * acknowledged anything, or needs a snapshot, lacks everything, however few the entries are.
 * Where there are witnesses it has the configuration in force, so everything from before it became a member: that, witnesses
 * may have compacted without it, and could never bring it up to date once the other data members are gone (R24).
 */
function lagging(state: RaftState, change: MembershipChange): MembershipRefusal | null {
  const { log, options, progress } = state;
  for (const member of change.members) {
    if (member.kind !== "promote") continue;
    const known = progress.get(member.id);
    if (known === undefined || known.state !== "replicate") return "notCaughtUp";
    if (log.lastIndex - known.matchIndex > options.promotionLagEntriesMax) return "notCaughtUp";
    if (log.configuration.witnesses.length > 0 && known.matchIndex < log.configurationIndex)
      return "notCaughtUp";
  }
  return null;
}

function refuse(state: RaftState, command: Command, reason: MembershipRefusal): void {
  state.outbox.refused.push({ command, reason, leader: state.leader });
}
