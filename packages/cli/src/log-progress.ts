import { Presets, SingleBar } from "cli-progress";
import type { Output } from "./output.js";

/** A log that is read in less than about a second needs no bar. */
const SHOWN_FROM_BYTES = 256 * 1024 * 1024;
const MIB = 1024 * 1024;

/** How far a log was read: a bar on the terminal, for large logs. */
export class LogProgress {
  readonly #err: Output["err"] | null;
  #bar: SingleBar | null = null;

  /** Null: nothing is shown. */
  constructor(err: Output["err"] | null) {
    this.#err = err;
  }

  at(bytes: number, total: number): void {
    const err = this.#err;
    if (this.#bar === null) {
      if (total < SHOWN_FROM_BYTES || err?.isTTY !== true) return;
      this.#bar = new SingleBar(
        { format: "reading {bar} {percentage}% of {mib} MiB", stream: err, clearOnComplete: true },
        Presets.shades_classic,
      );
      this.#bar.start(total, 0, { mib: Math.round(total / MIB) });
    }
    this.#bar.update(bytes);
  }

  end(): void {
    this.#bar?.stop();
  }
}
