import { writeFile } from "node:fs/promises";
import { startBenchCluster } from "./cluster.js";
import type { BenchCluster } from "./cluster.js";
import { describeFigures, latenciesOf } from "./figures.js";
import type { Figures } from "./figures.js";
import { Load } from "./load.js";
import { HELP, UsageError, parseOptions } from "./options.js";
import type { BenchOptions } from "./options.js";
import { readProcessUse } from "./processes.js";
import type { ProcessUse } from "./processes.js";
import { showPhase } from "./progress.js";

const EXIT_USAGE = 2;
const EXIT_FAILED = 3;
const MICROS_PER_SECOND = 1_000_000;

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options === null) {
    process.stdout.write(HELP);
    return 0;
  }
  const stopping = new AbortController();
  // Ctrl-C ends the phase; what was measured until then is told, and the cluster is taken down.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
  const cluster = await findCluster(options, stopping.signal);
  try {
    const figures = await measure(options, cluster, stopping.signal);
    process.stdout.write(`${describeFigures(figures)}\n`);
    if (options.jsonFile !== null) await writeFile(options.jsonFile, `${JSON.stringify(figures, null, 2)}\n`);
    return figures.puts > 0 ? 0 : EXIT_FAILED;
  } finally {
    await cluster.stop();
  }
}

async function findCluster({ endpoints }: BenchOptions, signal: AbortSignal): Promise<BenchCluster> {
  if (endpoints !== null) return { endpoints, pids: new Map(), stop: () => Promise.resolve() };
  process.stderr.write("starting three nodes\n");
  return startBenchCluster(signal);
}

async function measure(options: BenchOptions, cluster: BenchCluster, signal: AbortSignal): Promise<Figures> {
  const { clients, connections, valueBytes, keys } = options;
  const shape = { endpoints: cluster.endpoints, clients, connections, valueBytes, keys };
  const load = await Load.connect(shape);
  try {
    load.start();
    const count = (): number => load.puts;
    if (options.warmupSeconds > 0)
      await showPhase("warm-up", { seconds: options.warmupSeconds, count, signal });
    load.reset();
    const before = readUses(cluster);
    const own = process.cpuUsage();
    const begin = performance.now();
    await showPhase("put", { seconds: options.seconds, count, signal });
    const seconds = (performance.now() - begin) / 1000;
    const { user, system } = process.cpuUsage(own);
    return {
      shape,
      seconds,
      puts: load.puts,
      putsPerSecond: load.puts / seconds,
      latencyMicros: latenciesOf(load.latencies),
      errors: Object.fromEntries(load.errors),
      nodes: [...readUses(cluster)].map(([name, after]) => ({
        name,
        cores: (after.cpuSeconds - (before.get(name)?.cpuSeconds ?? 0)) / seconds,
        residentBytes: after.residentBytes,
      })),
      loadGeneratorCores: (user + system) / MICROS_PER_SECOND / seconds,
    };
  } finally {
    await load.stop();
  }
}

function readUses(cluster: BenchCluster): Map<string, ProcessUse> {
  const uses = new Map<string, ProcessUse>();
  for (const [name, pid] of cluster.pids) {
    const use = readProcessUse(pid);
    if (use !== null) uses.set(name, use);
  }
  return uses;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`error: ${(error as Error).message}\n${isUsage ? `\n${HELP}` : ""}`);
  process.exitCode = isUsage ? EXIT_USAGE : EXIT_FAILED;
}
