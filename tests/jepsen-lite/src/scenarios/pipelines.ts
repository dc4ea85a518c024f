import { connect, put } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { TestCluster } from "../harness/cluster.js";
import { SlowLink } from "../harness/slow-link.js";

const VALUE = "v".repeat(64);

export interface PipelinesOptions {
  readonly sizes: readonly number[];
  readonly batches: number;
  /** More on the way to the leader, and more on the way back. */
  readonly delayMs: number;
  readonly rounds: number;
  readonly log: (line: string) => void;
}

export interface PipelineFigures {
  readonly size: number;
  readonly perSecond: number;
  /** From the acceptance of a batch to its callback. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The same stream of batches over pipelines of every size, round by round so that what slows the machine slows all of them. */
export async function comparePipelines(
  options: PipelinesOptions,
): Promise<{ readonly figures: readonly PipelineFigures[]; readonly wrong: readonly string[] }> {
  const cluster = await TestCluster.start();
  const wrong: string[] = [];
  const runs: PipelineFigures[] = [];
  try {
    const link = await SlowLink.to(cluster.endpoint((await cluster.leader()).name), options.delayMs);
    const client = await connect({ endpoints: [link.address] });
    try {
      for (let round = 1; round <= options.rounds; round += 1) {
        for (const size of options.sizes) {
          const figures = await run(client, size, options.batches, wrong);
          options.log(`  round ${round}, pipeline ${size}: ${figures.perSecond.toFixed(0)} batches/s`);
          runs.push(figures);
        }
      }
    } finally {
      await client.close();
      await link.close();
    }
  } finally {
    await cluster.stop();
  }
  return { figures: options.sizes.map((size) => medianOf(runs.filter((one) => one.size === size))), wrong };
}

async function run(client: Client, size: number, batches: number, wrong: string[]): Promise<PipelineFigures> {
  const appender = client.appender({ pipelineSize: size });
  // The session is open, and the leader found.
  const { revision } = await appender.append([put("pipeline/first", VALUE)]);
  const told: number[] = [];
  const latencies: number[] = [];
  const startMs = performance.now();
  for (let i = 0; i < batches; i += 1) {
    let acceptedMs = Infinity;
    await appender.append([put(`pipeline/${i % 100}`, VALUE)], (result, error) => {
      latencies.push(performance.now() - acceptedMs);
      if (error !== null) wrong.push(`pipeline ${size}, batch ${i}: ${error.message}`);
      else told.push(result?.revision ?? 0);
    });
    acceptedMs = performance.now();
  }
  await appender.close();
  const seconds = (performance.now() - startMs) / 1_000;
  // Nobody else writes: each batch is the next revision, in the order of the appends.
  const isInOrder = told.length === batches && told.every((one, at) => one === revision + 1 + at);
  if (!isInOrder) wrong.push(`pipeline ${size}: the revisions are not one after the other`);
  latencies.sort((a, b) => a - b);
  const at = (part: number): number => latencies[Math.floor(latencies.length * part)] ?? 0;
  return { size, perSecond: batches / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

function medianOf(runs: readonly PipelineFigures[]): PipelineFigures {
  const sorted = runs.toSorted((a, b) => a.perSecond - b.perSecond);
  const median = sorted[Math.floor(sorted.length / 2)];
  if (median === undefined) throw new Error("there was no run");
  return median;
}
