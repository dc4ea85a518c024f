import { invariant } from "./invariant.js";
import type { RaftState } from "./state.js";
import type { LogIndex } from "./types.js";

/** Moves the commit index forward; a smaller one is old news. */
export function advanceCommit(state: RaftState, index: LogIndex): boolean {
  if (index <= state.commitIndex) return false;
  invariant(index <= state.log.lastIndex, "only entries of the log are committed");
  state.commitIndex = index;
  return true;
}
