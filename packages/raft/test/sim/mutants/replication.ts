import { mutant } from "./mutant.js";
import type { Mutant } from "./mutant.js";

/** Replication and commit: R9 to R17. */
export const REPLICATION_MUTANTS: readonly Mutant[] = [
  mutant(
    "R9",
    "old entries counted",
    "commit.ts",
    ["  if (log.termAt(index) !== state.currentTerm) return false;\n", ""],
    "entries of earlier terms are committed by counting (figure 8)",
  ),
  mutant(
    "R9",
    "half is a majority",
    "quorum.ts",
    ["return Math.floor(voters / 2) + 1;", "return Math.ceil(voters / 2);"],
    "half of the voters are enough",
  ),
  mutant(
    "R10",
    "heartbeat names the commit index",
    "heartbeat.ts",
    [
      "commitIndex: logIndex(Math.min(known.matchIndex, state.commitIndex)),",
      "commitIndex: logIndex(Math.max(0 * known.matchIndex, state.commitIndex)),",
    ],
    "a follower is told to commit what it may have other entries for",
  ),
  mutant(
    "R10",
    "commit beyond what is vouched for",
    "append-request.ts",
    [
      "advanceCommit(state, logIndex(Math.min(message.commitIndex, end)));",
      "advanceCommit(state, logIndex(Math.min(message.commitIndex, log.lastIndex)));",
    ],
    "a follower commits entries behind those that the append vouches for (figure 3.1, step 5)",
  ),
  mutant(
    "R10",
    "truncates without conflict",
    "append-request.ts",
    [
      "      if (log.termAt(logIndex(index)) !== run.term) return logIndex(index);",
      "      if (log.termAt(logIndex(index)) !== null) return logIndex(index);",
    ],
    "an old append cuts off what came after it",
  ),
  mutant(
    "R10",
    "old append answered with its own end",
    "append-request.ts",
    ["      acknowledge(state, message, state.commitIndex);", "      acknowledge(state, message, end);"],
    "an append below the commit index is not answered with that",
  ),
  mutant(
    "R11",
    "stale ack lowers the match",
    "progress.ts",
    ["    if (index <= this.matchIndex) return false;\n", ""],
    "an old acknowledgement takes a newer one back",
  ),
  mutant(
    "R11",
    "stale refusal believed",
    "progress.ts",
    [
      "    if (prevLogIndex !== this.nextIndex - 1) return false;\n    const next = Math.max(Math.min(prevLogIndex, retryFrom + 1), this.matchIndex + 1);",
      "    const next = Math.min(prevLogIndex, retryFrom + 1);",
    ],
    "a refusal that is older than the acknowledgement moves the probe back",
  ),
  mutant(
    "R11",
    "matchIndex is what was sent",
    "progress.ts",
    [
      "    this.matchIndex = index;\n    if",
      "    this.matchIndex = logIndex(Math.max(index, this.nextIndex - 1));\n    if",
    ],
    "an acknowledgement is taken for everything that was sent",
  ),
  mutant(
    "R12",
    "full window stays silent",
    "replication.ts",
    [
      '  if (progress.state === "replicate" && progress.matchIndex < state.log.lastIndex) {',
      '  if (progress.state === "replicate" && progress.matchIndex < state.log.lastIndex && !progress.inflights.full) {',
    ],
    "nothing follows a heartbeat's answer when the window is full: lost messages stall the follower for ever",
  ),
  mutant(
    "R12",
    "lost probe never repeated",
    "replication.ts",
    [
      '  progress.probeSent = false;\n  if (progress.state === "replicate"',
      '  if (progress.state === "replicate"',
    ],
    "a probe that was lost is never sent again",
  ),
  mutant(
    "R13",
    "no hint",
    "append-request.ts",
    [
      "const hintIndex = log.lastAtOrBelow(request.prevLogIndex, request.prevLogTerm);",
      "const hintIndex = logIndex(Math.max(log.base.index, Math.min(request.prevLogIndex - 1, log.lastIndex)));",
    ],
    "a refusal names the entry before, so that every entry is probed",
  ),
  mutant(
    "R14",
    "cap refuses the first",
    "propose.ts",
    [
      "return state.uncommittedBytes === 0 || state.uncommittedBytes + bytes",
      "return state.uncommittedBytes + bytes",
    ],
    "a proposal larger than the cap is refused for ever",
  ),
  mutant(
    "R14",
    "bytes not given back",
    "commit.ts",
    [
      "  state.uncommittedBytes -= log.bytesIn(countedFrom, logIndex(index + 1));",
      "  state.uncommittedBytes -= 0 * log.bytesIn(countedFrom, logIndex(index + 1));",
    ],
    "what is committed still counts as uncommitted",
  ),
  mutant(
    "R14",
    "bytes kept over terms",
    "role.ts",
    ["    state.uncommittedBytes = 0;\n", ""],
    "what an earlier leadership left uncommitted counts for the next",
  ),
  mutant(
    "R15",
    "writes claim what was overwritten",
    "outbox.ts",
    ["for (const write of this.#pending) if (write.lastIndex > last) write.lastIndex = last;", ""],
    "a completed write is matched to an index: the ack of a suffix that was overwritten counts for its replacement",
  ),
  mutant(
    "R15",
    "durable index not cut",
    "outbox.ts",
    ["    if (this.#durableIndex > last) this.#durableIndex = last;\n", ""],
    "what was overwritten still counts as durable",
  ),
  mutant(
    "R15",
    "promise tied to no write",
    "outbox.ts",
    [
      "      if (this.#pending.length === 0) {\n        this.#sendNow",
      "      if (this.#pending.length >= 0) {\n        this.#sendNow",
    ],
    "an answer overtakes the writes that are under way",
  ),
  mutant(
    "R16",
    "completion read as of now",
    "raft.ts",
    ["      state.durableTerm = hardState.currentTerm;", "      state.durableTerm = state.currentTerm;"],
    "a write's completion is taken for one of the term as it is now, not as it was when the write began (hashicorp/raft #695)",
  ),
  mutant(
    "R16",
    "late vote counted",
    "receive.ts",
    [
      "  if (message.term < state.currentTerm) {\n    answerOutdated",
      '  if (message.term < state.currentTerm && message.kind !== "voteResponse" && message.kind !== "appendResponse") {\n    answerOutdated',
    ],
    "an answer to an earlier term's question is taken for one to this term's",
  ),
  mutant(
    "R17",
    "missing entry papered over",
    "replication.ts",
    [
      "  if (from <= log.base.index) {\n    sendSnapshot(state, peer, progress);\n    return false;\n  }",
      "  if (from < log.base.index) {\n    progress.nextIndex = logIndex(log.base.index + 1);\n    return true;\n  }",
    ],
    "where the log cannot give what a follower needs, the rest is sent as if nothing were missing (openraft #1795)",
  ),
  mutant(
    "R13",
    "leader ignores the hint's term",
    "replication.ts",
    [
      "const retryFrom = state.log.lastAtOrBelow(message.hintIndex, message.hintTerm);",
      "const retryFrom = logIndex(Math.min(message.hintIndex, state.log.lastIndex) + 0 * message.hintTerm);",
    ],
    "a leader does not skip its own entries of terms that the hint rules out",
  ),
];
