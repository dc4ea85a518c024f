import type { Message } from "../../../dist/core/index.js";
import { check } from "../failure.js";
import type { Observed } from "./observed.js";

/** A follower's rounds of reads count up for the life of its process: an old answer must never fit a new question (R18). */
export class ReadRoundChecks {
  /** By server: the life, and the newest round in it. */
  readonly #newest = new Map<number, { readonly bootEpoch: number; readonly round: number }>();

  leaves(server: Observed, message: Message): void {
    if (message.kind !== "readIndexRequest") return;
    const { bootEpoch, readRound: round } = message;
    const newest = this.#newest.get(server.number);
    check(
      bootEpoch === server.bootEpoch &&
        (newest === undefined ||
          bootEpoch > newest.bootEpoch ||
          (bootEpoch === newest.bootEpoch && round >= newest.round)),
      "rounds of reads count up, and are never used twice (R18)",
      () =>
        `${server.id} asks round ${round} of life ${bootEpoch} after round ${newest?.round} of ${newest?.bootEpoch}`,
    );
    this.#newest.set(server.number, { bootEpoch, round });
  }
}
