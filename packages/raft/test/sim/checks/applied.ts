import type { SimEntry } from "../entry.js";
import { check } from "../failure.js";
import type { Observed } from "./observed.js";

/** Every server that has applied an index is in the same state there, and a session's write takes effect at one index only. */
export class AppliedChecks {
  readonly #hashes: number[] = [];
  readonly #effects = new Map<string, number>();

  applied(server: Observed, entry: SimEntry, tookEffect: boolean): void {
    const known = this.#hashes[entry.index];
    if (known === undefined) this.#hashes[entry.index] = server.machine.hash;
    else {
      check(
        known === server.machine.hash,
        "all servers are in the same state at the same index (state-machine safety, §3.6.3)",
        () => `${server.id} differs at ${entry.index}`,
      );
    }
    const { command } = entry;
    if (!tookEffect || command === null || command.session === 0) return;
    const key = `${command.session}/${command.sequence}`;
    const index = this.#effects.get(key) ?? entry.index;
    this.#effects.set(key, index);
    check(
      index === entry.index,
      "a write of a session is applied once, however often it was tried",
      () => `write ${key} took effect at ${index} and at ${entry.index}`,
    );
  }
}
