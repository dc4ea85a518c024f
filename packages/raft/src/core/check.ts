import { invariant } from "./invariant.js";
import { isJoint, isMember } from "./membership-change.js";
import { isVoter } from "./quorum.js";
import type { ProgressStatus, RaftStatus } from "./status.js";

/**
 * The invariants of one server, over one state and over two that follow each other. Pure; run after every step in
 * tests and in simulation. `docs/invariants.md` lists them.
 */
export function checkInvariants(now: RaftStatus, before: RaftStatus | null): void {
  checkPointers(now);
  checkConfiguration(now);
  checkRole(now);
  if (before !== null) checkTransition(now, before);
}

/** base <= applied <= committed <= last, and what is durable lies within. */
function checkPointers(now: RaftStatus): void {
  invariant(now.base.index === now.firstIndex - 1, "the log begins right behind its base");
  invariant(now.base.index <= now.appliedIndex, "what is compacted was applied (S4)");
  invariant(now.appliedIndex <= now.commitIndex, "only committed entries are applied (§3.6.3)");
  invariant(now.commitIndex <= now.lastIndex, "only entries of the log are committed");
  invariant(now.durableIndex <= now.lastIndex, "no more is durable than the log holds");
  invariant(now.base.term <= now.lastTerm, "terms in a log never fall");
  invariant(now.lastTerm <= now.currentTerm, "no entry is of a later term than the current one");
  invariant(now.durableTerm <= now.currentTerm, "the durable term is not ahead of the current one (R1)");
  if (now.durableTerm === now.currentTerm && now.durableVote !== null) {
    invariant(now.votedFor === now.durableVote, "a vote that is on disk is not forgotten (R1)");
  }
  invariant(now.uncommittedBytes >= 0, "no more bytes are committed than were appended (R14)");
}

function checkConfiguration({ base, configuration, configurationIndex, lastIndex }: RaftStatus): void {
  const { voters, outgoing, learners, witnesses } = configuration;
  invariant(
    configurationIndex >= base.index && configurationIndex <= lastIndex,
    "the configuration in force stands in the log or under it (R21)",
  );
  invariant(
    voters.length > 0 || outgoing.length === 0,
    "both halves of a joint configuration have voters (§4.3)",
  );
  for (const ids of [voters, outgoing, learners, witnesses]) {
    invariant(new Set(ids).size === ids.length, "a member stands once in each list");
  }
  invariant(!learners.some((id) => voters.includes(id)), "a member is a voter or a learner");
  invariant(
    witnesses.every((id) => isMember(configuration, id)),
    "a witness is a member (R24)",
  );
}

function checkRole(now: RaftStatus): void {
  if (now.role === "leader") checkLeader(now);
  else {
    invariant(now.progress.length === 0, "only a leader tracks the others");
    invariant(now.transfer === null, "only a leader hands over: any step-down clears it (R20)");
    invariant(now.leaseEndMicros === null, "only a leader has a lease (R19)");
  }
  if (now.role === "candidate") invariant(now.votedFor === now.id, "a candidate voted for itself (§3.4)");
  if (now.role === "candidate" || now.role === "preCandidate") {
    invariant(now.leader === null, "a candidate knows no leader of its term (§3.4)");
  }
  if (now.incomingSnapshot !== null) {
    invariant(now.role !== "leader", "a leader takes no snapshot in (R23)");
  }
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
  invariant(
    isVoter(now.configuration, now.id) || now.configurationIndex > now.commitIndex,
    "a leader that is no voter leads only until that is committed (§4.2.2)",
  );
  invariant(
    now.progress.length === new Set(now.progress.map(({ id }) => id)).size &&
      now.progress.every(({ id }) => isMember(now.configuration, id)),
    "a leader tracks the members of the configuration in force (R21)",
  );
  if (now.transfer !== null) {
    invariant(now.transfer.to !== now.id, "leadership is handed to another");
    invariant(now.leaseEndMicros === null, "a lease ends when a transfer starts (R19)");
  }
  for (const progress of now.progress) checkProgress(now, progress);
}

function checkProgress(now: RaftStatus, progress: ProgressStatus): void {
  invariant(progress.matchIndex < progress.nextIndex, "matchIndex < nextIndex (R11)");
  invariant(progress.matchIndex <= now.lastIndex, "nobody matches beyond the leader's log");
  invariant(progress.nextIndex <= now.lastIndex + 1, "nextIndex is at most one behind the end");
  if (progress.id === now.id) {
    invariant(progress.matchIndex <= now.durableIndex, "a leader counts its own copy after its fsync (R1)");
  }
  if (progress.state !== "replicate") {
    invariant(progress.inflightMessages === 0, "only what is pipelined is in the window");
  }
  invariant(
    (progress.state === "snapshot") === progress.snapshotIndex > 0,
    "a snapshot is under way exactly in the state of that name (§5.3)",
  );
  invariant(progress.inflightBytes >= 0, "no more arrived than was sent");
}

function checkTransition(now: RaftStatus, before: RaftStatus): void {
  invariant(now.currentTerm >= before.currentTerm, "terms never fall (§3.3)");
  invariant(now.commitIndex >= before.commitIndex, "the commit index never falls");
  invariant(now.appliedIndex >= before.appliedIndex, "the applied index never falls");
  invariant(now.base.index >= before.base.index, "the log's base never goes back");
  invariant(now.durableTerm >= before.durableTerm, "the durable term never falls");
  invariant(now.promisedUntilMicros >= before.promisedUntilMicros, "a promise is never taken back (R19)");
  invariant(now.lastIndex >= before.commitIndex, "what is committed is never truncated (R10)");
  if (before.configurationIndex <= before.commitIndex) {
    invariant(
      now.configurationIndex >= before.configurationIndex,
      "a committed configuration is never taken back (R21)",
    );
  }
  if (now.currentTerm === before.currentTerm) checkWithinTerm(now, before);
}

function checkWithinTerm(now: RaftStatus, before: RaftStatus): void {
  if (before.votedFor !== null) invariant(now.votedFor === before.votedFor, "one vote a term (R5)");
  invariant(
    before.leader === null || now.leader === null || before.leader === now.leader,
    "one leader a term (election safety, §3.4)",
  );
  invariant(
    before.role === "leader" || now.role !== "leader" || before.role === "candidate",
    "only a candidate wins (§3.4)",
  );
  if (before.role !== "leader" || now.role !== "leader") return;
  invariant(now.lastIndex >= before.lastIndex, "a leader appends only (§3.6.3)");
  const changes = now.configurationIndex > before.configurationIndex;
  if (changes) {
    invariant(
      before.configurationIndex <= now.commitIndex,
      "a change of the members starts when the one before is committed (R21)",
    );
    invariant(
      isJoint(before.configuration) || isJoint(now.configuration) || oneStep(now, before),
      "members change one at a time or through a joint configuration (§4.2, §4.3)",
    );
  }
  for (const progress of now.progress) {
    const known = before.progress.find(({ id }) => id === progress.id);
    if (known !== undefined && !changes) {
      invariant(progress.matchIndex >= known.matchIndex, "matchIndex never falls within a term (R11)");
    }
  }
}

/** At most one voter comes or goes: then every old and every new majority share a server. */
function oneStep(now: RaftStatus, before: RaftStatus): boolean {
  const { voters } = now.configuration;
  const kept = before.configuration.voters.filter((id) => voters.includes(id)).length;
  return voters.length - kept + (before.configuration.voters.length - kept) <= 1;
}
