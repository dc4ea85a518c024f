import type { Message } from "./messages.js";
import type { LogIndex, ServerId } from "./types.js";

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
  /** The connection to a peer dropped; what was in flight to it may be lost. */
  | { readonly kind: "unreachable"; readonly peer: ServerId };
