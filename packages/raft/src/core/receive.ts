import { handleAppendRequest } from "./append-request.js";
import { advanceCommit } from "./commit-index.js";
import {
  handlePreVoteRequest,
  handlePreVoteResponse,
  handleVoteRequest,
  handleVoteResponse,
  hearsAnotherLeader,
} from "./election.js";
import { handleHeartbeatRequest, handleHeartbeatResponse } from "./heartbeat.js";
import { invariant, unreachable } from "./invariant.js";
import { handleTimeoutNow } from "./leadership-transfer.js";
import type { Message } from "./messages.js";
import { handleReadIndexRequest, handleReadIndexResponse } from "./read-index.js";
import { handleAppendResponse } from "./replication.js";
import { replyOnceTermIsDurable } from "./reply.js";
import { becomeFollower } from "./role.js";
import { handleInstallSnapshot } from "./snapshot.js";
import { heardLeader } from "./state.js";
import type { RaftState } from "./state.js";
import { logIndex, term } from "./types.js";
import type { LogIndex } from "./types.js";

/** Brings the term into line (§3.3), then hands the message to the one who knows its kind. */
export function receive(state: RaftState, message: Message): void {
  invariant(message.to === state.options.id, "a message is stepped by the server that it names");
  if (message.term < state.currentTerm) {
    answerOutdated(state, message);
    return;
  }
  if (message.term > state.currentTerm && !adoptTerm(state, message)) return;
  switch (message.kind) {
    case "preVoteRequest":
      handlePreVoteRequest(state, message);
      return;
    case "preVoteResponse":
      handlePreVoteResponse(state, message);
      return;
    case "voteRequest":
      handleVoteRequest(state, message);
      return;
    case "voteResponse":
      handleVoteResponse(state, message);
      return;
    case "appendRequest":
      follow(state, message);
      handleAppendRequest(state, message);
      return;
    case "heartbeatRequest":
      follow(state, message);
      handleHeartbeatRequest(state, message);
      return;
    case "commitNotice":
      follow(state, message);
      advanceCommit(state, message.commitIndex);
      return;
    case "installSnapshot":
      follow(state, message);
      handleInstallSnapshot(state, message);
      return;
    case "timeoutNow":
      handleTimeoutNow(state, message);
      return;
    case "appendResponse":
      if (state.role === "leader") handleAppendResponse(state, message);
      return;
    case "heartbeatResponse":
      if (state.role === "leader") handleHeartbeatResponse(state, message);
      return;
    case "readIndexRequest":
      handleReadIndexRequest(state, message);
      return;
    case "readIndexResponse":
      handleReadIndexResponse(state, message);
      return;
    default:
      unreachable(message);
  }
}

/** A message of a later term. Returns whether it is to be looked at further. */
function adoptTerm(state: RaftState, message: Message): boolean {
  switch (message.kind) {
    case "preVoteRequest":
      return true;
    case "preVoteResponse":
      // A grant names the asked term and changes nothing; a refusal shows that this server is behind (R2).
      if (message.granted) return true;
      break;
    case "voteRequest":
      // A server that hears its leader does not let others disturb it, unless that leader wants it (§4.2.3, R4).
      if (!message.transfer && hearsAnotherLeader(state, message.from)) return false;
      break;
    default:
      break;
  }
  becomeFollower(state, message.term, null);
  return true;
}

/** The leader of the current term speaks: whoever campaigned in it has lost. */
function follow(state: RaftState, message: Message): void {
  invariant(state.role !== "leader", "one leader a term (election safety, §3.4)");
  if (state.role !== "follower" || state.leader !== message.from) {
    becomeFollower(state, state.currentTerm, message.from);
  }
  heardLeader(state, message.from);
}

/** Without an answer, a server that is stuck at a later term would never rejoin, or elections deadlock (R3). */
function answerOutdated(state: RaftState, message: Message): void {
  const reply = { from: state.options.id, to: message.from, term: state.currentTerm } as const;
  switch (message.kind) {
    case "preVoteRequest":
      replyOnceTermIsDurable(state, { ...reply, kind: "preVoteResponse", granted: false });
      return;
    case "voteRequest":
      replyOnceTermIsDurable(state, { ...reply, kind: "voteResponse", granted: false });
      return;
    case "appendRequest":
      refuseOutdated(state, message.from, message.prevLogIndex);
      return;
    case "installSnapshot":
      refuseOutdated(state, message.from, message.base.index);
      return;
    case "heartbeatRequest":
      replyOnceTermIsDurable(state, { ...reply, kind: "heartbeatResponse", readRound: 0, sentMicros: 0 });
      return;
    default:
      return;
  }
}

function refuseOutdated(state: RaftState, to: Message["from"], prevLogIndex: LogIndex): void {
  replyOnceTermIsDurable(state, {
    kind: "appendResponse",
    from: state.options.id,
    to,
    term: state.currentTerm,
    success: false,
    prevLogIndex,
    matchIndex: logIndex(0),
    hintIndex: logIndex(0),
    hintTerm: term(0),
  });
}
