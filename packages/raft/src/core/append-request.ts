import { advanceCommit } from "./commit-index.js";
import { replyOnceTermIsDurable } from "./reply.js";
import { invariant } from "./invariant.js";
import type { AppendRequest } from "./messages.js";
import type { RaftState } from "./state.js";
import { logIndex, term } from "./types.js";
import type { EntryShapes, LogIndex } from "./types.js";

/**
 * Receiver of AppendEntries (thesis §3.5, figure 3.1). The term is the current one and the sender leads it.
 */
export function handleAppendRequest(state: RaftState, message: AppendRequest): void {
  const { log } = state;
  const end = logIndex(message.entries.to - 1);
  if (message.prevLogIndex < state.commitIndex) {
    if (end <= state.commitIndex) {
      // Wholly below what is committed here: the leader learns how far that is (R10).
      acknowledge(state, message, state.commitIndex);
      return;
    }
    // Committed entries agree with every later leader's log, so the rest can be joined to them.
  } else if (log.termAt(message.prevLogIndex) !== message.prevLogTerm) {
    refuse(state, message);
    return;
  }
  const from = firstNewIndex(state, message.entries);
  if (from <= end) {
    if (from <= log.lastIndex) {
      invariant(from > state.commitIndex, "a follower never truncates at or below its commit index (R10)");
      log.truncate(from);
      state.outbox.truncated(from);
    }
    log.appendShapes(message.entries, from);
    state.outbox.saveEntriesFrom(from);
  }
  acknowledge(state, message, end);
  // Only up to what this message vouches for: entries behind it may be another leader's (figure 3.1, step 5).
  advanceCommit(state, logIndex(Math.min(message.commitIndex, end)));
}

/** The first entry that the log does not hold already; truncation happens at a real conflict only (R10). */
function firstNewIndex(state: RaftState, entries: EntryShapes): LogIndex {
  const { log } = state;
  for (const run of entries.runs) {
    const runFrom = Math.max(run.from, state.commitIndex + 1);
    for (let index = runFrom; index < run.to; index += 1) {
      if (log.termAt(logIndex(index)) !== run.term) return logIndex(index);
    }
  }
  return entries.to;
}

function acknowledge(state: RaftState, request: AppendRequest, matchIndex: LogIndex): void {
  state.outbox.promise({
    kind: "appendResponse",
    from: request.to,
    to: request.from,
    term: state.currentTerm,
    success: true,
    prevLogIndex: request.prevLogIndex,
    matchIndex,
    hintIndex: logIndex(0),
    hintTerm: term(0),
  });
}

/** Says where the logs may still agree, so that the leader probes once a term, not once an entry (R13). */
function refuse(state: RaftState, request: AppendRequest): void {
  const { log } = state;
  const hintIndex = log.lastAtOrBelow(request.prevLogIndex, request.prevLogTerm);
  // It promises no entry, so it does not wait for those that are on their way to the disk.
  replyOnceTermIsDurable(state, {
    kind: "appendResponse",
    from: request.to,
    to: request.from,
    term: state.currentTerm,
    success: false,
    prevLogIndex: request.prevLogIndex,
    matchIndex: logIndex(0),
    hintIndex,
    hintTerm: log.termAt(hintIndex) ?? term(0),
  });
}
