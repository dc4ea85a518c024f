import { unreachable } from "./invariant.js";
import type { Configuration, LeaseSettings, MemberDirectory, ServerId } from "./types.js";

/**
 * One member's change.
 * - `addLearner`: gets the log, has no vote. A witness stores the log and nothing else (R24).
 * - `promote`: a learner that is nearly caught up gets a vote (R22). What is a witness stays one.
 * - `demote`: a voter keeps the log and loses its vote.
 * - `remove`: a voter or learner leaves.
 */
export type MemberChange =
  | { readonly kind: "addLearner"; readonly id: ServerId; readonly witness: boolean }
  | { readonly kind: "promote"; readonly id: ServerId }
  | { readonly kind: "demote"; readonly id: ServerId }
  | { readonly kind: "remove"; readonly id: ServerId };

/** A change of the members (§4), or of their directory alone. All of it takes effect together. */
export interface MembershipChange {
  readonly members: readonly MemberChange[];
  /**
   * - `auto`: one step when at most one voter comes or goes, for then every old and every new majority share a server
   *   (§4.2); through a joint configuration otherwise (§4.3).
   * - `always`: through a joint configuration that the leader leaves on its own.
   * - `manual`: through a joint configuration that waits for `leaveJoint`.
   */
  readonly joint: "auto" | "always" | "manual";
  /** Takes the place of the directory in force; left out, that stays. */
  readonly directory?: MemberDirectory;
}

/**
 * Why a membership is not changed.
 * - `changeInFlight`: the one before is not committed, or a joint configuration was not left (R21), or leadership is being
 *   handed over (R20).
 * - `termNotCommitted`: no entry of this leader's own term is committed yet (R21).
 * - `alreadyMember`, `notMember`, `notLearner`, `notVoter`: the member is not what the change takes it for.
 * - `notCaughtUp`: the learner lacks too many entries, or has acknowledged none to this leader yet (R22); or it lacks what
 *   witnesses may have compacted (R24).
 * - `noDataVoter`: nobody would be left who votes and has the data.
 * - `noChange`: nothing would be different, or there is no joint configuration to leave.
 * - `badLease`: the lease's figures are out of range.
 */
export type MembershipRefusal =
  | "notLeader"
  | "noLeader"
  | "changeInFlight"
  | "termNotCommitted"
  | "alreadyMember"
  | "notMember"
  | "notLearner"
  | "notVoter"
  | "notCaughtUp"
  | "noDataVoter"
  | "noChange"
  | "badLease";

export const isJoint = (configuration: Configuration): boolean => configuration.outgoing.length > 0;

export const isMember = ({ voters, outgoing, learners }: Configuration, id: ServerId): boolean =>
  voters.includes(id) || outgoing.includes(id) || learners.includes(id);

/** The configuration that `change` makes of one that is not joint, or why it makes none. */
export function changed(from: Configuration, change: MembershipChange): Configuration | MembershipRefusal {
  const voters = new Set(from.voters);
  const learners = new Set(from.learners);
  const witnesses = new Set(from.witnesses);
  for (const member of change.members) {
    const refusal = changeMember(member, voters, learners, witnesses);
    if (refusal !== null) return refusal;
  }
  if (![...voters].some((id) => !witnesses.has(id))) return "noDataVoter";
  const { directory } = change;
  if (directory === undefined && equal(voters, from.voters) && equal(learners, from.learners))
    return "noChange";
  const joint = change.joint !== "auto" || difference(voters, from.voters) > 1;
  const next: Configuration = {
    ...from,
    voters: [...voters],
    outgoing: joint ? from.voters : [],
    learners: [...learners],
    autoLeave: change.joint !== "manual",
    ...(directory === undefined ? {} : { directory }),
  };
  // Who leaves by way of a joint configuration is what it was until then.
  return {
    ...next,
    witnesses: [...new Set([...from.witnesses, ...witnesses])].filter((id) => isMember(next, id)),
  };
}

/** The new half alone (§4.3). */
export function withoutOutgoing(joint: Configuration): Configuration {
  const left = { ...joint, outgoing: [] };
  return { ...left, witnesses: joint.witnesses.filter((id) => isMember(left, id)) };
}

/** Whether the figures make sense: a time, and a margin that leaves something of it. */
export function isLease({ electionTimeoutMicros, marginPercent }: LeaseSettings): boolean {
  return (
    Number.isSafeInteger(electionTimeoutMicros) &&
    electionTimeoutMicros > 0 &&
    marginPercent > 0 &&
    marginPercent < 100
  );
}

function changeMember(
  member: MemberChange,
  voters: Set<ServerId>,
  learners: Set<ServerId>,
  witnesses: Set<ServerId>,
): MembershipRefusal | null {
  const { id } = member;
  switch (member.kind) {
    case "addLearner":
      // Adding a member that is one would change its kind behind the operator's back (R22).
      if (voters.has(id) || learners.has(id)) return "alreadyMember";
      learners.add(id);
      if (member.witness) witnesses.add(id);
      return null;
    case "promote":
      if (!learners.delete(id)) return "notLearner";
      voters.add(id);
      return null;
    case "demote":
      if (!voters.delete(id)) return "notVoter";
      learners.add(id);
      return null;
    case "remove":
      if (!voters.delete(id) && !learners.delete(id)) return "notMember";
      witnesses.delete(id);
      return null;
    default:
      return unreachable(member);
  }
}

function difference(voters: ReadonlySet<ServerId>, before: readonly ServerId[]): number {
  const kept = before.filter((id) => voters.has(id)).length;
  return voters.size - kept + (before.length - kept);
}

function equal(now: ReadonlySet<ServerId>, before: readonly ServerId[]): boolean {
  return now.size === before.length && before.every((id) => now.has(id));
}
