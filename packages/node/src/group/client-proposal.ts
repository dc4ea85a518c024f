import { rangeOfKey } from "@raftkv/fsm";
import type { Command, CommandResult } from "@raftkv/fsm";
import type { LeaderHint } from "@raftkv/protocol";
import { logIndex, term } from "raft-ts";
import type { LogIndex, Proposal, Term } from "raft-ts";
import type { ByteBudget, Permitted } from "../byte-budget.js";

/** Why a request was not done, as the client is told. */
export interface RequestRefusal {
  readonly code: "NOT_LEADER" | "UNAVAILABLE" | "OVERLOADED" | "NO_SPACE" | "OUTCOME_UNKNOWN" | "TIMEOUT";
  readonly message: string;
  readonly leader: LeaderHint | null;
  readonly retryAfterMs: number | null;
}

/** Where the answer of a write goes. */
export interface WriteOrigin {
  applied(requestId: number, result: CommandResult): void;
  refused(requestId: number, refusal: RequestRefusal): void;
}

export interface ClientProposalOptions {
  /** As an entry: header and command. */
  readonly bytes: number;
  readonly command: Command;
  readonly requestId: number;
  readonly origin: WriteOrigin;
  /** Monotonic milliseconds after which nobody waits for the answer any more. */
  readonly expiresAtMs: number;
  readonly budget: ByteBudget<ClientProposal>;
}

/**
 * A client's write, from its admission to its answer. One object for its whole life, of one shape. It ends by exactly
 * one call of `applied` or `refused`, which gives its permit back before the client is told (C2, C3).
 */
export class ClientProposal implements Proposal, Permitted {
  readonly bytes: number;
  command: Command;
  readonly requestId: number;
  readonly origin: WriteOrigin;
  readonly expiresAtMs: number;
  permitted = false;
  /** Of the entry, once it is appended; 0 before. */
  term: Term = term(0);
  index: LogIndex = logIndex(0);
  readonly #budget: ByteBudget<ClientProposal>;

  constructor(options: ClientProposalOptions) {
    this.bytes = options.bytes;
    this.command = options.command;
    this.requestId = options.requestId;
    this.origin = options.origin;
    this.expiresAtMs = options.expiresAtMs;
    this.#budget = options.budget;
  }

  /** Key and value are views of the network's buffer until the turn ends (J): whoever waits longer has a copy. */
  keepBytes(): void {
    const { command } = this;
    if (command.kind === "put") {
      const { key, value } = command;
      this.command = { ...command, key: Uint8Array.from(key), value: Uint8Array.from(value) };
    } else if (command.kind === "delete") {
      this.command = { ...command, range: rangeOfKey(Uint8Array.from(command.range.start)) };
    }
  }

  applied(result: CommandResult): void {
    this.#budget.give(this);
    this.origin.applied(this.requestId, result);
  }

  refused(refusal: RequestRefusal): void {
    this.#budget.give(this);
    this.origin.refused(this.requestId, refusal);
  }
}
