import type { Proposal } from "./event.js";
import type { Message } from "./messages.js";
import type { MembershipRefusal } from "./membership-change.js";
import type {
  Configuration,
  HardState,
  IndexRange,
  LogBase,
  LogIndex,
  ServerId,
  Term,
  TermRun,
} from "./types.js";

export type Role = "follower" | "preCandidate" | "candidate" | "leader";

/** Who leads, as far as this server knows. */
export interface SoftState {
  readonly role: Role;
  readonly currentTerm: Term;
  readonly leader: ServerId | null;
}

/**
 * One atomic batch for the log (W3). `thenSend` leaves only after its fsync (§3.8, R1).
 * With neither hard state, base nor entries it is a barrier: its messages wait for the writes before it.
 */
export interface StorageWrite {
  /** Counts up from 1. Comes back in `persisted`. */
  readonly writeSeq: number;
  readonly hardState: HardState | null;
  /** An installed snapshot's: everything that the log held is gone, `entries` follow it (R23). */
  readonly base: LogBase | null;
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
  /** Empty for the entries that are the leader's own: the no-op, a configuration. */
  readonly proposals: readonly P[];
  readonly kind: "command" | "noop" | "configuration";
  /** Of a configuration entry, whose body is `encodeConfiguration` of it; otherwise null. */
  readonly configuration: Configuration | null;
}

/** The read may be answered once `index` is applied. */
export interface ReadGrant {
  readonly readId: number;
  readonly index: LogIndex;
  readonly term: Term;
  /**
   * Granted by a lease that ends then; null: confirmed by a majority. `Raft.leaseHolds` says, once the value was read
   * and before it is answered, whether it may be (R19).
   */
  readonly leaseEndMicros: number | null;
}

/**
 * - `notLeader`: this server does not lead; `leader` is the hint.
 * - `noLeader`: nobody is known to lead.
 * - `leadershipLost`: the read was waiting for a confirmation that will not come.
 * - `overloaded`: the cap on uncommitted bytes is reached (R14).
 * - `transferring`: leadership is being handed over (R20).
 * - `witness`: this server leads, but only until a data member has caught up (R24).
 * Nothing was appended in any of them.
 */
export type RejectionReason =
  | "notLeader"
  | "noLeader"
  | "leadershipLost"
  | "overloaded"
  | "transferring"
  | "witness";

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

/**
 * Why leadership is not handed over.
 * - `inProgress`: a transfer to another member is under way.
 * - `noTarget`: the member named is no voter with data, or is this leader; or none can be chosen.
 * - `expired`: the target did not take over within an election timeout; proposals are accepted again (R20).
 */
export type TransferRefusal = "notLeader" | "noLeader" | "inProgress" | "noTarget" | "expired";

/** A command of an operator that was not, or could not be, carried out. Nothing was appended. */
export type Refusal =
  | {
      readonly command: "transferLeadership";
      readonly reason: TransferRefusal;
      readonly leader: ServerId | null;
    }
  | {
      readonly command: "changeMembership" | "leaveJoint" | "changeLease";
      readonly reason: MembershipRefusal;
      readonly leader: ServerId | null;
    };

/**
 * What to do about a snapshot (R23).
 * - `receive`: the leader `from` is about to send one; take its data in beside the live store, then step
 *   `snapshotReceived`. Chunks of another leader or term are refused.
 * - `install`: make the received data live, after the `write` of the same Ready is on disk and before anything behind it
 *   is applied.
 * - `discard`: what was received, or is still coming, is not needed.
 */
export type SnapshotTask =
  | { readonly kind: "receive"; readonly from: ServerId; readonly term: Term; readonly base: LogBase }
  | { readonly kind: "install"; readonly base: LogBase; readonly withData: boolean }
  | { readonly kind: "discard" };

/**
 * What the shell must do now, in any order, save that `appended` names bodies that the other parts refer to, and that
 * `snapshots` come before `apply`.
 */
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
  /** Commands of an operator that were refused. */
  readonly refused: readonly Refusal[];
  readonly snapshots: readonly SnapshotTask[];
  /** At a witness: how far its log may be compacted now; null when that did not change (R24). */
  readonly compactable: LogIndex | null;
}
