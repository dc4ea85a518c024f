import type { DiskFault, DiskTally } from "./disk-faults.js";
import type { Fault } from "./faults.js";
import { SimulationFailure } from "./failure.js";
import { Marks } from "./marks.js";
import type { Parameters } from "./parameters.js";
import { Random } from "./random.js";
import { Scheduler } from "./scheduler.js";
import { Trace } from "./trace.js";

/** What is counted besides faults. */
export type Tally =
  | "steps"
  | "elections"
  | "crashes"
  | "partitions"
  | "reads"
  | "writes"
  | "operations"
  | "messages"
  | "committed"
  | "leaseReads"
  | "transfers"
  | "membershipChanges"
  | "snapshotsSent"
  | "snapshotsInstalled"
  | "compactions";

export type Counted = Fault | Tally | DiskFault | DiskTally;

/** What every part of one run shares: virtual time, random streams, counters, the trace. */
export class Context {
  readonly parameters: Parameters;
  readonly trace = new Trace();
  readonly marks = new Marks();
  readonly counts = new Map<Counted, number>();
  /** From the liveness phase on no new faults come. */
  healed = false;
  /** No client begins anything new. */
  quiet = false;
  /** Promises may be waiting to go on: `settle` before time does. */
  isUnsettled = false;
  #broken: { readonly error: unknown } | null = null;
  readonly #scheduler = new Scheduler();
  readonly #streams = new Map<string, Random>();

  constructor(parameters: Parameters) {
    this.parameters = parameters;
  }

  get now(): number {
    return this.#scheduler.now;
  }

  get steps(): number {
    return this.counts.get("steps") ?? 0;
  }

  after(delayMicros: number, run: () => void): void {
    this.#scheduler.after(delayMicros, run);
  }

  runNext(): void {
    if (!this.#scheduler.runNext()) throw new SimulationFailure("the simulator itself came to a halt", "");
  }

  /**
   * Lets everything run that waits for nothing but its turn. The real log is made of promises; none of them waits for
   * anything outside of this run, so what they do is the same each time.
   */
  async settle(): Promise<void> {
    this.isUnsettled = false;
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#broken !== null) throw this.#broken.error;
  }

  /** Something was found wrong where nobody could catch it: the run ends with it when it settles. */
  broke(error: unknown): void {
    this.isUnsettled = true;
    this.#broken ??= { error };
  }

  random(stream: string): Random {
    const known = this.#streams.get(stream);
    if (known !== undefined) return known;
    const fresh = new Random(this.parameters.seed, stream);
    this.#streams.set(stream, fresh);
    return fresh;
  }

  /** The strength of a fault, 0 once everything is healed. */
  faultNow(fault: Fault): number {
    return this.healed ? 0 : this.parameters.faults[fault];
  }

  count(what: Counted, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }
}
