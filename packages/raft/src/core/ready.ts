import type { Proposal } from "./event.js";
import type { Message } from "./messages.js";
import type { HardState, IndexRange, LogIndex, ServerId, Term, TermRun } from "./types.js";

export type Role = "follower" | "preCandidate" | "candidate" | "leader";

/** Who leads, as far as this server knows. */
export interface SoftState {
  readonly role: Role;
  readonly currentTerm: Term;
  readonly leader: ServerId | null;
}

/**
 * One atomic batch for the log (W3). `thenSend` leaves only after its fsync (§3.8, R1).
 * With neither hard state nor entries it is a barrier: its messages wait for the writes before it.
 */
export interface StorageWrite {
  /** Counts up from 1. Comes back in `persisted`. */
  readonly writeSeq: number;
  readonly hardState: HardState | null;
  /**
   * Ascending and contiguous. The first one's `from` may lie inside the log: what stood there and behind is replaced.
   * The bodies are those that were proposed or received with the same index and term.
   */
  readonly entries: readonly TermRun[];
  readonly thenSend: readonly Message[];
}

/** Proposals that now stand in the log, at `firstIndex` and following. Appended, not committed. */
export interface AppendedProposals<P extends Proposal> {
  readonly firstIndex: LogIndex;
  readonly term: Term;
  /** Empty for the leader's no-op. */
  readonly proposals: readonly P[];
  readonly kind: "command" | "noop";
}

/** The read may be answered once `index` is applied. */
export interface ReadGrant {
  readonly readId: number;
  readonly index: LogIndex;
}

/**
 * - `notLeader`: this server does not lead; `leader` is the hint.
 * - `noLeader`: nobody is known to lead.
 * - `leadershipLost`: the read was waiting for a confirmation that will not come.
 * - `overloaded`: the cap on uncommitted bytes is reached (R14).
 * Nothing was appended in any of them.
 */
export type RejectionReason = "notLeader" | "noLeader" | "leadershipLost" | "overloaded";

export type Rejection<P extends Proposal> =
  | {
      readonly kind: "proposal";
      readonly proposal: P;
      readonly reason: RejectionReason;
      readonly leader: ServerId | null;
    }
  | {
      readonly kind: "read";
      readonly readId: number;
      readonly reason: RejectionReason;
      readonly leader: ServerId | null;
    };

/** What the shell must do now, in any order, save that `appended` names bodies that the other parts refer to. */
export interface Ready<P extends Proposal = Proposal> {
  /** Set when role, term or leader changed since the last Ready. */
  readonly softState: SoftState | null;
  readonly appended: readonly AppendedProposals<P>[];
  /** A leader's appends do not wait for its own disk (thesis §10.2.1). */
  readonly sendNow: readonly Message[];
  readonly write: StorageWrite | null;
  /** Committed and contiguous; may be applied while `write` is in flight. */
  readonly apply: IndexRange | null;
  readonly reads: readonly ReadGrant[];
  readonly rejected: readonly Rejection<P>[];
}
