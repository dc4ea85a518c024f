import type { ServerId } from "raft-ts";
import type { MembersView } from "./view.js";

/** Looks in a row at which a learner must have had everything of the look before. */
const LOOKS = 5;

/**
 * Which learners keep pace with the leader. One that lacks few entries may still be slow to acknowledge any, as a node is
 * that has just been started; with its vote, what it acknowledges late is committed late (R22).
 */
export class Pace {
  readonly #looks = new Map<ServerId, { readonly lastIndex: number; readonly kept: number }>();

  look({ configuration, lastIndex, progressOf }: MembersView): void {
    for (const id of this.#looks.keys()) if (!configuration.learners.includes(id)) this.#looks.delete(id);
    for (const id of configuration.learners) {
      const before = this.#looks.get(id);
      const match = progressOf(id)?.matchIndex ?? 0;
      const kept = before !== undefined && match >= before.lastIndex ? before.kept + 1 : 0;
      this.#looks.set(id, { lastIndex, kept });
    }
  }

  keeps(id: ServerId): boolean {
    return (this.#looks.get(id)?.kept ?? 0) >= LOOKS;
  }
}
