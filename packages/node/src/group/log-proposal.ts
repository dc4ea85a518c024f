import type { Command, CommandResult, Envelope } from "@raftkv/fsm";
import type { ReplyFacts, WireRefusal } from "@raftkv/protocol";
import type { LogIndex, Proposal, Term } from "raft-ts";

/** Why a request was not done, as the client is told. What is not known of the facts is absent or null. */
export interface RequestRefusal extends ReplyFacts {
  readonly code: WireRefusal["code"];
  readonly message: string;
}

/** A command on its way into the log. It ends by exactly one call of `applied` or `refused`. */
export interface LogProposal extends Proposal {
  readonly command: Command;
  readonly envelope: Envelope;
  /** Monotonic milliseconds after which nobody waits for the answer any more. */
  readonly expiresAtMs: number;
  /** Of the entry, once it is appended; 0 before. */
  term: Term;
  index: LogIndex;
  applied(result: CommandResult): void;
  refused(refusal: RequestRefusal): void;
}
