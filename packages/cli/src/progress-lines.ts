import { ProgressBar } from "./progress-bar.js";
import type { ProgressBarOptions } from "./progress-bar.js";
import type { Output } from "./output.js";

/** How often somebody who reads no terminal hears of work that goes on. */
const LINE_EVERY_MS = 5_000;

/** How far long work is: a bar on a terminal, else a line now and then. */
export class Progress {
  readonly #err: Output["err"];
  readonly #line: (percent: number) => string;
  readonly #bar: ProgressBar;
  #toldMs = performance.now();

  constructor(
    err: Output["err"],
    options: ProgressBarOptions & { readonly line: (percent: number) => string },
  ) {
    this.#err = err;
    this.#line = options.line;
    this.#bar = new ProgressBar(err, options);
  }

  at(done: number, total: number): void {
    this.#bar.at(done, total);
    const nowMs = performance.now();
    if (this.#err.isTTY === true || nowMs - this.#toldMs < LINE_EVERY_MS) return;
    this.#toldMs = nowMs;
    this.#err.write(`${this.#line(total === 0 ? 100 : Math.floor((100 * done) / total))}\n`);
  }

  end(): void {
    this.#bar.end();
  }
}
