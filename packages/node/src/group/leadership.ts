import type { LeaderHint } from "@raftkv/protocol";
import type { ServerId, SoftState, Term } from "raft-ts";
import type { Logger } from "../logger.js";

export interface LeadershipOptions {
  readonly logger: Logger;
  /** Name and client address of a member, for hints. */
  readonly hintOf: (server: ServerId, term: Term) => LeaderHint | null;
  readonly onLeaderChanged: (leader: LeaderHint | null) => void;
}

/** Who leads, as the core said last; told to people and to clients when it changes. */
export class Leadership {
  readonly #options: LeadershipOptions;
  #softState: SoftState | null = null;
  #candidateTerm = 0;
  #elections = { stood: 0, won: 0 };

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  get leader(): LeaderHint | null {
    const soft = this.#softState;
    return soft === null || soft.leader === null ? null : this.#options.hintOf(soft.leader, soft.currentTerm);
  }

  /** As it was told last; null before that. */
  get term(): Term | null {
    return this.#softState?.currentTerm ?? null;
  }

  /** Terms in which this server stood for election since the start, and those that it won. */
  get elections(): { readonly stood: number; readonly won: number } {
    return this.#elections;
  }

  changed(softState: SoftState): void {
    const before = this.#softState;
    this.#softState = softState;
    const { logger, onLeaderChanged } = this.#options;
    const { role, currentTerm: term, leader } = softState;
    this.#count(role, term, before);
    if (before?.leader === leader && before.role === role) return;
    const name = this.leader?.name ?? null;
    logger.info(
      { term, role, leader: name },
      `${role} in term ${term}, ${name === null ? "no leader" : `the leader is ${name}`}`,
    );
    if (before?.leader !== leader || before.currentTerm !== term) onLeaderChanged(this.leader);
  }

  #count(role: SoftState["role"], term: Term, before: SoftState | null): void {
    if ((role === "candidate" || role === "leader") && term !== this.#candidateTerm) {
      this.#candidateTerm = term;
      this.#elections.stood += 1;
    }
    if (role === "leader" && before?.role !== "leader") this.#elections.won += 1;
  }
}
