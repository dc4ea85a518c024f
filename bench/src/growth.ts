// `npm run bench:growth`: what changes with keys, nodes, restarts and hours.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { runCommand } from "./command.js";
import { HELP, parseGrowthOptions } from "./growth-options.js";
import type { GrowthOptions } from "./growth-options.js";
import { folderBytes, p99Of, putLoad } from "./growth-load.js";
import type { Subject } from "./growth-load.js";
import type { Job } from "./loader/protocol.js";
import { currentCommit, describeThisMachine } from "./machine.js";
import { runLong } from "./long-run.js";
import type { Measured } from "./measure.js";
import { Progress } from "./progress.js";
import { growthTables } from "./report/growth-tables.js";
import type { GrowthPoint, GrowthResults, RestartPoint } from "./report/growth-tables.js";
import { plainTable } from "./report/plain.js";
import { installedSides, withFolder, withLoaders, withSide } from "./running.js";
import { waitFor } from "./sides/servers.js";
import type { Side } from "./sides/side.js";

const FIRST_KEYS = 10_000;
const GROWTH_FACTOR = 10;
const RESTARTS = 3;
const RESTART_LIMIT_MS = 600_000;
const RESTART_POLL_MS = 2;

class Growth {
  readonly #options: GrowthOptions;
  readonly #sides: readonly Side[];
  readonly #folder: string;
  readonly #signal: AbortSignal;
  readonly #progress: Progress;

  constructor(options: GrowthOptions, sides: readonly Side[], folder: string, signal: AbortSignal) {
    this.#options = options;
    this.#sides = sides;
    this.#folder = folder;
    this.#signal = signal;
    const { minutes, nodes, parts } = options;
    const steps = { keys: this.#sizes().length, nodes: nodes.length, restart: 1 };
    const count = parts.reduce((sum, part) => sum + steps[part], 0) * sides.length;
    this.#progress = new Progress(count + (minutes > 0 ? 1 : 0));
  }

  async run(): Promise<Omit<GrowthResults, "at" | "commit" | "machine">> {
    const { clients, minutes, parts } = this.#options;
    try {
      const keys = parts.includes("keys") ? await this.#each((side) => this.#growKeys(side)) : [];
      const nodes = parts.includes("nodes") ? await this.#each((side) => this.#growNodes(side)) : [];
      const restarts = parts.includes("restart") ? await this.#each((side) => this.#restart(side)) : [];
      return { clients, keys, nodes, restarts, long: minutes > 0 ? await this.#runLong() : null };
    } finally {
      this.#progress.stop();
    }
  }

  async #each<T>(body: (side: Side) => Promise<T[]>): Promise<T[]> {
    const all: T[] = [];
    for (const side of this.#sides) all.push(...(await body(side)));
    return all;
  }

  #with<T>(side: Side, nodes: number, body: (subject: Subject) => Promise<T>): Promise<T> {
    const options = { nodes, signal: this.#signal, profileDirectory: null };
    return withFolder(this.#folder, (folder) =>
      withSide(side, { ...options, directory: folder }, (running) =>
        withLoaders(running.loader, { count: 1, signal: this.#signal }, (loaders) =>
          body({ side, running, loaders, folder }),
        ),
      ),
    );
  }

  #sizes(): number[] {
    const { keysMax } = this.#options;
    const sizes: number[] = [];
    for (let keys = FIRST_KEYS; keys < keysMax; keys *= GROWTH_FACTOR) sizes.push(keys);
    return [...sizes, keysMax];
  }

  #growKeys(side: Side): Promise<GrowthPoint[]> {
    return this.#with(side, 3, async (subject) => {
      const points: GrowthPoint[] = [];
      let filled = 0;
      for (const keys of this.#sizes()) {
        this.#begin(side, `${keys.toLocaleString("en-US")} keys`);
        await this.#fill(subject, filled, keys);
        filled = keys;
        points.push(await this.#measure(subject, 3, keys));
        this.#progress.done();
      }
      return points;
    });
  }

