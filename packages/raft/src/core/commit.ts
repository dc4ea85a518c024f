import { advanceCommit } from "./commit-index.js";
import { quorumReached } from "./quorum.js";
import type { RaftState } from "./state.js";
import { logIndex } from "./types.js";

/**
 * The leader's commit rule (§3.6.2): a majority of the configuration in force has the entry on disk, and the entry is
 * of the leader's own term; older ones are committed along with it, never by counting (R9, figure 3.7).
 */
export function maybeCommit(state: RaftState): boolean {
  const { log, progress } = state;
  const reached = quorumReached(log.configuration, (voter) => progress.get(voter)?.matchIndex ?? 0);
  if (reached <= state.commitIndex || reached > log.lastIndex) return false;
  const index = logIndex(reached);
  if (log.termAt(index) !== state.currentTerm) return false;
  // Entries of earlier terms were never counted.
  const countedFrom = logIndex(Math.max(state.commitIndex + 1, log.lastTermFrom));
  state.uncommittedBytes -= log.bytesIn(countedFrom, logIndex(index + 1));
  return advanceCommit(state, index);
}

/** What a leader may rely on for reads: an entry of its own term is committed (R18). */
export function hasCommittedInTerm(state: RaftState): boolean {
  return state.log.termAt(state.commitIndex) === state.currentTerm;
}
