import type { Counted } from "./context.js";
import { DISK_FAULT_NAMES, DISK_FAULTS, DISK_TALLIES, DISK_TALLY_NAMES } from "./disk-faults.js";
import type { DiskFault, DiskTally } from "./disk-faults.js";
import { FAULT_NAMES, FAULTS } from "./faults.js";
import type { Fault } from "./faults.js";
import { MARK_NAMES, MARKS } from "./marks.js";
import type { Mark } from "./marks.js";
import type { Outcome } from "./simulation.js";

/** From this many seeds on, every mark and every kind of fault must have come. */
export const SEEDS_FOR_COVERAGE = 2_000;
const FAULTS_MIN = 1_000;
/** Over the real log: from this many seeds on, every kind of fault, and what comes of it, must have come so often. */
export const SEEDS_FOR_DISK_COVERAGE = 1_000;
const DISK_FAULTS_MIN = 100;

interface MarkReached {
  /** Seeds that reached it. */
  seeds: number;
  times: number;
  /** The smallest seed that reaches it. */
  first: number;
}

/** What a run over many seeds comes to. */
export class Summary {
  seeds = 0;
  steps = 0;
  virtualMicros = 0;
  readonly failures: Outcome[] = [];
  readonly counts = new Map<Counted, number>();
  readonly marks = new Map<Mark, MarkReached>();
  stepsMin = Infinity;
  slowestLiveness = { seed: 0, timeouts: 0 };

  add(outcome: Outcome): void {
    this.seeds += 1;
    this.steps += outcome.steps;
    this.virtualMicros += outcome.virtualMicros;
    this.stepsMin = Math.min(this.stepsMin, outcome.steps);
    if (outcome.failure !== null) this.failures.push(outcome);
    const { seed, livenessTimeouts } = outcome;
    if (livenessTimeouts > this.slowestLiveness.timeouts)
      this.slowestLiveness = { seed, timeouts: livenessTimeouts };
    for (const [what, times] of Object.entries(outcome.counts) as [Counted, number][]) {
      this.counts.set(what, (this.counts.get(what) ?? 0) + times);
    }
    for (const [mark, times] of Object.entries(outcome.marks) as [Mark, number][]) {
      const reached = this.marks.get(mark) ?? { seeds: 0, times: 0, first: seed };
      reached.seeds += 1;
      reached.times += times;
      reached.first = Math.min(reached.first, seed);
      this.marks.set(mark, reached);
    }
  }

  get marksMissed(): readonly Mark[] {
    return MARK_NAMES.filter((mark) => !this.marks.has(mark));
  }

  get faultsMissed(): readonly (Fault | DiskFault | DiskTally)[] {
    const names = this.#isOverRealLog
      ? [...FAULT_NAMES, ...DISK_FAULT_NAMES, ...DISK_TALLY_NAMES]
      : FAULT_NAMES;
    return names.filter((name) => (this.counts.get(name) ?? 0) < this.#faultsMin);
  }

  /** A run this long that did not come by everything has not shown what it should. */
  get isCoverageDue(): boolean {
    return this.seeds >= (this.#isOverRealLog ? SEEDS_FOR_DISK_COVERAGE : SEEDS_FOR_COVERAGE);
  }

  get hasPassed(): boolean {
    return this.failures.length === 0 && (!this.isCoverageDue || this.complaints().length === 0);
  }

  get #isOverRealLog(): boolean {
    return this.counts.has("openings");
  }

  get #faultsMin(): number {
    return this.#isOverRealLog ? DISK_FAULTS_MIN : FAULTS_MIN;
  }

  /** Everything, one line each, for people. */
  lines(seconds: number): string[] {
    const count = (what: Counted): string => number(this.counts.get(what) ?? 0);
    const hours = this.virtualMicros / 3.6e9;
    const lines = [
      `seeds          ${number(this.seeds)} in ${seconds.toFixed(1)} s; ${number(this.steps)} steps, at least ${number(this.stepsMin)} each, ${number(this.steps / seconds)} a second`,
      `virtual time   ${hours.toFixed(1)} h, ${((hours / seconds) * 60).toFixed(1)} h a minute`,
      `elections      ${count("elections")}`,
      `crashes        ${count("crashes")}`,
      `partitions     ${count("partitions")}`,
      `operations     ${count("operations")}: ${count("writes")} writes answered; ${count("committed")} entries committed`,
      `reads          ${count("reads")} confirmed by a majority, ${count("leaseReads")} by a lease`,
      `membership     ${count("membershipChanges")} changes, ${count("transfers")} transfers`,
      `snapshots      ${count("snapshotsSent")} sent, ${count("snapshotsInstalled")} installed, ${count("compactions")} compactions`,
      `messages       ${count("messages")}`,
      `liveness       slowest ${this.slowestLiveness.timeouts.toFixed(1)} election timeouts (seed ${this.slowestLiveness.seed})`,
      "faults",
    ];
    for (const fault of FAULT_NAMES)
      lines.push(`  ${fault.padEnd(18)} ${count(fault).padStart(12)}  ${FAULTS[fault]}`);
    if (this.#isOverRealLog) {
      for (const fault of DISK_FAULT_NAMES)
        lines.push(`  ${fault.padEnd(18)} ${count(fault).padStart(12)}  ${DISK_FAULTS[fault][0]}`);
      lines.push("log");
      for (const tally of DISK_TALLY_NAMES)
        lines.push(`  ${tally.padEnd(18)} ${count(tally).padStart(12)}  ${DISK_TALLIES[tally]}`);
    }
    lines.push("marks (seeds, times, first seed)");
    for (const mark of MARK_NAMES) lines.push(this.#markLine(mark));
    return lines;
  }

  /** What is missing, one line each. */
  complaints(): string[] {
    const lines: string[] = [];
    // The marks are the core's, and a run over the real log is too short to come by all of them.
    if (!this.#isOverRealLog)
      for (const mark of this.marksMissed) lines.push(`mark not reached: ${mark}: ${MARKS[mark]}`);
    for (const fault of this.faultsMissed) {
      lines.push(
        `fault too rare: ${fault} came ${this.counts.get(fault) ?? 0} times, wanted are ${number(this.#faultsMin)}`,
      );
    }
    return lines;
  }

  #markLine(mark: Mark): string {
    const reached = this.marks.get(mark);
    const figures =
      reached === undefined
        ? "never".padStart(24)
        : `${number(reached.seeds).padStart(6)} ${number(reached.times).padStart(10)} ${String(reached.first).padStart(6)}`;
    return `  ${mark.padEnd(22)} ${figures}  ${MARKS[mark]}`;
  }

  toJSON(): object {
    return {
      passed: this.hasPassed,
      seeds: this.seeds,
      steps: this.steps,
      virtualMicros: this.virtualMicros,
      slowestLiveness: this.slowestLiveness,
      failures: this.failures.map(({ seed, failure }) => ({ seed, ...failure })),
      counts: Object.fromEntries(this.counts),
      marks: Object.fromEntries(this.marks),
      marksMissed: this.marksMissed,
      faultsMissed: this.faultsMissed,
    };
  }
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
