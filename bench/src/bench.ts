// `npm run bench`: the same loads on raftkv and on its peers, in turn.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HELP, parseBenchOptions } from "./bench-options.js";
import type { BenchOptions } from "./bench-options.js";
import { EXIT_FAILED, runCommand } from "./command.js";
import type { LoaderGroup } from "./loader/group.js";
import { JOB_DEFAULTS } from "./loader/protocol.js";
import { currentCommit, describeThisMachine, measureDiskSyncs } from "./machine.js";
import { measureJob, toMeasurement } from "./measure.js";
import { summarizeProfiles } from "./profile/summary.js";
import { Progress } from "./progress.js";
import { htmlReport } from "./report/html.js";
import { plainTable } from "./report/plain.js";
import { RESULTS_FORMAT } from "./report/results.js";
import type { Measurement, Results } from "./report/results.js";
import { costTable, describeMachine, latencyTable, memoryTable, speedTable } from "./report/tables.js";
import { installedSides, withFolder, withLoaders, withSide } from "./running.js";
import type { RunningSide, Side } from "./sides/side.js";
import type { Workload, WorkloadContext } from "./workloads/workload.js";

const DISK_SECONDS = 1;
const FILL_CLIENTS = 256;

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseBenchOptions(args);
  if (options === null) {
    process.stdout.write(HELP);
    return 0;
  }
  // etcd first: the rate of the open loop is half of its best.
  const wanted = (["etcd", "raftkv", "nats", "echo"] as const).filter(
    (name) => name === "raftkv" || options.peers.includes(name),
  );
  const sides = await installedSides(wanted);
  const results = await withFolder(options.directory, (folder) =>
    new Bench(options, sides, folder, signal).run(),
  );
  await tell(results, options);
  return results.measurements.length > 0 ? 0 : EXIT_FAILED;
}

class Bench {
  readonly #options: BenchOptions;
  readonly #sides: readonly Side[];
  readonly #directory: string;
  readonly #signal: AbortSignal;
  readonly #progress: Progress;
  readonly #measurements: Measurement[] = [];
  readonly #diskSyncs: number[] = [];
  #openRate: number | null;

  constructor(options: BenchOptions, sides: readonly Side[], directory: string, signal: AbortSignal) {
    this.#options = options;
    this.#sides = sides;
    this.#directory = directory;
    this.#signal = signal;
    this.#openRate = options.openRate;
    let steps = 0;
    for (const side of sides) steps += this.#workloadsOf(side).length * options.rounds;
    this.#progress = new Progress(steps);
  }

  async run(): Promise<Results> {
    const { rounds } = this.#options;
    const machine = describeThisMachine();
    const at = new Date().toISOString();
    try {
      for (let round = 1; round <= rounds; round += 1) {
        this.#diskSyncs.push(await measureDiskSyncs(this.#directory, DISK_SECONDS));
        for (const side of this.#sides) await this.#runSide(side, round);
      }
    } finally {
      this.#progress.stop();
    }
    const { keys, loaders, nodes, quick, seconds, warmupSeconds, workloads } = this.#options;
    return {
      format: RESULTS_FORMAT,
      at,
      commit: currentCommit(),
      machine,
      settings: {
        rounds,
        seconds,
        warmupSeconds,
        keys,
        loaders,
        nodes,
        quick,
        openRate: this.#openRate ?? 0,
      },
      diskSyncsPerSecond: this.#diskSyncs,
      sides: this.#sides.map((side) => {
        const { name, title, unsynced } = side;
        return { name, title, version: side.version(), unsynced };
      }),
      workloads: workloads.map((workload) => {
        const { countsMemory, curve, name, title, unit } = workload;
        return { name, title, unit, curve, countsMemory, clients: workload.job(this.#context()).clients };
      }),
      measurements: this.#measurements,
    };
  }

  #workloadsOf(side: Side): Workload[] {
    return this.#options.workloads.filter((workload) => side.can(workload.job(this.#context())));
  }

  #context(): WorkloadContext {
    return { ...this.#options, openRate: this.#openRate ?? 0 };
  }

