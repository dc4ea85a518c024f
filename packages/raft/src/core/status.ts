import type { ProgressState } from "./progress.js";
import type { Role } from "./ready.js";
import type { RaftState } from "./state.js";
import { leastDataDurable, witnessCompactable } from "./witness.js";
import { leaseEndMicros } from "./lease.js";
import type { Configuration, LogBase, LogIndex, ServerId, Term } from "./types.js";

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
  /** Ticks since it answered anything. */
  readonly heardTicksAgo: number;
  /** The index of the snapshot under way; 0: none. */
  readonly snapshotIndex: LogIndex;
  /** It was sent a snapshot, and has not had all since that was committed. */
  readonly catchingUp: boolean;
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
  /** What the log begins behind. */
  readonly base: LogBase;
  /** When this leader's lease ends on the shell's clock; null: it has none (R19). */
  readonly leaseEndMicros: number | null;
  /** Until when this server keeps the leader that it heard; 0: it never promised to (R19). */
  readonly promisedUntilMicros: number;
  readonly transfer: { readonly to: ServerId; readonly elapsedTicks: number; readonly asked: boolean } | null;
  /** A snapshot whose data is awaited. */
  readonly incomingSnapshot: { readonly from: ServerId; readonly index: LogIndex } | null;
  /** How far this server may compact when it is a witness; otherwise the base's index (R24). */
  readonly witnessCompactable: LogIndex;
  /** Every data member has everything up to here on its disk, as this leader knows, or was told by the last one. */
  readonly dataDurableIndex: LogIndex;
  readonly electionElapsedTicks: number;
  readonly electionTimeoutTicks: number;
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
    base: log.base,
    leaseEndMicros: leaseEndMicros(state),
    promisedUntilMicros: state.promisedUntilMicros,
    transfer:
      state.transfer === null
        ? null
        : { to: state.transfer.to, elapsedTicks: state.transfer.elapsedTicks, asked: state.transfer.asked },
    incomingSnapshot:
      state.incomingSnapshot === null
        ? null
        : { from: state.incomingSnapshot.from, index: state.incomingSnapshot.base.index },
    witnessCompactable: witnessCompactable(state),
    dataDurableIndex: state.role === "leader" ? leastDataDurable(state) : state.dataDurableIndex,
    electionElapsedTicks: state.electionElapsedTicks,
    electionTimeoutTicks: state.electionTimeoutTicks,
    progress: [...state.progress].map(([id, progress]) => ({
      id,
      state: progress.state,
      matchIndex: progress.matchIndex,
      nextIndex: progress.nextIndex,
      inflightMessages: progress.inflights.count,
      inflightBytes: progress.inflights.bytes,
      inflightFull: progress.inflights.full,
      recentlyActive: state.ticks - progress.heardTick < state.options.electionTimeoutTicks,
      heardTicksAgo: state.ticks - progress.heardTick,
      snapshotIndex: progress.snapshotIndex,
      catchingUp: progress.catchingUp,
    })),
  };
}
