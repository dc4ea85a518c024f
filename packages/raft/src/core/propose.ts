import type { Proposal } from "./event.js";
import type { RejectionReason } from "./ready.js";
import { isWitness } from "./state.js";
import type { RaftState } from "./state.js";
import type { LogIndex } from "./types.js";

/** Appends what a leader may append; everything else is refused with the reason and the leader, and nothing is done. */
export function handlePropose<P extends Proposal>(state: RaftState<P>, proposals: readonly P[]): void {
  if (state.role !== "leader") {
    reject(state, proposals, state.leader === null ? "noLeader" : "notLeader");
    return;
  }
  // The target must hold everything when it campaigns, so nothing is added meanwhile (§3.10, R20).
  if (state.transfer !== null) {
    reject(state, proposals, "transferring");
    return;
  }
  if (isWitness(state, state.options.id)) {
    reject(state, proposals, "witness");
    return;
  }
  let firstIndex: LogIndex | null = null;
  let accepted = 0;
  for (const proposal of proposals) {
    if (!fits(state, proposal.bytes)) break;
    state.uncommittedBytes += proposal.bytes;
    const index = state.log.append(state.currentTerm, proposal.bytes, null);
    firstIndex ??= index;
    accepted += 1;
  }
  if (firstIndex !== null) {
    state.outbox.saveEntriesFrom(firstIndex);
    state.outbox.appended.push({
      firstIndex,
      term: state.currentTerm,
      proposals: accepted === proposals.length ? proposals : proposals.slice(0, accepted),
      kind: "command",
      configuration: null,
    });
  }
  if (accepted < proposals.length) reject(state, proposals.slice(accepted), "overloaded");
}

/** Never refuses when nothing is uncommitted, however large the entry (R14). */
function fits(state: RaftState, bytes: number): boolean {
  return state.uncommittedBytes === 0 || state.uncommittedBytes + bytes <= state.options.uncommittedBytesMax;
}

function reject<P extends Proposal>(
  state: RaftState<P>,
  proposals: readonly P[],
  reason: RejectionReason,
): void {
  for (const proposal of proposals) {
    state.outbox.rejected.push({ kind: "proposal", proposal, reason, leader: state.leader });
  }
}
