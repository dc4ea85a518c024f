import { invariant } from "./invariant.js";
import type { RaftStatus } from "./status.js";

/**
 * The invariants of one server, over one state and over two that follow each other. Pure; run after every step in
 * tests and in simulation. `docs/invariants.md` lists them.
 */
export function checkInvariants(now: RaftStatus, before: RaftStatus | null): void {
  checkState(now);
  if (before !== null) checkTransition(now, before);
}

function checkState(now: RaftStatus): void {
  invariant(now.appliedIndex <= now.commitIndex, "only committed entries are applied (§3.6.3)");
  invariant(now.commitIndex <= now.lastIndex, "only entries of the log are committed");
  invariant(now.commitIndex >= now.firstIndex - 1, "what is compacted was committed");
  invariant(now.durableIndex <= now.lastIndex, "no more is durable than the log holds");
  invariant(now.lastTerm <= now.currentTerm, "no entry is of a later term than the current one");
  invariant(now.durableTerm <= now.currentTerm, "the durable term is not ahead of the current one (R1)");
  if (now.role === "leader") checkLeader(now);
  else invariant(now.progress.length === 0, "only a leader tracks the others");
  if (now.role === "candidate") invariant(now.votedFor === now.id, "a candidate voted for itself (§3.4)");
}

function checkLeader(now: RaftStatus): void {
  invariant(now.leader === now.id, "a leader knows that it leads");
  invariant(now.votedFor === now.id, "a leader voted for itself (§3.4)");
  invariant(now.durableTerm === now.currentTerm, "a leader's term is on disk (R1)");
  invariant(now.durableVote === now.votedFor, "a leader's vote is on disk (R1)");
  invariant(
    now.lastTerm === now.currentTerm,
    "a leader's log ends in its own term: its no-op opens it (§6.4)",
  );
  for (const progress of now.progress) {
    invariant(progress.matchIndex < progress.nextIndex, "matchIndex < nextIndex (R11)");
    invariant(progress.matchIndex <= now.lastIndex, "nobody matches beyond the leader's log");
    invariant(progress.nextIndex <= now.lastIndex + 1, "nextIndex is at most one behind the end");
    if (progress.id === now.id) {
      invariant(progress.matchIndex <= now.durableIndex, "a leader counts its own copy after its fsync (R1)");
    }
    if (progress.state === "probe")
      invariant(progress.inflightMessages === 0, "a probe is not in the window");
  }
}

function checkTransition(now: RaftStatus, before: RaftStatus): void {
  invariant(now.currentTerm >= before.currentTerm, "terms never fall (§3.3)");
  invariant(now.commitIndex >= before.commitIndex, "the commit index never falls");
  invariant(now.appliedIndex >= before.appliedIndex, "the applied index never falls");
  invariant(now.durableTerm >= before.durableTerm, "the durable term never falls");
  if (now.currentTerm === before.currentTerm) {
    if (before.votedFor !== null) invariant(now.votedFor === before.votedFor, "one vote a term (R5)");
    if (before.leader !== null && now.leader !== null && before.leader !== now.leader) {
      invariant(false, "one leader a term (election safety, §3.4)");
    }
    if (before.role === "leader" && now.role === "leader") {
      invariant(now.lastIndex >= before.lastIndex, "a leader appends only (§3.6.3)");
    }
  }
}
