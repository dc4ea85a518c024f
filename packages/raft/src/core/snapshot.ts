import { advanceCommit } from "./commit-index.js";
import { invariant } from "./invariant.js";
import type { InstallSnapshot } from "./messages.js";
import type { Progress } from "./progress.js";
import { isWitness } from "./state.js";
import type { RaftState } from "./state.js";
import { logIndex, term } from "./types.js";
import type { LogBase, LogIndex, ServerId, Term } from "./types.js";

/**
 * What the member needs next is compacted: it gets a snapshot (§5.3). Not before it was heard lately, for the data would
 * go nowhere; and a witness, which has none, leaves it to the data member that it hands over to (R24).
 */
export function sendSnapshot(state: RaftState, peer: ServerId, progress: Progress): void {
  const { log, options } = state;
  const withData = !isWitness(state, peer);
  if (withData && isWitness(state, options.id)) return;
  if (state.ticks - progress.heardTick >= options.electionTimeoutTicks) return;
  progress.becomeSnapshot(log.base.index);
  state.outbox.send({
    kind: "installSnapshot",
    from: options.id,
    to: peer,
    term: state.currentTerm,
    base: log.base,
    withData,
  });
}

/** The leader's shell is done with the data of a snapshot. A failure is tried again after the next heartbeat's answer. */
export function handleSnapshotReported(state: RaftState, peer: ServerId, ok: boolean): void {
  const progress = state.progress.get(peer);
  if (state.role === "leader" && progress?.state === "snapshot") progress.snapshotDone(ok);
}

/** A snapshot is announced. The term is the current one and the sender leads it. */
export function handleInstallSnapshot(state: RaftState, message: InstallSnapshot): void {
  const { base, from } = message;
  if (hasAlready(state, base)) {
    takeCommitted(state, base, from);
    return;
  }
  if (!message.withData) {
    install(state, base, from, { withData: false });
    return;
  }
  const incoming = state.incomingSnapshot;
  if (
    incoming !== null &&
    incoming.from === from &&
    incoming.term === state.currentTerm &&
    incoming.base.index >= base.index
  )
    return;
  state.incomingSnapshot = { from, term: state.currentTerm, base };
  state.outbox.snapshots.push({ kind: "receive", from, term: state.currentTerm, base });
}

/** Its data is complete. What another leader, or this one in an earlier term, began is refused (R23). */
export function handleSnapshotReceived(
  state: RaftState,
  from: ServerId,
  sentTerm: Term,
  base: LogBase,
): void {
  const incoming = state.incomingSnapshot;
  if (incoming === null || !expectsSnapshot(state, from, sentTerm) || base.index < incoming.base.index) {
    state.outbox.snapshots.push({ kind: "discard" });
    return;
  }
  state.incomingSnapshot = null;
  if (hasAlready(state, base)) {
    state.outbox.snapshots.push({ kind: "discard" });
    takeCommitted(state, base, from);
    return;
  }
  install(state, base, from, { withData: true });
}

/** Whether chunks that `from` sends in `sentTerm` belong to the snapshot that is awaited (R23). */
export function expectsSnapshot(state: RaftState, from: ServerId, sentTerm: Term): boolean {
  const incoming = state.incomingSnapshot;
  return (
    incoming !== null &&
    incoming.from === from &&
    incoming.term === sentTerm &&
    sentTerm === state.currentTerm
  );
}

/** The log up to `index` is gone; the base that the shell wrote stands there now (§5.1). */
export function handleCompacted(state: RaftState, index: LogIndex): void {
  // A snapshot that was installed meanwhile went further.
  if (index <= state.log.base.index) return;
  invariant(index <= state.appliedIndex, "only what is applied is compacted (S4)");
  invariant(index <= state.outbox.durableIndex, "only what is durable is compacted");
  state.log.compact(index);
}

/** The log holds what the snapshot covers: it is of use for the commit index alone (R23). */
function hasAlready(state: RaftState, base: LogBase): boolean {
  return base.index <= state.commitIndex || state.log.termAt(base.index) === base.term;
}

function takeCommitted(state: RaftState, base: LogBase, leader: ServerId): void {
  advanceCommit(state, base.index);
  acknowledge(state, leader, state.commitIndex);
}

/** The snapshot takes the place of the log, which conflicts with it or ends before it (R23). */
function install(
  state: RaftState,
  base: LogBase,
  leader: ServerId,
  { withData }: { readonly withData: boolean },
): void {
  const { log, outbox } = state;
  invariant(base.index > state.commitIndex, "a snapshot never takes back what is committed");
  log.reset(base);
  outbox.replaced(base);
  outbox.snapshots.push({ kind: "install", base, withData });
  state.incomingSnapshot = null;
  state.commitIndex = base.index;
  state.appliedIndex = base.index;
  state.applyFrom = logIndex(base.index + 1);
  acknowledge(state, leader, base.index);
}

function acknowledge(state: RaftState, leader: ServerId, matchIndex: LogIndex): void {
  state.outbox.promise({
    kind: "appendResponse",
    from: state.options.id,
    to: leader,
    term: state.currentTerm,
    success: true,
    prevLogIndex: matchIndex,
    matchIndex,
    hintIndex: logIndex(0),
    hintTerm: term(0),
  });
}
