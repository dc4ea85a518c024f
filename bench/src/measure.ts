import type { Job, JobResult } from "./loader/protocol.js";
import { Latencies } from "./loader/latencies.js";
import type { LoaderGroup } from "./loader/group.js";
import { ServerMeter } from "./meters/server-use.js";
import type { ServerUse } from "./meters/server-use.js";
import type { Progress } from "./progress.js";
import type { RunningSide } from "./sides/side.js";
import type { Measurement } from "./report/results.js";

const PERCENTS = [1, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100];
/** Between the reading of two counters a few puts come and go. */
const SYNC_TOLERANCE = 0.9;

export interface Measured {
  readonly result: JobResult;
  readonly servers: ServerUse;
}

/** One job, with what the servers used while it was measured. */
export async function measureJob(
  side: RunningSide,
  loaders: LoaderGroup,
  job: Job,
  progress: Progress,
): Promise<Measured> {
  let meter: ServerMeter | null = null;
  const begin = performance.now();
  try {
    const result = await loaders.run(job, {
      onMeasuring: () => {
        meter = new ServerMeter(side);
      },
      onProgress: (operations) => {
        const seconds = ((performance.now() - begin) / 1000).toFixed(0);
        progress.detail(`${seconds} s, ${operations.toLocaleString("en-US")} operations`);
      },
      onRecovered: () => undefined,
    });
    const servers = await (meter ?? new ServerMeter(side)).read();
    return { result, servers };
  } catch (error) {
    stopMeter(meter);
    throw error;
  }
}

function stopMeter(meter: ServerMeter | null): void {
  meter?.stop();
}

export function percentilesOf(result: JobResult): readonly (readonly [number, number])[] {
  const latencies = new Latencies();
  latencies.add(result.latencies);
  return PERCENTS.map((percent) => [percent, latencies.percentile(percent)]);
}

export function toMeasurement(
  { result, servers }: Measured,
  job: Job,
  of: Pick<Measurement, "round" | "side" | "workload">,
): Measurement {
  const lag = new Latencies();
  lag.add(result.sendLag);
  return {
    ...of,
    operations: result.operations,
    seconds: result.seconds,
    perSecond: result.operations / result.seconds,
    percentiles: percentilesOf(result),
    sendLagMicros: lag.percentile(99),
    errors: result.errors,
    loaderCpuSeconds: result.cpuSeconds,
    servers,
    synced: isSynced(job, result, servers),
  };
}

/**
 * Whether the counters allow that each acknowledged put was synced on a majority before: a sync can cover no more puts
 * than there are callers, since each of them waits for its own. With one caller that is one sync a put on each of two.
 */
export function isSynced(
  { clients, mode, operation }: Job,
  { operations }: JobResult,
  { fsyncs }: ServerUse,
): boolean | null {
  if (fsyncs === null || operation !== "put" || mode === "watch") return null;
  const majority = Math.floor(fsyncs.length / 2) + 1;
  const counted = fsyncs.reduce((sum, count) => sum + count, 0);
  return counted >= (SYNC_TOLERANCE * majority * operations) / clients;
}
