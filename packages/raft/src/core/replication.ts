import { maybeCommit } from "./commit.js";
import { invariant } from "./invariant.js";
import type { AppendResponse } from "./messages.js";
import type { Progress } from "./progress.js";
import { sendSnapshot } from "./snapshot.js";
import { isWitness } from "./state.js";
import type { RaftState } from "./state.js";
import { logIndex } from "./types.js";
import type { LogIndex, ServerId } from "./types.js";

/** Sends every follower what its window takes. Once a Ready, so that a burst of proposals is one message each. */
export function replicateToAll(state: RaftState): void {
  for (const [peer, progress] of state.progress) {
    if (peer === state.options.id) continue;
    replicate(state, peer, progress);
    tellCommit(state, peer, progress);
  }
}

function replicate(state: RaftState, peer: ServerId, progress: Progress): void {
  if (progress.state === "probe") {
    if (!progress.probeSent) sendAppend(state, peer, progress);
    return;
  }
  if (progress.state === "snapshot") return;
  while (progress.nextIndex <= state.log.lastIndex && !progress.inflights.full) {
    if (!sendAppend(state, peer, progress)) return;
  }
}

/** One append from `nextIndex` on, as large as message and window allow; or a snapshot, and then false. */
function sendAppend(state: RaftState, peer: ServerId, progress: Progress): boolean {
  const { log, options } = state;
  const from = progress.nextIndex;
  if (from <= log.base.index) {
    sendSnapshot(state, peer, progress);
    return false;
  }
  const bytesMax = Math.min(options.messageBytesMax, progress.inflights.bytesLeft);
  const to = log.endWithin(from, bytesMax);
  emitAppend(state, peer, progress, from, to);
  progress.sent(logIndex(to - 1), log.bytesIn(from, to));
  return true;
}

/** Finds out, after a heartbeat reply, whether everything before `nextIndex` arrived. Carries nothing (R12). */
function sendEmptyAppend(state: RaftState, peer: ServerId, progress: Progress): void {
  // What is in flight may be lost and is compacted by now: the window would stay full for ever.
  if (progress.nextIndex <= state.log.base.index) sendSnapshot(state, peer, progress);
  else emitAppend(state, peer, progress, progress.nextIndex, progress.nextIndex);
}

function emitAppend(
  state: RaftState,
  peer: ServerId,
  progress: Progress,
  from: LogIndex,
  to: LogIndex,
): void {
  const { log } = state;
  const prevLogIndex = logIndex(from - 1);
  const prevLogTerm = log.termAt(prevLogIndex);
  invariant(prevLogTerm !== null, "what is compacted is sent as a snapshot (§5.3)");
  progress.commitSent = state.commitIndex;
  state.outbox.send({
    kind: "appendRequest",
    from: state.options.id,
    to: peer,
    term: state.currentTerm,
    prevLogIndex,
    prevLogTerm,
    entries: log.shapes(from, to),
    commitIndex: state.commitIndex,
  });
}

/** A new commit index goes out at once, so that followers apply and serve reads without waiting for a heartbeat. */
function tellCommit(state: RaftState, peer: ServerId, progress: Progress): void {
  const commitIndex = logIndex(Math.min(progress.matchIndex, state.commitIndex));
  if (commitIndex <= progress.commitSent) return;
  progress.commitSent = commitIndex;
  state.outbox.send({
    kind: "commitNotice",
    from: state.options.id,
    to: peer,
    term: state.currentTerm,
    commitIndex,
  });
}

/** The leader's side of AppendEntries' answer (§3.5). */
export function handleAppendResponse(state: RaftState, message: AppendResponse): void {
  const progress = state.progress.get(message.from);
  if (progress === undefined) return;
  progress.heardTick = state.ticks;
  if (!message.success) {
    // This log's last place with a term no later than the follower's: skips the whole conflicting term (R13).
    const retryFrom = state.log.lastAtOrBelow(message.hintIndex, message.hintTerm);
    progress.refused(message.prevLogIndex, retryFrom);
    return;
  }
  const advanced = progress.acknowledged(message.matchIndex);
  // While probing, an acknowledgement that is not older than matchIndex shows where the logs agree. While a snapshot is
  // under way only one that reaches what it covers does, and with that the log's first entry as it was then (R23).
  const agrees =
    progress.state === "probe"
      ? message.matchIndex >= progress.matchIndex
      : progress.state === "snapshot" && progress.matchIndex >= progress.snapshotIndex;
  if (agrees) progress.becomeReplicate();
  if (advanced) maybeCommit(state);
  if (progress.matchIndex >= state.commitIndex) progress.catchingUp = false;
}

/** The follower is alive: what was lost on the way is found out and sent again (R12). */
export function resumeAfterHeartbeat(state: RaftState, peer: ServerId, progress: Progress): void {
  progress.probeSent = false;
  if (progress.state === "replicate" && progress.matchIndex < state.log.lastIndex) {
    sendEmptyAppend(state, peer, progress);
  }
  // A witness gets the base alone, in this one message: there is no transfer of data whose end would tell of its loss.
  if (progress.state === "snapshot" && isWitness(state, peer)) sendSnapshot(state, peer, progress);
}

/** The connection to this member dropped: what was in flight may be lost, so agreement is probed again. */
export function handleUnreachable(state: RaftState, peer: ServerId): void {
  const progress = state.progress.get(peer);
  if (progress?.state === "replicate") progress.becomeProbe();
}
