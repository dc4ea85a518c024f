declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A term. 0 is before every election; terms only grow (§3.3). */
export type Term = Brand<number, "Term">;
/** A position in the log. The first entry has index 1; 0 means none, everywhere (W7). */
export type LogIndex = Brand<number, "LogIndex">;
/** A server's identity within the cluster: opaque, unique, never used again by another server (R25). */
export type ServerId = Brand<string, "ServerId">;
/** A Raft group. One node hosts one today and will host many. */
export type GroupId = Brand<number, "GroupId">;

export const term = (value: number): Term => value as Term;
export const logIndex = (value: number): LogIndex => value as LogIndex;
export const serverId = (value: string): ServerId => value as ServerId;
export const groupId = (value: number): GroupId => value as GroupId;

/** Half-open: [from, to). Empty when both are equal. */
export interface IndexRange {
  readonly from: LogIndex;
  readonly to: LogIndex;
}

/**
 * What an entry is to the core.
 * - `command`: opaque, for the state machine.
 * - `noop`: the empty entry with which a leader opens its term (§6.4).
 * - `configuration`: carries the whole configuration (R21).
 */
export type EntryKind = "command" | "noop" | "configuration";

/** Term, vote: what must be on disk before a message promises it (R1). */
export interface HardState {
  readonly currentTerm: Term;
  readonly votedFor: ServerId | null;
}

/**
 * How leases are used by a group (§6.4.1, R19). It stands in the configuration, hence in the log: every server goes by
 * the same one, a restarted server knows that it may have promised something (R8), and a truncation takes it back.
 */
export interface LeaseSettings {
  /** How long a follower that heard its leader keeps it: it neither votes for another nor campaigns. In microseconds. */
  readonly electionTimeoutMicros: number;
  /**
   * The part of that time, in percent, by which a lease ends earlier. It covers the drift between two clocks: with
   * clocks that are wrong by 10 % each way, at least 19.
   */
  readonly marginPercent: number;
}

/** A member as the others find it. */
export interface MemberEntry {
  readonly name: string;
  /** Null until the node was met: then it is no member of the configuration yet (R25). */
  readonly id: ServerId | null;
  /** Where the other members reach it, `host:port`. */
  readonly peer: string;
  /** Where its clients reach it, as was known when the entry was written. */
  readonly client: string | null;
  readonly witness: boolean;
  /** A learner that the leader gives a vote as soon as it is nearly caught up (R22). */
  readonly willVote: boolean;
}

/**
 * Who the members are and where. It travels with the configuration, so that it is as durable as that, and goes and comes
 * back with it (R21). The core hands it on and looks at nothing in it.
 */
export interface MemberDirectory {
  readonly members: readonly MemberEntry[];
  /** Servers that are members no more, the last ones: they are told so, and none of them comes back (R25). */
  readonly removed: readonly ServerId[];
}

/** The members of a group. While `outgoing` is not empty the configuration is joint (§4.3). */
export interface Configuration {
  readonly voters: readonly ServerId[];
  /** The voters of the old configuration while a joint one is in force; empty otherwise. */
  readonly outgoing: readonly ServerId[];
  /** They get the log and have no vote. A voter that is demoted stands here and in `outgoing` while joint. */
  readonly learners: readonly ServerId[];
  /** Voters (or learners) that store the log and nothing else (R24). A subset of the others. */
  readonly witnesses: readonly ServerId[];
  /** A joint configuration is left by the leader on its own as soon as it is committed. */
  readonly autoLeave: boolean;
  /** Missing or null: the group uses no leases. Missing in what was written before there were any. */
  readonly lease?: LeaseSettings | null;
  /** Missing or null in what was written before members could change, or by who needs none. */
  readonly directory?: MemberDirectory | null;
}

/** The base under the log: what a snapshot covers (§5.1). Index 0 for a log that begins at 1. */
export interface LogBase {
  readonly index: LogIndex;
  readonly term: Term;
  readonly configuration: Configuration;
}

/** A run of entries of one term: [from, to). */
export interface TermRun {
  readonly term: Term;
  readonly from: LogIndex;
  readonly to: LogIndex;
}

/** A configuration entry with its place in the log. */
export interface ConfigurationAt {
  readonly index: LogIndex;
  readonly configuration: Configuration;
}

/**
 * The shape of consecutive entries: all that the core knows of them. The bodies stay with the shell.
 * `sizes[i]` is the size in bytes of entry `from + i`, as it is stored and sent.
 */
export interface EntryShapes {
  readonly from: LogIndex;
  readonly to: LogIndex;
  /** Ascending, contiguous, covering [from, to). */
  readonly runs: readonly TermRun[];
  readonly sizes: ArrayLike<number>;
  readonly configurations: readonly ConfigurationAt[];
}
