import { Presets, SingleBar } from "cli-progress";

const PLAIN_LINE_EVERY_MS = 10_000;

/** Tells on standard error how long work of a known number of steps goes on: a bar on a terminal, plain lines elsewhere. */
export class Progress {
  readonly #bar: SingleBar | null;
  readonly #steps: number;
  #step = 0;
  #name = "";
  #spokenAt = 0;

  constructor(steps: number) {
    this.#steps = steps;
    const format = "{bar} {value}/{total} | {name} {detail}";
    this.#bar = process.stderr.isTTY
      ? new SingleBar(
          { format, stream: process.stderr, barsize: 24, hideCursor: true },
          Presets.shades_classic,
        )
      : null;
    this.#bar?.start(steps, 0, { name: "", detail: "" });
  }

  begin(name: string): void {
    this.#name = name;
    this.#spokenAt = performance.now();
    if (this.#bar === null) process.stderr.write(`[${this.#step + 1}/${this.#steps}] ${name}\n`);
    else this.#bar.update(this.#step, { name, detail: "" });
  }

  detail(detail: string): void {
    this.#bar?.update(this.#step, { name: this.#name, detail });
    const now = performance.now();
    if (this.#bar === null && now - this.#spokenAt >= PLAIN_LINE_EVERY_MS) {
      this.#spokenAt = now;
      process.stderr.write(`    ${this.#name}: ${detail}\n`);
    }
  }

  done(): void {
    this.#step += 1;
    this.#bar?.update(this.#step);
  }

  /** A line that stays, above the bar. */
  say(line: string): void {
    if (this.#bar === null) {
      process.stderr.write(`${line}\n`);
      return;
    }
    process.stderr.write(`\r\u001B[K${line}\n`);
    this.#bar.render();
  }

  stop(): void {
    this.#bar?.stop();
  }
}