  async #growNodes(side: Side): Promise<GrowthPoint[]> {
    const points: GrowthPoint[] = [];
    for (const nodes of this.#options.nodes) {
      this.#begin(side, `${nodes} node${nodes === 1 ? "" : "s"}`);
      points.push(
        await this.#with(side, nodes, async (subject) => {
          await this.#fill(subject, 0, FIRST_KEYS);
          return this.#measure(subject, nodes, FIRST_KEYS);
        }),
      );
      this.#progress.done();
    }
    return points;
  }

  #restart(side: Side): Promise<RestartPoint[]> {
    const { restartKeys } = this.#options;
    this.#begin(side, `restart with ${restartKeys.toLocaleString("en-US")} keys`);
    return this.#with(side, 3, async (subject) => {
      await this.#fill(subject, 0, restartKeys);
      const points: RestartPoint[] = [];
      for (let count = 1; count <= RESTARTS; count += 1) {
        for (const role of ["follower", "leader"] as const) {
          points.push({
            side: side.name,
            keys: restartKeys,
            role,
            seconds: await this.#restartOne(subject, role),
          });
        }
      }
      this.#progress.done();
      return points;
    });
  }

  /** Others lead meanwhile: what counts is the node's own way back, not an election. */
  async #restartOne({ running }: Subject, role: RestartPoint["role"]): Promise<number> {
    const signal = this.#signal;
    const leader = await running.leader();
    const follower = [...running.pids().keys()].find((name) => name !== leader) ?? leader;
    const name = role === "leader" ? leader : follower;
    running.signal(name, "SIGKILL");
    await waitFor("a leader", async () => (await running.leader()) !== name, {
      limitMs: RESTART_LIMIT_MS,
      signal,
    });
    const begin = performance.now();
    const restarting = running.restart(name);
    // Asked from the start on: the command that starts a node looks less often.
    for (;;) {
      signal.throwIfAborted();
      const isServing = await running.isServing(name).catch(() => false);
      if (isServing) break;
      if (performance.now() - begin > RESTART_LIMIT_MS) throw new Error(`${name} does not come back`);
      await delay(RESTART_POLL_MS);
    }
    const seconds = (performance.now() - begin) / 1000;
    await restarting;
    return seconds;
  }

  #runLong(): Promise<GrowthResults["long"]> {
    const [side] = this.#sides;
    if (side === undefined) return Promise.resolve(null);
    const { clients, minutes } = this.#options;
    return this.#with(side, 3, async (subject) => {
      this.#begin(side, `${minutes} minutes at 70 % of the limit`);
      const long = await runLong(subject, { clients, minutes }, this.#progress, this.#signal);
      this.#progress.done();
      return long;
    });
  }

  #begin(side: Side, what: string): void {
    this.#signal.throwIfAborted();
    this.#progress.begin(`${side.title}: ${what}`);
  }

  async #fill(subject: Subject, from: number, to: number): Promise<void> {
    await this.#put(subject, { mode: "fill", firstKey: from, keys: to - from, warmupSeconds: 0 });
  }

  async #measure(subject: Subject, nodes: number, keys: number): Promise<GrowthPoint> {
    const measured = await this.#put(subject, { keys });
    const { result, servers } = measured;
    return {
      side: subject.side.name,
      nodes,
      keys,
      perSecond: result.operations / result.seconds,
      p99: p99Of(measured),
      serverMicros: (servers.cpuSeconds * 1e6) / Math.max(1, result.operations),
      residentBytes: servers.peakResidentBytes,
      diskBytes: await folderBytes(subject.folder),
    };
  }

  #put(subject: Subject, shape: Partial<Job>): Promise<Measured> {
    const { clients, seconds } = this.#options;
    return putLoad(subject, { clients, seconds, ...shape }, this.#progress);
  }
}

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseGrowthOptions(args);
  if (options === null) {
    process.stdout.write(HELP);
    return 0;
  }
  const machine = describeThisMachine();
  const sides = await installedSides(["raftkv", ...options.peers]);
  const found = await withFolder(options.directory, (folder) =>
    new Growth(options, sides, folder, signal).run(),
  );
  const results: GrowthResults = { at: new Date().toISOString(), commit: currentCommit(), machine, ...found };
  await mkdir(options.outDirectory, { recursive: true });
  const path = join(options.outDirectory, "growth.json");
  await writeFile(path, `${JSON.stringify(results, null, 1)}\n`);
  for (const table of growthTables(results)) process.stdout.write(plainTable(table));
  process.stdout.write(`\n${path} has all of it.\n`);
  return 0;
}

await runCommand(HELP, (signal) => main(process.argv.slice(2), signal));
