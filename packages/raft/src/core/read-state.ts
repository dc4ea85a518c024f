import type { LogIndex, ServerId } from "./types.js";

/** A round of a follower's reads that waits at the leader. */
export interface RemoteRead {
  readonly from: ServerId;
  readonly readRound: number;
  readonly bootEpoch: number;
}

/** Reads at a leader. One confirmation round serves all that wait (R18). */
export interface LeaderReads {
  /** The number of the newest round of this term; 0 before the first. */
  lastRound: number;
  /** The round whose confirmation is under way, or null. */
  round: {
    readonly number: number;
    readonly readIndex: LogIndex;
    readonly local: readonly number[];
    readonly remote: readonly RemoteRead[];
    /** Every member was asked, and not those alone who answered quickly before. */
    askedAll: boolean;
    ticks: number;
  } | null;
  /** Who confirmed the last round that every member was asked for; null: to be found out. */
  quick: readonly ServerId[] | null;
  /** The leader's own reads that came after that round was sent: they go into the next one. */
  waiting: number[];
  /** As `waiting`, of reads that no lease may grant (R19). */
  waitingForMajority: number[];
  /** The newest waiting round of each follower. */
  readonly waitingRemote: Map<ServerId, RemoteRead>;
}

/** Reads at a follower, on their way to the leader. */
export interface FollowerReads {
  /** Never goes back while the process lives; with the boot epoch it is unique (R18). */
  lastRound: number;
  /** Asked for with `round`; an answer to a round serves every earlier one too. */
  asked: { readonly readId: number; readonly round: number }[];
  /** Not asked for yet. */
  waiting: number[];
  elapsedTicks: number;
}
