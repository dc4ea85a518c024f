import type { MemberInfo } from "@raftkv/client";

/**
 * Voters with data that a witness waits for before it gets its own vote: fewer than half of the voters may be witnesses (R24).
 * 0: it waits for none.
 */
export function missingDataVoters(members: readonly MemberInfo[]): number {
  const voters = members.filter(({ role }) => role === "voter");
  const witnesses = voters.filter(({ witness }) => witness).length;
  return Math.max(0, 2 * (witnesses + 1) - voters.length);
}

/** `voter`, `learner`, `unstarted`, with what is special about it behind. */
export function kindOf(member: MemberInfo, members: readonly MemberInfo[]): string {
  const { leader, role, willVote, witness } = member;
  const missing = witness ? missingDataVoters(members) : 0;
  const vote =
    missing === 0 ? "will vote" : `votes once ${missing} more with data ${missing === 1 ? "does" : "do"}`;
  const more = [...(leader ? ["leader"] : []), ...(witness ? ["witness"] : []), ...(willVote ? [vote] : [])];
  return more.length === 0 ? role : `${role} (${more.join(", ")})`;
}
