import type { Configuration, ServerId } from "./types.js";

export type VoteOutcome = "won" | "lost" | "pending";

/** A strict majority. */
export function majority(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * The largest number that a majority of `voters` has reached; the minimum over both halves while joint (§4.3).
 * `reachedBy` gives what one voter has reached. Infinity when there are no voters at all.
 */
export function quorumReached(configuration: Configuration, reachedBy: (voter: ServerId) => number): number {
  const incoming = halfReached(configuration.voters, reachedBy);
  if (configuration.outgoing.length === 0) return incoming;
  return Math.min(incoming, halfReached(configuration.outgoing, reachedBy));
}

/** Reused, since this runs for every acknowledgement. */
const scratch: number[] = [];

function halfReached(voters: readonly ServerId[], reachedBy: (voter: ServerId) => number): number {
  if (voters.length === 0) return Infinity;
  scratch.length = 0;
  // Sorted while it is filled, the largest first: groups are small, and a general sort costs more than it saves.
  for (const voter of voters) {
    const reached = reachedBy(voter);
    let at = scratch.length;
    while (at > 0 && (scratch[at - 1] ?? 0) < reached) {
      scratch[at] = scratch[at - 1] ?? 0;
      at -= 1;
    }
    scratch[at] = reached;
  }
  return scratch[majority(voters.length) - 1] ?? 0;
}

/** Tells whether an election is decided. While joint it takes a majority of both halves (§4.3). */
export function voteOutcome(
  configuration: Configuration,
  votes: ReadonlyMap<ServerId, boolean>,
): VoteOutcome {
  const incoming = halfOutcome(configuration.voters, votes);
  if (configuration.outgoing.length === 0) return incoming;
  const outgoing = halfOutcome(configuration.outgoing, votes);
  if (incoming === "lost" || outgoing === "lost") return "lost";
  return incoming === "won" && outgoing === "won" ? "won" : "pending";
}

function halfOutcome(voters: readonly ServerId[], votes: ReadonlyMap<ServerId, boolean>): VoteOutcome {
  let granted = 0;
  let refused = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === true) granted += 1;
    else if (vote === false) refused += 1;
  }
  const needed = majority(voters.length);
  if (granted >= needed) return "won";
  return voters.length - refused < needed ? "lost" : "pending";
}

export function isVoter(configuration: Configuration, id: ServerId): boolean {
  return configuration.voters.includes(id) || configuration.outgoing.includes(id);
}

/** Everyone who gets the log: voters of both halves and learners, each once, in a fixed order. */
export function members(configuration: Configuration): ServerId[] {
  return [...new Set([...configuration.voters, ...configuration.outgoing, ...configuration.learners])];
}
