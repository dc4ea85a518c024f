import type { CommandResult } from "@raftkv/fsm";
import { logIndex } from "raft-ts";
import type { AppendedProposals, LogIndex, Term } from "raft-ts";
import type { LogProposal } from "./log-proposal.js";
import { OUTCOME_UNKNOWN } from "./refusals.js";

/** How often they are looked at for those that nobody waits for any more. */
const EXPIRY_INTERVAL_MS = 50;

/** Writes that are in the log and not yet answered, by index. */
export class PendingWrites {
  readonly #byIndex = new Map<LogIndex, LogProposal>();
  #lastExpiryMs = 0;

  get size(): number {
    return this.#byIndex.size;
  }

  add(appended: AppendedProposals<LogProposal>): void {
    let index = appended.firstIndex;
    for (const proposal of appended.proposals) {
      proposal.term = appended.term;
      proposal.index = index;
      // This server led before, lost that entry, and leads again before anything was committed in its place. Another
      // server may still hold the entry and bring it through, so nobody can say what will become of it (C1).
      const replaced = this.#byIndex.get(index);
      replaced?.refused(OUTCOME_UNKNOWN);
      this.#byIndex.set(index, proposal);
      index = logIndex(index + 1);
    }
  }

  /**
   * The entry at `index` was applied. If it is of the term in which the write was appended it is that write; otherwise
   * another entry stands there for good, and the write never happened.
   */
  applied(
    index: LogIndex,
    term: Term,
    result: CommandResult | null,
    lost: (proposal: LogProposal) => void,
  ): void {
    const proposal = this.#byIndex.get(index);
    if (proposal === undefined) return;
    this.#byIndex.delete(index);
    if (proposal.term === term && result !== null) proposal.applied(result);
    else lost(proposal);
  }

  /** A snapshot covers everything up to `index`: whether these are in it nobody can say (C1). */
  covered(index: LogIndex): void {
    for (const [at, proposal] of this.#byIndex) {
      if (at > index) continue;
      this.#byIndex.delete(at);
      proposal.refused(OUTCOME_UNKNOWN);
    }
  }

  /** Ends those that nobody waits for any more; nobody knows what will become of them (C1). */
  tick(nowMs: number): void {
    if (nowMs - this.#lastExpiryMs < EXPIRY_INTERVAL_MS) return;
    this.#lastExpiryMs = nowMs;
    for (const [index, proposal] of this.#byIndex) {
      if (proposal.expiresAtMs > nowMs) continue;
      this.#byIndex.delete(index);
      proposal.refused(OUTCOME_UNKNOWN);
    }
  }

  /** The node stops: the entries may yet be committed by the others (C4). */
  abandon(): void {
    this.tick(Infinity);
  }
}
