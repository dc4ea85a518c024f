import { logIndex } from "raft-ts";
import type { IndexRange, LogIndex } from "raft-ts";
import type { ApplierOptions, Applies } from "./applier.js";

/** Where a witness has a state machine's place: it has none, so what is committed counts as applied (R24). */
export class WitnessApplier implements Applies {
  readonly #onApplied: ApplierOptions["onApplied"];
  #appliedIndex: LogIndex;

  constructor(appliedIndex: LogIndex, onApplied: ApplierOptions["onApplied"]) {
    this.#appliedIndex = appliedIndex;
    this.#onApplied = onApplied;
  }

  get appliedIndex(): LogIndex {
    return this.#appliedIndex;
  }

  add(range: IndexRange): void {
    const entries = range.to - 1 - this.#appliedIndex;
    this.#appliedIndex = logIndex(range.to - 1);
    this.#onApplied(this.#appliedIndex, entries, 0);
  }

  async suspend(): Promise<void> {}

  resume(index: LogIndex): void {
    this.#appliedIndex = logIndex(Math.max(this.#appliedIndex, index));
  }

  async stop(): Promise<void> {}
}
