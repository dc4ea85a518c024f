import type { Proposal } from "./event.js";
import type { LogShape } from "./log-shape.js";
import type { RaftOptions } from "./options.js";
import type { Outbox } from "./outbox.js";
import { Progress } from "./progress.js";
import { members } from "./quorum.js";
import type { Random } from "./random.js";
import type { LeaderReads, FollowerReads } from "./read-state.js";
import type { Role } from "./ready.js";
import { logIndex } from "./types.js";
import type { LogIndex, ServerId, Term } from "./types.js";

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

  /** Term and vote as they are known to be on disk. */
  durableTerm: Term;
  durableVote: ServerId | null;

  /** Ticks since the election timer was last restarted. */
  electionElapsedTicks: number;
  /** When the timer fires: drawn from [electionTimeoutTicks, 2 x electionTimeoutTicks). */
  electionTimeoutTicks: number;
  /** Ticks since a leader of the current term was heard; what R4 looks at. Infinity: not heard at all. */
  leaderHeardTicks: number;
  heartbeatElapsedTicks: number;

  /** Votes or pre-votes of the campaign under way. */
  readonly votes: Map<ServerId, boolean>;
  /** A leader's view of every member, itself included; empty otherwise. */
  readonly progress: Map<ServerId, Progress>;
  /** Bytes proposed in this term and not yet committed (R14). */
  uncommittedBytes: number;
  readonly leaderReads: LeaderReads;
  readonly followerReads: FollowerReads;
}

/** Restarts the election timer with a fresh random timeout, so that split votes do not repeat (§3.4). */
export function restartElectionTimer(state: RaftState): void {
  state.electionElapsedTicks = 0;
  const { electionTimeoutTicks } = state.options;
  state.electionTimeoutTicks = electionTimeoutTicks + state.random.below(electionTimeoutTicks);
}

/** A message of the current leader came: the timer restarts, also when the message is then refused (R6). */
export function heardLeader(state: RaftState, leader: ServerId): void {
  state.leader = leader;
  state.leaderHeardTicks = 0;
  state.electionElapsedTicks = 0;
}

/** Gives every member of the configuration in force a progress, and forgets the others. */
export function trackMembers(state: RaftState): void {
  const now = members(state.log.configuration);
  for (const id of state.progress.keys()) if (!now.includes(id)) state.progress.delete(id);
  for (const id of now) {
    if (!state.progress.has(id)) {
      state.progress.set(id, new Progress(logIndex(state.log.lastIndex + 1), state.options));
    }
  }
}
