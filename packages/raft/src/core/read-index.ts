import { hasCommittedInTerm } from "./commit.js";
import { validLease } from "./lease.js";
import type { ReadIndexRequest, ReadIndexResponse } from "./messages.js";
import { quorumReached } from "./quorum.js";
import { askForRound, noteQuick } from "./read-round.js";
import type { RemoteRead } from "./read-state.js";
import type { RaftState } from "./state.js";
import type { LogIndex } from "./types.js";

/** A linearizable read of this server's own clients (thesis §6.4). */
export function handleRead(state: RaftState, readId: number): void {
  if (state.role === "leader") state.leaderReads.waiting.push(readId);
  else if (state.leader !== null) state.followerReads.waiting.push(readId);
  else state.outbox.rejected.push({ kind: "read", readId, reason: "noLeader", leader: null });
}

/** A read of its own clients that a lease had granted, and that was not answered before the lease ended (R19). */
export function handleReadByMajority(state: RaftState, readId: number): void {
  if (state.role === "leader") state.leaderReads.waitingForMajority.push(readId);
  // Only leaders grant by a lease.
  else handleRead(state, readId);
}

export function handleReadIndexRequest(state: RaftState, message: ReadIndexRequest): void {
  if (state.role !== "leader") return;
  const { from, readRound, bootEpoch } = message;
  // An answer to a round serves the earlier ones of the same life, so the newest is all that is kept of a follower.
  state.leaderReads.waitingRemote.set(from, { from, readRound, bootEpoch });
}

/** An answer to a round serves every earlier one too, and none of another life of this server (R18). */
export function handleReadIndexResponse(state: RaftState, message: ReadIndexResponse): void {
  if (message.bootEpoch !== state.options.bootEpoch) return;
  const { followerReads, outbox } = state;
  followerReads.asked = followerReads.asked.filter((read) => {
    if (read.round > message.readRound) return true;
    outbox.reads.push({
      readId: read.readId,
      index: message.readIndex,
      term: state.currentTerm,
      leaseEndMicros: null,
    });
    return false;
  });
}

/**
 * Once a Ready: confirms the round under way if a majority has answered it, and starts the next with everything that
 * waits. A round's heartbeats leave after the reads in it came, never before (R18).
 */
export function advanceReads(state: RaftState): void {
  if (state.role === "leader") {
    confirmRound(state);
    grantByLease(state);
    startRound(state);
  } else if (state.leader !== null && state.followerReads.waiting.length > 0) {
    askLeader(state);
  }
}

/** Counted by the shell's ticks: a request or its answer may have been lost. */
export function repeatReadRequest(state: RaftState): void {
  const { followerReads, options } = state;
  if (state.leader === null || followerReads.asked.length === 0) return;
  followerReads.elapsedTicks += 1;
  if (followerReads.elapsedTicks >= options.heartbeatTicks) sendReadRequest(state);
}

/** The leader's own reads need nobody's answer while its lease lasts (R19). Those of followers are always confirmed. */
function grantByLease(state: RaftState): void {
  const { leaderReads } = state;
  if (leaderReads.waiting.length === 0) return;
  const leaseEndMicros = validLease(state);
  if (leaseEndMicros === null) return;
  for (const readId of leaderReads.waiting) grantLocal(state, readId, state.commitIndex, leaseEndMicros);
  leaderReads.waiting = [];
}

function startRound(state: RaftState): void {
  const { leaderReads } = state;
  const { waiting, waitingForMajority, waitingRemote } = leaderReads;
  const count = waiting.length + waitingForMajority.length + waitingRemote.size;
  if (leaderReads.round !== null || count === 0) return;
  // Before the leader's own first entry is committed, its commit index may lie behind what was acknowledged (R18).
  if (!hasCommittedInTerm(state)) return;
  leaderReads.lastRound += 1;
  leaderReads.round = {
    number: leaderReads.lastRound,
    readIndex: state.commitIndex,
    local: waitingForMajority.length === 0 ? waiting : [...waiting, ...waitingForMajority],
    remote: [...waitingRemote.values()],
    askedAll: false,
    ticks: 0,
  };
  leaderReads.waiting = [];
  leaderReads.waitingForMajority = [];
  waitingRemote.clear();
  askForRound(state);
  // A group of one is its own majority.
  confirmRound(state);
}

function confirmRound(state: RaftState): void {
  const { leaderReads, options, progress } = state;
  const { round } = leaderReads;
  if (round === null) return;
  const confirmed = quorumReached(state.log.configuration, (voter) =>
    voter === options.id ? Infinity : (progress.get(voter)?.readRoundAcked ?? 0),
  );
  if (confirmed < round.number) return;
  leaderReads.round = null;
  if (round.askedAll) noteQuick(state, round.number);
  for (const readId of round.local) grantLocal(state, readId, round.readIndex, null);
  for (const read of round.remote) grantRemote(state, read, round.readIndex);
}

function grantLocal(state: RaftState, readId: number, index: LogIndex, leaseEndMicros: number | null): void {
  state.outbox.reads.push({ readId, index, term: state.currentTerm, leaseEndMicros });
}

function grantRemote(state: RaftState, read: RemoteRead, readIndex: LogIndex): void {
  const { options, outbox } = state;
  outbox.send({
    kind: "readIndexResponse",
    from: options.id,
    to: read.from,
    term: state.currentTerm,
    readRound: read.readRound,
    bootEpoch: read.bootEpoch,
    readIndex,
  });
}

function askLeader(state: RaftState): void {
  const { followerReads } = state;
  followerReads.lastRound += 1;
  for (const readId of followerReads.waiting) {
    followerReads.asked.push({ readId, round: followerReads.lastRound });
  }
  followerReads.waiting = [];
  sendReadRequest(state);
}

function sendReadRequest(state: RaftState): void {
  const { followerReads, leader, options, outbox } = state;
  if (leader === null) return;
  followerReads.elapsedTicks = 0;
  outbox.send({
    kind: "readIndexRequest",
    from: options.id,
    to: leader,
    term: state.currentTerm,
    readRound: followerReads.lastRound,
    bootEpoch: options.bootEpoch,
  });
}
