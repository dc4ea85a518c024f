import { Presets, SingleBar } from "cli-progress";
import type { Output } from "./output.js";

export interface ProgressBarOptions {
  /** Less work than this needs no bar. */
  readonly shownFrom: number;
  /** What the bar says; {bar}, {percentage} and {value} are filled in. */
  readonly format: (total: number) => string;
}

/** How far long work is: a bar on the terminal, gone when the work is done. */
export class ProgressBar {
  readonly #err: Output["err"] | null;
  readonly #options: ProgressBarOptions;
  #bar: SingleBar | null = null;

  /** Null: nothing is shown. */
  constructor(err: Output["err"] | null, options: ProgressBarOptions) {
    this.#err = err;
    this.#options = options;
  }

  at(done: number, total: number): void {
    const err = this.#err;
    if (this.#bar === null) {
      if (total < this.#options.shownFrom || err?.isTTY !== true) return;
      this.#bar = new SingleBar(
        { format: this.#options.format(total), stream: err, clearOnComplete: true },
        Presets.shades_classic,
      );
      this.#bar.start(total, 0);
    }
    this.#bar.update(done);
  }

  end(): void {
    this.#bar?.stop();
  }
}
