import type { SideName } from "../sides/side.js";
import type { Measurement, Results, WorkloadResult } from "./results.js";

/** Medians over the rounds of one workload on one side. Latencies in microseconds. */
export interface Cell {
  readonly rounds: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly percentiles: readonly (readonly [number, number])[];
  readonly sendLagMicros: number;
  /** CPU of all servers together, in microseconds an operation. */
  readonly serverMicros: number;
  readonly loaderMicros: number;
  readonly writtenBytes: number;
  /** Of all servers together, an operation; null where nothing counts them. */
  readonly fsyncs: number | null;
  /** The longest that an event loop was late in any round; null where there is none. */
  readonly lagMicros: number | null;
  readonly errors: number;
  /** Whether every round's counters showed it; null where nothing counts. */
  readonly synced: boolean | null;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return sorted.length === 0 ? 0 : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export function percentile(measurement: Pick<Measurement, "percentiles">, percent: number): number {
  return measurement.percentiles.find(([each]) => each === percent)?.[1] ?? 0;
}

/** Null when this side has not done this workload. */
export function cellOf(results: Results, workload: string, side: SideName): Cell | null {
  const found = results.measurements.filter((each) => each.workload === workload && each.side === side);
  const [first] = found;
  if (first === undefined) return null;
  const over = (of: (each: Measurement) => number): number => median(found.map(of));
  const perOperation = (of: (each: Measurement) => number): number =>
    over((each) => of(each) / Math.max(1, each.operations));
  const counted = found.every(({ servers }) => servers.fsyncs !== null);
  return {
    rounds: found.length,
    perSecond: over(({ perSecond }) => perSecond),
    p50: over((each) => percentile(each, 50)),
    p99: over((each) => percentile(each, 99)),
    percentiles: first.percentiles.map(([percent]) => [percent, over((each) => percentile(each, percent))]),
    sendLagMicros: over(({ sendLagMicros }) => sendLagMicros),
    serverMicros: perOperation(({ servers }) => servers.cpuSeconds * 1e6),
    loaderMicros: perOperation(({ loaderCpuSeconds }) => loaderCpuSeconds * 1e6),
    writtenBytes: perOperation(({ servers }) => servers.writtenBytes),
    fsyncs: counted
      ? perOperation(({ servers }) => (servers.fsyncs ?? []).reduce((sum, each) => sum + each, 0))
      : null,
    lagMicros: found.some(({ servers }) => servers.lagMicros === null)
      ? null
      : Math.max(...found.map(({ servers }) => servers.lagMicros ?? 0)),
    errors: found.reduce(
      (sum, { errors }) => sum + Object.values(errors).reduce((all, each) => all + each, 0),
      0,
    ),
    synced: found.some(({ synced }) => synced === null) ? null : found.every(({ synced }) => synced === true),
  };
}

/** Median over the rounds of the largest VmRSS that any node of the side had during the puts; 0 when there were none. */
export function memoryOf(results: Results, side: SideName): number {
  const names = new Set(results.workloads.filter(({ countsMemory }) => countsMemory).map(({ name }) => name));
  const byRound = new Map<number, number>();
  for (const { round, servers, side: whose, workload } of results.measurements) {
    if (whose !== side || !names.has(workload)) continue;
    byRound.set(round, Math.max(byRound.get(round) ?? 0, servers.peakResidentBytes));
  }
  return median([...byRound.values()]);
}

/** Sides that raftkv is compared with, in the order of the run. */
export function othersOf({ sides }: Results): SideName[] {
  return sides.map(({ name }) => name).filter((name) => name !== "raftkv");
}

export function titleOf({ sides }: Results, name: SideName): string {
  const side = sides.find((each) => each.name === name);
  return side === undefined ? name : `${side.title}${side.unsynced === null ? "" : " (no fsync)"}`;
}

export interface Row {
  readonly workload: WorkloadResult;
  readonly cells: ReadonlyMap<SideName, Cell>;
}

/** In the order of the registry; workloads that nobody did are left out. */
export function rowsOf(results: Results): Row[] {
  return results.workloads.flatMap((workload) => {
    const cells = new Map<SideName, Cell>();
    for (const { name } of results.sides) {
      const cell = cellOf(results, workload.name, name);
      if (cell !== null) cells.set(name, cell);
    }
    return cells.size === 0 ? [] : [{ workload, cells }];
  });
}
