import type { Message } from "./messages.js";
import type { MembershipChange } from "./membership-change.js";
import type { LeaseSettings, LogBase, LogIndex, ServerId, Term } from "./types.js";

/**
 * A command that a client wants in the log. The core looks at the size only; the shell may extend the object with
 * whatever it needs to answer the client.
 */
export interface Proposal {
  /** Size of the entry as it is stored and sent, in bytes. */
  readonly bytes: number;
}

/** What happens to the core. Time comes in beside it (see `Raft.step`). */
export type RaftEvent<P extends Proposal = Proposal> =
  /** One tick of the shell's clock has passed; timeouts are counted in ticks. */
  | { readonly kind: "tick" }
  | { readonly kind: "receive"; readonly message: Message }
  | { readonly kind: "propose"; readonly proposals: readonly P[] }
  /** The write with this number, and every one before it, is on disk. Never an index: no ABA (R15). */
  | { readonly kind: "persisted"; readonly writeSeq: number }
  /** The state machine has applied everything up to here. */
  | { readonly kind: "applied"; readonly index: LogIndex }
  /** A linearizable read wants to know which index must be applied first. `readId` comes back in a grant or a rejection. */
  | { readonly kind: "read"; readonly readId: number }
  /** The same, of a read that no lease may grant: one that it granted had ended before the answer was there (R19). */
  | { readonly kind: "readByMajority"; readonly readId: number }
  /** What was in flight to a peer may be lost: a leader probes again where the logs agree. */
  | { readonly kind: "unreachable"; readonly peer: ServerId }
  /**
   * The connection from a peer dropped. At a leader it means `unreachable` as well; a follower whose leader it was
   * counts that leader as not heard and campaigns soon (R4), unless the group uses leases. It may be wrong.
   */
  | { readonly kind: "connectionLost"; readonly peer: ServerId }
  /**
   * Hand leadership over (§3.10); null leaves the choice to the core. Success shows in the soft state; everything else
   * in `refused`, the expiry after one election timeout included.
   */
  | { readonly kind: "transferLeadership"; readonly to: ServerId | null }
  /** Change the members (§4). The configuration entry comes back in `appended`, or the reason in `refused`. */
  | { readonly kind: "changeMembership"; readonly change: MembershipChange }
  /** Leave a joint configuration that does not leave on its own (§4.3). */
  | { readonly kind: "leaveJoint" }
  /** Switch leases on, off, or to other figures; a configuration entry as well (R19). */
  | { readonly kind: "changeLease"; readonly lease: LeaseSettings | null }
  /**
   * The log was compacted: the base that `Raft.baseAt(index)` named is on disk, and what it covers is gone (§5.1). Never
   * past the store's checkpoint (S4); at a witness never past `Ready.compactable` (R24).
   */
  | { readonly kind: "compacted"; readonly index: LogIndex }
  /**
   * The data of a snapshot is complete, verified and durable beside the live store. `from` and `term` are those of the
   * message that announced it: of another leader or term it is refused (R23). `base` is what the data covers.
   */
  | {
      readonly kind: "snapshotReceived";
      readonly from: ServerId;
      readonly term: Term;
      readonly base: LogBase;
    }
  /** The leader's shell is done with sending a snapshot to a peer. Comes once for every `installSnapshot` with data. */
  | { readonly kind: "snapshotReported"; readonly peer: ServerId; readonly ok: boolean };
