import type { ProgressState } from "./progress.js";
import type { Role } from "./ready.js";
import type { RaftState } from "./state.js";
import type { Configuration, LogIndex, ServerId, Term } from "./types.js";

/** A leader's view of one member. */
export interface ProgressStatus {
  readonly id: ServerId;
  readonly state: ProgressState;
  readonly matchIndex: LogIndex;
  readonly nextIndex: LogIndex;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  readonly inflightFull: boolean;
  readonly recentlyActive: boolean;
}

/** One server of a group at one moment: for people, metrics and the checker of invariants. */
export interface RaftStatus {
  readonly id: ServerId;
  readonly role: Role;
  readonly currentTerm: Term;
  readonly votedFor: ServerId | null;
  readonly leader: ServerId | null;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
  readonly durableIndex: LogIndex;
  readonly durableTerm: Term;
  readonly durableVote: ServerId | null;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly uncommittedBytes: number;
  readonly configuration: Configuration;
  readonly configurationIndex: LogIndex;
  /** Empty unless this server leads. */
  readonly progress: readonly ProgressStatus[];
}

export function raftStatus(state: RaftState): RaftStatus {
  const { log, outbox } = state;
  return {
    id: state.options.id,
    role: state.role,
    currentTerm: state.currentTerm,
    votedFor: state.votedFor,
    leader: state.leader,
    firstIndex: (log.base.index + 1) as LogIndex,
    lastIndex: log.lastIndex,
    lastTerm: log.lastTerm,
    durableIndex: outbox.durableIndex,
    durableTerm: state.durableTerm,
    durableVote: state.durableVote,
    commitIndex: state.commitIndex,
    appliedIndex: state.appliedIndex,
    uncommittedBytes: state.uncommittedBytes,
    configuration: log.configuration,
    configurationIndex: log.configurationIndex,
    progress: [...state.progress].map(([id, progress]) => ({
      id,
      state: progress.state,
      matchIndex: progress.matchIndex,
      nextIndex: progress.nextIndex,
      inflightMessages: progress.inflights.count,
      inflightBytes: progress.inflights.bytes,
      inflightFull: progress.inflights.full,
      recentlyActive: progress.recentlyActive,
    })),
  };
}
