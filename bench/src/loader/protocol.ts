/**
 * What the benchmark says to a process that makes load, one JSON object a line, and what it hears. The loaders of the
 * peers (bench/loader-go) speak the same.
 */
export interface Job {
  /**
   * `closed`: callers that each wait for an answer. `fill`: every key once. `open`: requests fall due at a fixed rate.
   * `outage`: `closed`, watching the gaps around the mark. `watch`: one writer, `clients` watchers.
   */
  readonly mode: "closed" | "fill" | "open" | "outage" | "watch";
  readonly operation: Operation;
  readonly clients: number;
  readonly connections: number;
  readonly valueBytes: number;
  /** Different keys, taken at random; in `fill` each once, from `firstKey` on. */
  readonly keys: number;
  readonly firstKey: number;
  readonly warmupSeconds: number;
  readonly seconds: number;
  /** Of an open loop. */
  readonly ratePerSecond: number;
  readonly timeoutMs: number;
  /** How long an outage goes on behind its mark. */
  readonly afterMarkSeconds: number;
  readonly opsPerBatch: number;
}

export type Operation = "put" | "get" | "serializable-get" | "mixed" | "range" | "append";

/** Microseconds and how many times. */
export type LatencyPairs = readonly (readonly [number, number])[];

export interface Outage {
  /** From the mark to the first acknowledgement of a write that was begun after it; -1 when none came. */
  readonly firstAckMicros: number;
  /** The longest time in which nobody had an acknowledgement. */
  readonly gapMicros: number;
  /** The longest that any one client was without. */
  readonly clientGapMicros: number;
}

export interface JobResult {
  readonly seconds: number;
  readonly operations: number;
  readonly latencies: LatencyPairs;
  /** How late an open loop's ticks were: below that no latency means anything. */
  readonly sendLag: LatencyPairs;
  readonly errors: Readonly<Record<string, number>>;
  readonly cpuSeconds: number;
  readonly outage?: Outage;
}

export type Report =
  | { readonly kind: "ready" }
  | { readonly kind: "progress"; readonly operations: number }
  | { readonly kind: "measuring" }
  | { readonly kind: "recovered"; readonly at: number }
  | ({ readonly kind: "result" } & JobResult);

/** To the job that runs: the mark, in microseconds since 1970, or that it is to end now. */
export type Control = { readonly mark: number } | { readonly stop: true };

export const JOB_DEFAULTS: Job = {
  mode: "closed",
  operation: "put",
  clients: 64,
  connections: 32,
  valueBytes: 256,
  keys: 100_000,
  firstKey: 0,
  warmupSeconds: 1,
  seconds: 5,
  ratePerSecond: 0,
  timeoutMs: 5_000,
  afterMarkSeconds: 0,
  opsPerBatch: 1,
};
