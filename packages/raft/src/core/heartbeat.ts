import { advanceCommit } from "./commit-index.js";
import { promiseAsked, promiseFor, promised } from "./lease.js";
import type { HeartbeatRequest, HeartbeatResponse } from "./messages.js";
import { quorumReached } from "./quorum.js";
import { replyOnceTermIsDurable } from "./reply.js";
import { resumeAfterHeartbeat } from "./replication.js";
import { becomeFollower } from "./role.js";
import type { RaftState } from "./state.js";
import { logIndex } from "./types.js";
import type { ServerId } from "./types.js";
import { leastDataDurable } from "./witness.js";

/** To every member. Each carries the newest confirmation round, so a lost one is made good by the next (R18). */
export function broadcastHeartbeats(state: RaftState): void {
  state.heartbeatElapsedTicks = 0;
  if (state.leaderReads.round !== null) state.leaderReads.round.askedAll = true;
  sendHeartbeats(state, state.progress.keys());
}

/** To some of the members, for a confirmation round; the next ones to all come when they are due all the same. */
export function sendHeartbeats(state: RaftState, peers: Iterable<ServerId>): void {
  const { options, outbox, progress } = state;
  const dataDurableIndex = leastDataDurable(state);
  if (dataDurableIndex > state.dataDurableIndex) state.dataDurableIndex = dataDurableIndex;
  for (const peer of peers) {
    const known = progress.get(peer);
    if (known === undefined || peer === options.id) continue;
    outbox.send({
      kind: "heartbeatRequest",
      from: options.id,
      to: peer,
      term: state.currentTerm,
      // Never more than this member is known to hold: it may have other entries above that (R10).
      commitIndex: logIndex(Math.min(known.matchIndex, state.commitIndex)),
      readRound: state.leaderReads.lastRound,
      sentMicros: promiseAsked(state, known),
      dataDurableIndex,
    });
  }
}

export function handleHeartbeatRequest(state: RaftState, message: HeartbeatRequest): void {
  advanceCommit(state, message.commitIndex);
  if (message.dataDurableIndex > state.dataDurableIndex) state.dataDurableIndex = message.dataDurableIndex;
  replyOnceTermIsDurable(state, {
    kind: "heartbeatResponse",
    from: state.options.id,
    to: message.from,
    term: state.currentTerm,
    readRound: message.readRound,
    sentMicros: promiseFor(state, message.sentMicros),
  });
}

export function handleHeartbeatResponse(state: RaftState, message: HeartbeatResponse): void {
  const progress = state.progress.get(message.from);
  if (progress === undefined) return;
  progress.heardTick = state.ticks;
  promised(state, message.from, message.sentMicros);
  if (message.readRound > progress.readRoundAcked) progress.readRoundAcked = message.readRound;
  resumeAfterHeartbeat(state, message.from, progress);
}

/**
 * A leader that has not heard a majority for an election timeout steps down, and with that stops its heartbeats, so that
 * it does not keep others from electing one who can commit (R7, thesis §6.2).
 */
export function checkQuorum(state: RaftState): void {
  const { options, progress } = state;
  const heardTick = quorumReached(state.log.configuration, (voter) =>
    voter === options.id ? state.ticks : (progress.get(voter)?.heardTick ?? 0),
  );
  if (state.ticks - heardTick >= options.electionTimeoutTicks) becomeFollower(state, state.currentTerm, null);
}
