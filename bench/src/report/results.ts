import type { ServerUse } from "../meters/server-use.js";
import type { SideName } from "../sides/side.js";

export const RESULTS_FORMAT = 1;

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  /** Load of the last minute before the run: what else went on. */
  readonly loadBefore: number;
}

export interface SideResult {
  readonly name: SideName;
  readonly title: string;
  readonly version: string;
  /** Why its writes are not synced; null when they are. */
  readonly unsynced: string | null;
}

/** What one workload found on one side in one round. Latencies in microseconds. */
export interface Measurement {
  readonly round: number;
  readonly side: SideName;
  readonly workload: string;
  readonly operations: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Percent and microseconds, rising. */
  readonly percentiles: readonly (readonly [number, number])[];
  /** The 99th percentile of how late an open loop sent. */
  readonly sendLagMicros: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly loaderCpuSeconds: number;
  readonly servers: ServerUse;
  /** Whether the counters show that a majority synced all that was acknowledged; null where nothing counts or nothing is written. */
  readonly synced: boolean | null;
}

export interface WorkloadResult {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly clients: number;
  readonly curve: { readonly name: string; readonly clients: number } | null;
  readonly countsMemory: boolean;
}

/** `results.json`. */
export interface Results {
  readonly format: number;
  /** ISO 8601. */
  readonly at: string;
  readonly commit: string;
  readonly machine: Machine;
  readonly settings: Readonly<Record<string, number | boolean>>;
  /** Writes of 4 KiB and fdatasync, one after the other, in a second before each round. */
  readonly diskSyncsPerSecond: readonly number[];
  readonly sides: readonly SideResult[];
  readonly workloads: readonly WorkloadResult[];
  readonly measurements: readonly Measurement[];
}
