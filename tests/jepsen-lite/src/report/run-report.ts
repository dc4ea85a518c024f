import type { Outcome } from "@raftkv/checker";

/** One operation as the report draws it. */
export interface ReportOperation {
  readonly process: number;
  readonly key: string;
  /** What was asked and told. */
  readonly label: string;
  readonly outcome: Outcome;
  /** In the report's unit. */
  readonly start: number;
  /** `null`: it never ended. */
  readonly end: number | null;
  /** Belongs to the window that is impossible. */
  readonly isOffending: boolean;
}

/** Something that was done to the cluster. */
export interface ReportFault {
  /** Faults of one kind share a colour: `kill`, `partition` … */
  readonly kind: string;
  readonly label: string;
  readonly start: number;
  /** `null`: until the end. */
  readonly end: number | null;
}

export interface ReportVerdict {
  /** `null`: undecided, which is no pass. */
  readonly ok: boolean | null;
  readonly headline: string;
  /** What is wrong, as the terminal tells it; empty when nothing is. */
  readonly explanation: string;
}

/** Everything that a page shows. It has no other source: the same input gives the same page. */
export interface RunReport {
  readonly title: string;
  readonly verdict: ReportVerdict;
  /** Shown as a table, in this order. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** `position`: places in the order of calls and returns; such a history has no latencies. */
  readonly unit: "ms" | "position";
  readonly history: readonly ReportOperation[];
  readonly faults: readonly ReportFault[];
  readonly seed: string | null;
  /** The line to paste to see it again. */
  readonly command: string | null;
}