  async #runSide(side: Side, round: number): Promise<void> {
    const workloads = this.#workloadsOf(side);
    if (workloads.length === 0) return;
    const { loaders: count, nodes, profileDirectory } = this.#options;
    const options = { directory: this.#directory, nodes, signal: this.#signal, profileDirectory };
    await withSide(side, options, (running) =>
      withLoaders(
        running.loader,
        { count: side.name === "raftkv" ? count : 1, signal: this.#signal },
        (loaders) => this.#runWorkloads(side, running, loaders, { workloads, round }),
      ),
    );
  }

  async #runWorkloads(
    side: Side,
    running: RunningSide,
    loaders: LoaderGroup,
    { workloads, round }: { readonly workloads: readonly Workload[]; readonly round: number },
  ): Promise<void> {
    let hasKeys = false;
    const { connectionsMax, freshWarmupSeconds, keys } = this.#options;
    this.#progress.begin(`round ${round}, ${side.title}: warm-up`);
    // Of each fresh cluster and its loader, before anything counts: what is compiled as it runs must have run.
    const warmUp = {
      ...JOB_DEFAULTS,
      warmupSeconds: 0,
      seconds: freshWarmupSeconds,
      keys,
      connections: connectionsMax,
    };
    await measureJob(running, loaders, warmUp, this.#progress);
    if (side.name === "raftkv" && this.#options.profileDirectory !== null) {
      for (const name of running.pids().keys()) running.signal(name, "SIGUSR2");
    }
    for (const workload of workloads) {
      this.#signal.throwIfAborted();
      this.#progress.begin(`round ${round}, ${side.title}: ${workload.title}`);
      if (workload.needsKeys && !hasKeys) {
        const fill = {
          ...JOB_DEFAULTS,
          mode: "fill",
          clients: FILL_CLIENTS,
          keys,
          warmupSeconds: 0,
        } as const;
        await measureJob(running, loaders, { ...fill, connections: connectionsMax }, this.#progress);
        hasKeys = true;
      }
      if (workload.name === "open") this.#openRate ??= this.#halfOfBest(side);
      const job = workload.job(this.#context());
      if (job.mode === "open" && job.ratePerSecond === 0) {
        this.#progress.say(
          `${workload.title} is skipped: no puts were measured before; --open-rate sets a rate`,
        );
      } else {
        const measured = await measureJob(running, loaders, job, this.#progress);
        const found = toMeasurement(measured, job, { round, side: side.name, workload: workload.name });
        this.#measurements.push(found);
        const p99 = found.percentiles.find(([percent]) => percent === 99)?.[1] ?? 0;
        this.#progress.say(
          `${side.title.padEnd(10)} ${workload.title}: ${Math.round(found.perSecond)}/s, p99 ${(p99 / 1000).toFixed(2)} ms`,
        );
      }
      this.#progress.done();
    }
  }

  /** Of the side's puts of ordinary size. The first side that comes here sets the rate for all: etcd, where it is there. */
  #halfOfBest(side: Side): number | null {
    const curves = new Set(
      this.#options.workloads.flatMap(({ curve, name, unit }) =>
        curve !== null && unit === "puts" ? [name] : [],
      ),
    );
    const rates = this.#measurements
      .filter((each) => each.side === side.name && curves.has(each.workload))
      .map(({ perSecond }) => perSecond);
    return rates.length === 0 ? null : Math.round(Math.max(...rates) / 2);
  }
}

async function tell(results: Results, { outDirectory, profileDirectory }: BenchOptions): Promise<void> {
  process.stdout.write(`\n${describeMachine(results)}\n`);
  for (const table of [speedTable, latencyTable, memoryTable, costTable])
    process.stdout.write(plainTable(table(results)));
  for (const { title, unsynced } of results.sides) {
    if (unsynced !== null)
      process.stdout.write(`${title}: acknowledges before anything is synced; ${unsynced}\n`);
  }
  await mkdir(outDirectory, { recursive: true });
  const json = join(outDirectory, "results.json");
  const html = join(outDirectory, "report.html");
  await writeFile(json, `${JSON.stringify(results, null, 1)}\n`);
  await writeFile(html, htmlReport(results));
  process.stdout.write(`\n${json} has the figures, ${html} the curves.\n`);
  if (profileDirectory !== null)
    process.stdout.write(`${summarizeProfiles(profileDirectory)} sums up the profiles.\n`);
}

await runCommand(HELP, (signal) => main(process.argv.slice(2), signal));
