import { maybeCommit } from "./commit.js";
import { invariant } from "./invariant.js";
import { isPromised } from "./lease.js";
import type { PreVoteRequest, PreVoteResponse, VoteRequest, VoteResponse } from "./messages.js";
import { appendOwn } from "./own-entry.js";
import { isVoter, voteOutcome } from "./quorum.js";
import { replyOnceTermIsDurable } from "./reply.js";
import { becomeFollower, enterTerm, leaveRole } from "./role.js";
import { restartElectionTimer, trackMembers } from "./state.js";
import type { RaftState } from "./state.js";
import { term } from "./types.js";
import type { LogIndex, ServerId, Term } from "./types.js";

/** The election timer fired: asks first whether an election could be won at all (thesis §9.6). */
export function campaign(state: RaftState): void {
  // Its own candidacy would break the promise as much as a vote for another (R19); it campaigns once that has ended.
  if (isPromised(state)) return;
  restartElectionTimer(state);
  if (!mayCampaign(state)) return;
  leaveRole(state);
  state.role = "preCandidate";
  state.leader = null;
  state.votes.set(state.options.id, true);
  if (voteOutcome(state.log.configuration, state.votes) === "won") {
    startElection(state, { transfer: false });
    return;
  }
  const { log, options, outbox } = state;
  for (const peer of otherVoters(state)) {
    outbox.send({
      kind: "preVoteRequest",
      from: options.id,
      to: peer,
      term: term(state.currentTerm + 1),
      lastLogIndex: log.lastIndex,
      lastLogTerm: log.lastTerm,
    });
  }
}

/**
 * A server that is no voter of its latest configuration still campaigns while that may not be committed: it can be the
 * only one whose log is long enough for the others to elect (§4.2.2). It does not count itself then.
 */
function mayCampaign(state: RaftState): boolean {
  const { commitIndex, log, options } = state;
  return log.configurationsFrom(commitIndex).some((configuration) => isVoter(configuration, options.id));
}

/** A real election (§3.4). Requests leave, and the own vote counts, only when term and vote are on disk (R1). */
export function startElection(state: RaftState, { transfer }: { readonly transfer: boolean }): void {
  leaveRole(state);
  state.role = "candidate";
  state.leader = null;
  enterTerm(state, term(state.currentTerm + 1), state.options.id);
  restartElectionTimer(state);
  const { log, options, outbox } = state;
  for (const peer of otherVoters(state)) {
    outbox.promise({
      kind: "voteRequest",
      from: options.id,
      to: peer,
      term: state.currentTerm,
      lastLogIndex: log.lastIndex,
      lastLogTerm: log.lastTerm,
      transfer,
    });
  }
}

/** Term and vote reached the disk: a candidate's own vote counts from now on. */
export function countOwnVote(state: RaftState): void {
  if (state.role !== "candidate") return;
  if (state.durableTerm !== state.currentTerm || state.durableVote !== state.options.id) return;
  recordVote(state, state.options.id, true);
}

/**
 * A pre-vote changes no term, no vote, no timer (R2). It is refused while a leader is heard (R4).
 * The asked term lies above this server's own, or the request is answered as outdated (R3).
 */
export function handlePreVoteRequest(state: RaftState, message: PreVoteRequest): void {
  const granted =
    message.term > state.currentTerm &&
    !hearsAnotherLeader(state, message.from) &&
    isUpToDate(state, message.lastLogTerm, message.lastLogIndex);
  replyOnceTermIsDurable(state, {
    kind: "preVoteResponse",
    from: state.options.id,
    to: message.from,
    // A grant echoes the asked term, a refusal carries the voter's own (R2).
    term: granted ? message.term : state.currentTerm,
    granted,
  });
}

export function handlePreVoteResponse(state: RaftState, message: PreVoteResponse): void {
  if (state.role !== "preCandidate") return;
  if (message.granted && message.term !== state.currentTerm + 1) return;
  state.votes.set(message.from, message.granted);
  const outcome = voteOutcome(state.log.configuration, state.votes);
  if (outcome === "won") startElection(state, { transfer: false });
  else if (outcome === "lost") becomeFollower(state, state.currentTerm, null);
}

