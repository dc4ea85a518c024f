import type { Command, CommandResult } from "@raftkv/fsm";
import type { LogIndex, Proposal, Term } from "raft-ts";
import type { LeaderHint } from "@raftkv/protocol";

/** Why a request was not done, as the client is told. */
export interface RequestRefusal {
  readonly code: "NOT_LEADER" | "UNAVAILABLE" | "OVERLOADED" | "OUTCOME_UNKNOWN" | "TIMEOUT";
  readonly message: string;
  readonly leader: LeaderHint | null;
  readonly retryAfterMs: number | null;
}

/** Where the answer of a write goes. */
export interface WriteOrigin {
  applied(requestId: number, result: CommandResult): void;
  refused(requestId: number, refusal: RequestRefusal): void;
}

/** A client's write on its way through the log. One object for its whole life, of one shape. */
export interface ClientProposal extends Proposal {
  /** As an entry: header and command. */
  readonly bytes: number;
  readonly command: Command;
  readonly requestId: number;
  readonly origin: WriteOrigin;
  /** Monotonic milliseconds after which nobody waits for the answer any more. */
  readonly expiresAtMs: number;
  /** Of the entry, once it is appended; 0 before. */
  term: Term;
  index: LogIndex;
}
