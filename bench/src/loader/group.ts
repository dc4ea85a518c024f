import { Latencies } from "./latencies.js";
import { LoaderProcess } from "./process.js";
import type { JobHooks, LoaderCommand } from "./process.js";
import type { Control, Job, JobResult, LatencyPairs } from "./protocol.js";

/** Several loader processes that share one job, or one that has it alone. */
export class LoaderGroup {
  readonly #loaders: readonly LoaderProcess[];

  private constructor(loaders: readonly LoaderProcess[]) {
    this.#loaders = loaders;
  }

  static async start(command: LoaderCommand, count: number): Promise<LoaderGroup> {
    const loaders: LoaderProcess[] = [];
    try {
      while (loaders.length < count) loaders.push(await LoaderProcess.start(command));
    } catch (error) {
      for (const loader of loaders) loader.kill();
      throw error;
    }
    return new LoaderGroup(loaders);
  }

  /** The hooks hear of a phase when the last process has entered it, and of the operations of all. */
  async run(job: Job, hooks: JobHooks): Promise<JobResult> {
    const jobs = shares(job, this.#loaders.length);
    const operations = jobs.map(() => 0);
    let measuring = 0;
    const results = jobs.map((share, index) => {
      return (this.#loaders[index] as LoaderProcess).run(share, {
        onMeasuring: () => {
          measuring += 1;
          if (measuring === jobs.length) hooks.onMeasuring();
        },
        onProgress: (count) => {
          operations[index] = count;
          hooks.onProgress(operations.reduce((sum, each) => sum + each, 0));
        },
        onRecovered: hooks.onRecovered,
      });
    });
    return merged(await Promise.all(results));
  }

  control(control: Control): void {
    for (const loader of this.#loaders) loader.control(control);
  }

  async close(): Promise<void> {
    await Promise.all(this.#loaders.map((loader) => loader.close()));
  }

  kill(): void {
    for (const loader of this.#loaders) loader.kill();
  }
}

/** As even as it goes; a job with fewer callers than there are processes uses as many as it has callers. */
export function shares(job: Job, processes: number): Job[] {
  const count = Math.min(processes, job.clients);
  const part = (whole: number, index: number): number =>
    Math.floor((whole * (index + 1)) / count) - Math.floor((whole * index) / count);
  let firstKey = job.firstKey;
  return Array.from({ length: count }, (_, index) => {
    const keys = job.mode === "fill" ? part(job.keys, index) : job.keys;
    const share = {
      ...job,
      clients: part(job.clients, index),
      connections: Math.max(1, part(job.connections, index)),
      ratePerSecond: job.ratePerSecond / count,
      keys,
      firstKey,
    };
    if (job.mode === "fill") firstKey += keys;
    return share;
  });
}

/** As if one process had done it all; percentiles come from the sum of all buckets. */
export function merged(results: readonly JobResult[]): JobResult {
  const [first] = results;
  if (results.length === 1) return first as JobResult;
  const pairsOf = (of: (result: JobResult) => LatencyPairs): LatencyPairs => {
    const all = new Latencies();
    for (const result of results) all.add(of(result));
    return all.pairs();
  };
  const errors: Record<string, number> = {};
  for (const result of results) {
    for (const [code, count] of Object.entries(result.errors)) errors[code] = (errors[code] ?? 0) + count;
  }
  const outages = results.flatMap(({ outage }) => (outage === undefined ? [] : [outage]));
  const total = {
    seconds: Math.max(...results.map(({ seconds }) => seconds)),
    operations: results.reduce((sum, { operations }) => sum + operations, 0),
    latencies: pairsOf(({ latencies }) => latencies),
    sendLag: pairsOf(({ sendLag }) => sendLag),
    errors,
    cpuSeconds: results.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
  };
  if (outages.length === 0) return total;
  const acks = outages.map(({ firstAckMicros }) => firstAckMicros).filter((micros) => micros >= 0);
  return {
    ...total,
    outage: {
      firstAckMicros: acks.length === 0 ? -1 : Math.min(...acks),
      gapMicros: Math.min(...outages.map(({ gapMicros }) => gapMicros)),
      clientGapMicros: Math.max(...outages.map(({ clientGapMicros }) => clientGapMicros)),
    },
  };
}
