import type { EntryShapes, LogBase, LogIndex, ServerId, Term } from "./types.js";

interface Envelope<Kind extends string> {
  readonly kind: Kind;
  readonly from: ServerId;
  readonly to: ServerId;
  /** The sender's term; in a pre-vote request, and in its grant, the term that is asked for (R2). */
  readonly term: Term;
}

/** Would you vote for me? Changes nothing at the receiver (thesis §9.6, R2). */
export interface PreVoteRequest extends Envelope<"preVoteRequest"> {
  readonly lastLogIndex: LogIndex;
  readonly lastLogTerm: Term;
}

export interface PreVoteResponse extends Envelope<"preVoteResponse"> {
  readonly granted: boolean;
}

/** RequestVote (thesis §3.4). */
export interface VoteRequest extends Envelope<"voteRequest"> {
  readonly lastLogIndex: LogIndex;
  readonly lastLogTerm: Term;
  /** The leader itself asked for this election, so its being heard is no reason to refuse (§3.10, R4). */
  readonly transfer: boolean;
}

export interface VoteResponse extends Envelope<"voteResponse"> {
  readonly granted: boolean;
}

/** AppendEntries (thesis §3.5). The core names a range; the shell puts the bodies in. */
export interface AppendRequest extends Envelope<"appendRequest"> {
  readonly prevLogIndex: LogIndex;
  readonly prevLogTerm: Term;
  readonly entries: EntryShapes;
  readonly commitIndex: LogIndex;
}

export interface AppendResponse extends Envelope<"appendResponse"> {
  readonly success: boolean;
  /** `prevLogIndex` of the request: tells a stale refusal from a fresh one (R11). */
  readonly prevLogIndex: LogIndex;
  /** On success: everything up to here is the leader's and durable at the sender. 0 on refusal. */
  readonly matchIndex: LogIndex;
  /** On refusal: the last place at which the logs may agree, and the term there (R13). 0 on success. */
  readonly hintIndex: LogIndex;
  readonly hintTerm: Term;
}

/** Keeps followers from campaigning; confirms leadership for reads. Never queues behind entries (C5). */
export interface HeartbeatRequest extends Envelope<"heartbeatRequest"> {
  /** min(matchIndex of the receiver, commitIndex) (R10). */
  readonly commitIndex: LogIndex;
  /** The newest confirmation round of the leader's term; 0 is none (R18). */
  readonly readRound: number;
  /** The leader's clock when this was made; 0: it asks for no promise. A lease starts here, not at the answer (R19). */
  readonly sentMicros: number;
  /** Every data member has everything up to here on disk: as far as a witness may compact (R24). */
  readonly dataDurableIndex: LogIndex;
}

export interface HeartbeatResponse extends Envelope<"heartbeatResponse"> {
  /** Echoed: confirms every round up to it (R18). */
  readonly readRound: number;
  /** Echoed as a promise to keep this leader for an election timeout; 0 promises nothing (R19). */
  readonly sentMicros: number;
}

/** Tells a follower a new commit index when no entry is about to carry it. Not answered. */
export interface CommitNotice extends Envelope<"commitNotice"> {
  /** min(matchIndex of the receiver, commitIndex) (R10). */
  readonly commitIndex: LogIndex;
}

/** A follower asks for the index that its waiting reads need (thesis §6.4). */
export interface ReadIndexRequest extends Envelope<"readIndexRequest"> {
  /** Counts up for the life of the process; with the boot epoch it is never used twice (R18). */
  readonly readRound: number;
  readonly bootEpoch: number;
}

export interface ReadIndexResponse extends Envelope<"readIndexResponse"> {
  readonly readRound: number;
  readonly bootEpoch: number;
  readonly readIndex: LogIndex;
}

/** Campaign now (§3.10). Names what the receiver must be at for it to mean anything: a stale one is ignored (R20). */
export interface TimeoutNow extends Envelope<"timeoutNow"> {
  readonly lastLogIndex: LogIndex;
}

/**
 * The receiver needs what this leader's log does not hold any more (§5.3, R23). The data travels beside it, from shell
 * to shell; it is answered by an append response once the snapshot is installed.
 */
export interface InstallSnapshot extends Envelope<"installSnapshot"> {
  /** What the snapshot must cover at least. */
  readonly base: LogBase;
  /** False for a witness: its snapshot is the base alone (R24). */
  readonly withData: boolean;
}

export type Message =
  | PreVoteRequest
  | PreVoteResponse
  | VoteRequest
  | VoteResponse
  | AppendRequest
  | AppendResponse
  | HeartbeatRequest
  | HeartbeatResponse
  | CommitNotice
  | ReadIndexRequest
  | ReadIndexResponse
  | TimeoutNow
  | InstallSnapshot;

export type MessageKind = Message["kind"];
