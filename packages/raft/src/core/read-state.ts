import type { LogIndex, ServerId } from "./types.js";

/** A read that waits at the leader: its own, or a round of a follower's. */
export type WaitingRead =
  | { readonly kind: "local"; readonly readId: number }
  | {
      readonly kind: "remote";
      readonly from: ServerId;
      readonly readRound: number;
      readonly bootEpoch: number;
    };

/** Reads at a leader. One confirmation round serves all that wait (R18). */
export interface LeaderReads {
  /** The number of the newest round of this term; 0 before the first. */
  lastRound: number;
  /** The round whose confirmation is under way, or null. */
  round: {
    readonly number: number;
    readonly readIndex: LogIndex;
    readonly reads: readonly WaitingRead[];
  } | null;
  /** Came after that round was sent: they go into the next one. */
  waiting: WaitingRead[];
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
