import { setTimeout as delay } from "node:timers/promises";
import { RaftKvError } from "@raftkv/client";
import { Latencies } from "./latencies.js";
import { MODES } from "./modes.js";
import { OutageWatch } from "./outage.js";
import type { Job, JobResult, Report } from "./protocol.js";
import type { Target } from "./target.js";

const PROGRESS_EVERY_MS = 250;
/** A caller that was refused lets go for a moment, so that a cluster that is down is not asked a million times. */
const AFTER_ERROR_MS = 1;
const MICROS_PER_SECOND = 1_000_000;

/** One job: its callers, and what they found. */
export class Run {
  readonly job: Job;
  readonly targets: readonly Target[];
  readonly outage: OutageWatch | null;
  readonly #report: (report: Report) => void;
  readonly #latencies = new Latencies();
  readonly sendLag = new Latencies();
  readonly #errors = new Map<string, number>();
  readonly #stopping = new AbortController();
  #operations = 0;
  /** Requests of an open loop that wait because too many are under way. */
  overdue: () => number = () => 0;

  constructor(job: Job, targets: readonly Target[], report: (report: Report) => void) {
    this.job = job;
    this.targets = targets;
    this.#report = report;
    const recovered = (at: number): void => report({ kind: "recovered", at: Math.round(at) });
    this.outage = job.mode === "outage" ? new OutageWatch(job.clients, recovered) : null;
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  stop(): void {
    this.#stopping.abort();
  }

  mark(at: number): void {
    this.outage?.setMark(at);
    setTimeout(() => this.stop(), this.job.afterMarkSeconds * 1000);
  }

  /** @param begin as `performance.now()` gave it. */
  done(begin: number, operations = 1): void {
    this.#operations += operations;
    this.#latencies.record((performance.now() - begin) * 1000);
  }

  /** An error that is not raftkv's own way of refusing is our bug, and ends this process. */
  failed(error: unknown): Promise<void> {
    if (!(error instanceof RaftKvError)) throw error;
    this.#errors.set(error.code, (this.#errors.get(error.code) ?? 0) + 1);
    return delay(AFTER_ERROR_MS);
  }

  async execute(): Promise<JobResult> {
    const { job } = this;
    const progress = setInterval(
      () => this.#report({ kind: "progress", operations: this.#operations }),
      PROGRESS_EVERY_MS,
    );
    const work = MODES[job.mode];
    if (work === undefined) throw new Error(`this loader has no mode ${job.mode}`);
    const callers = work(this);
    if (job.warmupSeconds > 0) await this.#wait(job.warmupSeconds, callers);
    this.#latencies.reset();
    this.sendLag.reset();
    this.#errors.clear();
    this.#operations = 0;
    this.#report({ kind: "measuring" });
    const begin = performance.now();
    const cpu = process.cpuUsage();
    // Filling ends by itself.
    await (job.mode === "fill" ? callers : this.#wait(job.seconds, callers));
    const seconds = (performance.now() - begin) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const late = this.overdue();
    if (late > 0) this.#errors.set("due, but not sent before the end", late);
    const found = {
      seconds,
      operations: this.#operations,
      latencies: this.#latencies.pairs(),
      sendLag: this.sendLag.pairs(),
      errors: Object.fromEntries(this.#errors),
      cpuSeconds: (user + system) / MICROS_PER_SECOND,
    };
    this.stop();
    await callers;
    clearInterval(progress);
    return this.outage === null ? found : { ...found, outage: this.outage.result() };
  }

  /** Or until the callers end of themselves, or by an error. */
  async #wait(seconds: number, callers: Promise<void>): Promise<void> {
    const timer = new AbortController();
    const passed = delay(seconds * 1000, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([passed, callers]);
    timer.abort();
  }
}
