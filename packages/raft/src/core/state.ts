import type { Proposal } from "./event.js";
import type { LogShape } from "./log-shape.js";
import { PRIORITY_MAX } from "./options.js";
import type { RaftOptions } from "./options.js";
import type { Outbox } from "./outbox.js";
import { Progress } from "./progress.js";
import { members } from "./quorum.js";
import type { Random } from "./random.js";
import type { LeaderReads, FollowerReads } from "./read-state.js";
import type { Role } from "./ready.js";
import { logIndex } from "./types.js";
import type { LogBase, LogIndex, ServerId, Term } from "./types.js";

/** A hand-over of leadership that is under way (§3.10). */
export interface Transfer {
  readonly to: ServerId;
  /** An operator asked for it, and is told when it fails; a witness hands over on its own. */
  readonly commanded: boolean;
  elapsedTicks: number;
  /** TimeoutNow left: the target has everything. */
  asked: boolean;
}

/** A snapshot that a leader announced and whose data is on its way. */
export interface IncomingSnapshot {
  readonly from: ServerId;
  readonly term: Term;
  readonly base: LogBase;
}

/** Everything that one server of one group knows. Only the files of this folder change it. */
export interface RaftState<P extends Proposal = Proposal> {
  readonly options: RaftOptions;
  readonly random: Random;
  readonly log: LogShape;
  readonly outbox: Outbox<P>;

  role: Role;
  currentTerm: Term;
  votedFor: ServerId | null;
  leader: ServerId | null;
  commitIndex: LogIndex;
  /** Applied by the state machine. */
  appliedIndex: LogIndex;
  /** The first entry that was not handed out for applying. */
  applyFrom: LogIndex;

  /** Term and vote as they are known to be on disk. */
  durableTerm: Term;
  durableVote: ServerId | null;

  /** Ticks since the start. */
  ticks: number;
  /** The shell's monotonic clock when it last stepped; null: it gives none, and leases are not used (R19). */
  nowMicros: number | null;
  /** Ticks since the election timer was last restarted. */
  electionElapsedTicks: number;
  /** When the timer fires: drawn from [electionTimeoutTicks, 2 x that), later with a low priority or at a witness. */
  electionTimeoutTicks: number;
  /** Ticks since a leader of the current term was heard; what R4 looks at. Infinity: not heard at all. */
  leaderHeardTicks: number;
  /** The connection from the leader dropped since it was last heard (R4). */
  leaderConnectionLost: boolean;
  heartbeatElapsedTicks: number;

  /** Until then this server keeps the leader that it heard: it promised so (R19), or may have before it started (R8). */
  promisedUntilMicros: number;
  /** To whom; null after a start, when it is forgotten. */
  promisedTo: ServerId | null;
  /** A start whose clock was not seen yet, in a group with leases (R8). */
  promiseAtStart: boolean;
  /** A leader's lease ended for the rest of its term: a transfer began (R19). */
  leaseEnded: boolean;
  /** When this leader last changed the lease's figures; 0: it found them. Promises for heartbeats up to then do not count (R19). */
  leaseSinceMicros: number;

  /** Votes or pre-votes of the campaign under way. */
  readonly votes: Map<ServerId, boolean>;
  /** A leader's view of every member, itself included; empty otherwise. */
  readonly progress: Map<ServerId, Progress>;
  /** Bytes of this leader's own term that are not yet committed (R14). */
  uncommittedBytes: number;
  transfer: Transfer | null;
  incomingSnapshot: IncomingSnapshot | null;
  /** Every data member has everything up to here on disk, as the leader last said (R24). */
  dataDurableIndex: LogIndex;
  readonly leaderReads: LeaderReads;
  readonly followerReads: FollowerReads;
}

/** Restarts the election timer with a fresh random timeout, so that split votes do not repeat (§3.4). */
export function restartElectionTimer(state: RaftState): void {
  state.electionElapsedTicks = 0;
  drawElectionTimeout(state);
}

/** Draws a timeout anew and lets the time that has passed count. */
export function drawElectionTimeout(state: RaftState): void {
  const { electionTimeoutTicks, id, priority } = state.options;
  // Whoever should rather not lead lets the others try first; it is as late as its priority is low, but not for ever.
  // A witness would only hand over again (R24).
  const handicap = (PRIORITY_MAX - priority + (isWitness(state, id) ? 1 : 0)) * electionTimeoutTicks;
  state.electionTimeoutTicks = electionTimeoutTicks + handicap + state.random.below(electionTimeoutTicks);
}

/** A message of the current leader came: the timer restarts, also when the message is then refused (R6). */
export function heardLeader(state: RaftState, leader: ServerId): void {
  state.leader = leader;
  state.leaderHeardTicks = 0;
  if (state.leaderConnectionLost) {
    // It lives after all: the timeout that was cut short is drawn again.
    state.leaderConnectionLost = false;
    restartElectionTimer(state);
  }
  state.electionElapsedTicks = 0;
  const lease = state.log.configuration.lease ?? null;
  if (lease !== null && state.nowMicros !== null) {
    // Never taken back, also when the lease's figures became smaller meanwhile.
    const until = state.nowMicros + lease.electionTimeoutMicros;
    if (until > state.promisedUntilMicros) state.promisedUntilMicros = until;
    state.promisedTo = leader;
  }
}

/** Gives every member of the configuration in force a progress, and forgets the others. */
export function trackMembers(state: RaftState): void {
  const now = members(state.log.configuration);
  for (const id of state.progress.keys()) if (!now.includes(id)) state.progress.delete(id);
  for (const id of now) {
    if (!state.progress.has(id)) {
      state.progress.set(id, new Progress(logIndex(state.log.lastIndex + 1), state.options, state.ticks));
    }
  }
}

/** Whether this server votes and stores the log, and has no data (R24). */
export function isWitness(state: RaftState, id: ServerId): boolean {
  const { log } = state;
  if (log.configuration.witnesses.includes(id)) return true;
  // One whose removal is not committed has no more data than before (§4.2.2).
  if (log.configurationIndex <= state.commitIndex) return false;
  return log.configurationsFrom(state.commitIndex).some(({ witnesses }) => witnesses.includes(id));
}