/** RequestVote's receiver (§3.4, §3.6.1). The term is the current one by now. */
export function handleVoteRequest(state: RaftState, message: VoteRequest): void {
  const free = state.votedFor === message.from || (state.votedFor === null && state.leader === null);
  // Whatever brought this server into the candidate's term took nothing from what it promised to its leader (R8, R19).
  const bound = isPromised(state) && state.promisedTo !== message.from && !message.transfer;
  // Nobody looks at a configuration here: a learner votes when asked (R5).
  const mayVote = free && (!bound || state.votedFor === message.from);
  const granted = mayVote && isUpToDate(state, message.lastLogTerm, message.lastLogIndex);
  const response: VoteResponse = {
    kind: "voteResponse",
    from: state.options.id,
    to: message.from,
    term: state.currentTerm,
    granted,
  };
  if (!granted) {
    replyOnceTermIsDurable(state, response);
    return;
  }
  // It has helped another: its own question, whether it could win, is settled for now.
  if (state.role === "preCandidate") becomeFollower(state, state.currentTerm, null);
  if (state.votedFor === null) {
    state.votedFor = message.from;
    state.outbox.saveHardState(state.currentTerm, message.from);
  }
  restartElectionTimer(state);
  state.outbox.promise(response);
}

export function handleVoteResponse(state: RaftState, message: VoteResponse): void {
  if (state.role === "candidate") recordVote(state, message.from, message.granted);
}

/**
 * True while a leader other than `candidate` was heard within the shortest election timeout, or is kept by a promise
 * (R4, R8, R19). A leader that wants to lead again is not kept from it by having been heard. One whose connection was
 * seen to drop was not heard.
 */
export function hearsAnotherLeader(state: RaftState, candidate: ServerId): boolean {
  if (state.role === "leader") return true;
  if (isPromised(state) && state.promisedTo !== candidate) return true;
  return (
    state.leader !== null &&
    state.leader !== candidate &&
    !state.leaderConnectionLost &&
    state.leaderHeardTicks < state.options.electionTimeoutTicks
  );
}

function recordVote(state: RaftState, voter: ServerId, granted: boolean): void {
  state.votes.set(voter, granted);
  const outcome = voteOutcome(state.log.configuration, state.votes);
  if (outcome === "won") becomeLeader(state);
  else if (outcome === "lost") becomeFollower(state, state.currentTerm, null);
}

/** Opens the term with an empty entry, so that everything before it can be committed (§6.4, R9). */
function becomeLeader(state: RaftState): void {
  invariant(
    state.durableTerm === state.currentTerm && state.durableVote === state.votedFor,
    "a leader's term and vote are on disk (R1)",
  );
  leaveRole(state);
  state.role = "leader";
  state.leader = state.options.id;
  state.electionElapsedTicks = 0;
  // Fires with the next tick: the window in which nobody hears this leader stays short.
  state.heartbeatElapsedTicks = state.options.heartbeatTicks;
  trackMembers(state);
  appendOwn(state, null);
  noteOwnDurable(state);
}

/** A leader's own copy counts after its fsync, as any other's (R1, §10.2.1). */
export function noteOwnDurable(state: RaftState): void {
  const own = state.progress.get(state.options.id);
  if (own?.acknowledged(state.outbox.durableIndex) === true) maybeCommit(state);
}

/** Logs are compared by the last entry's term, then by length, and by nothing else (§3.6.1, R5). */
function isUpToDate(state: RaftState, lastLogTerm: Term, lastLogIndex: LogIndex): boolean {
  const { log } = state;
  return lastLogTerm > log.lastTerm || (lastLogTerm === log.lastTerm && lastLogIndex >= log.lastIndex);
}

function otherVoters(state: RaftState): ServerId[] {
  const { voters, outgoing } = state.log.configuration;
  return [...new Set([...voters, ...outgoing])].filter((voter) => voter !== state.options.id);
}
