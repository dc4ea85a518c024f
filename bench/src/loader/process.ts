import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Control, Job, JobResult, Report } from "./protocol.js";

const WORDS_MAX = 2_000;

export interface LoaderCommand {
  readonly command: string;
  readonly args: readonly string[];
}

export interface JobHooks {
  readonly onMeasuring: () => void;
  readonly onProgress: (operations: number) => void;
  readonly onRecovered: (at: number) => void;
}

/** A process that makes load. One job at a time. */
export class LoaderProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<never>;
  #words = "";
  #isClosing = false;
  #onReport: (report: Report) => void = () => undefined;

  private constructor({ command, args }: LoaderCommand) {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child = child;
    child.stderr?.on("data", (data: Buffer) => {
      this.#words = (this.#words + data.toString()).slice(-WORDS_MAX);
    });
    // What it did not read any more is told by its end.
    child.stdin?.on("error", () => undefined);
    this.#ended = new Promise((_, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => {
        if (!this.#isClosing)
          reject(new Error(`the loader ended (${code ?? signal}): ${this.#words.trim()}`));
      });
    });
    // Whoever waits for a report hears of it; while nobody does, the next one to wait will.
    this.#ended.catch(() => undefined);
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on("line", (line) =>
        this.#onReport(JSON.parse(line) as Report),
      );
    }
  }

  /** @throws {Error} it cannot be started, or ended with what it says. */
  static async start(command: LoaderCommand): Promise<LoaderProcess> {
    const loader = new LoaderProcess(command);
    await loader.#until((report, resolve: (value: true) => void) => {
      if (report.kind === "ready") resolve(true);
    });
    return loader;
  }

  run(job: Job, hooks: JobHooks): Promise<JobResult> {
    const result = this.#until((report, resolve: (value: JobResult) => void) => {
      switch (report.kind) {
        case "ready":
          break;
        case "measuring":
          hooks.onMeasuring();
          break;
        case "progress":
          hooks.onProgress(report.operations);
          break;
        case "recovered":
          hooks.onRecovered(report.at);
          break;
        case "result":
          resolve(report);
      }
    });
    this.#send(job);
    return result;
  }

  control(control: Control): void {
    this.#send(control);
  }

  /** Closes its input, upon which it ends by itself. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.stdin?.end();
    await gone;
  }

  /** Whoever waits for it hears of its end. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #send(line: Job | Control): void {
    this.#child.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  #until<T>(take: (report: Report, resolve: (value: T) => void) => void): Promise<T> {
    const taken = new Promise<T>((resolve) => {
      this.#onReport = (report) => take(report, resolve);
    });
    return Promise.race([taken, this.#ended]);
  }
}
