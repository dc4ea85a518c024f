import { decode, encodeInto, encodedSize } from "@raftkv/fsm";
import type { Command, CommandResult, Envelope } from "@raftkv/fsm";
import { logIndex, term } from "raft-ts";
import type { LogIndex, Term } from "raft-ts";
import type { ByteBudget, Permitted } from "../byte-budget.js";
import type { DurationHistogram } from "../metrics/duration-histogram.js";
import type { LogProposal, RequestRefusal } from "./log-proposal.js";

/** Where the answer of a write goes. */
export interface WriteOrigin {
  applied(requestId: number, result: CommandResult): void;
  refused(requestId: number, refusal: RequestRefusal): void;
}

export interface ClientProposalOptions {
  /** As an entry: header and command. */
  readonly bytes: number;
  readonly command: Command;
  /** The session that the write belongs to, and its number there; `NO_SESSION` for none. */
  readonly envelope: Envelope;
  readonly requestId: number;
  readonly origin: WriteOrigin;
  /** Monotonic milliseconds after which nobody waits for the answer any more. */
  readonly expiresAtMs: number;
  readonly budget: ByteBudget<ClientProposal>;
  /** When it came, on the monotonic clock, and what is told how long it took. */
  readonly beganMs: number;
  readonly took: DurationHistogram;
}

/**
 * A client's write, from its admission to its answer. One object for its whole life, of one shape. Its permit is given
 * back before the client is told (C2, C3).
 */
export class ClientProposal implements LogProposal, Permitted {
  readonly bytes: number;
  command: Command;
  readonly envelope: Envelope;
  readonly requestId: number;
  readonly origin: WriteOrigin;
  readonly expiresAtMs: number;
  permitted = false;
  term: Term = term(0);
  index: LogIndex = logIndex(0);
  readonly #budget: ByteBudget<ClientProposal>;
  readonly #beganMs: number;
  readonly #took: DurationHistogram;

  constructor(options: ClientProposalOptions) {
    this.bytes = options.bytes;
    this.command = options.command;
    this.envelope = options.envelope;
    this.requestId = options.requestId;
    this.origin = options.origin;
    this.expiresAtMs = options.expiresAtMs;
    this.#budget = options.budget;
    this.#beganMs = options.beganMs;
    this.#took = options.took;
  }

  /** Keys and values are views of the network's buffer until the turn ends (J): whoever waits longer has a copy. */
  keepBytes(): void {
    const { command, envelope } = this;
    const copy = new Uint8Array(encodedSize(command, envelope));
    encodeInto(command, envelope, 0, copy, 0);
    this.command = decode(copy).command;
  }

  applied(result: CommandResult): void {
    this.#budget.give(this);
    this.#took.observe(performance.now() - this.#beganMs);
    this.origin.applied(this.requestId, result);
  }

  refused(refusal: RequestRefusal): void {
    this.#budget.give(this);
    this.origin.refused(this.requestId, refusal);
  }
}
