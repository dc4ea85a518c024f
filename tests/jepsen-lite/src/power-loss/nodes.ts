import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { NodeStatus } from "../harness/cluster.js";
import { metricOf } from "../harness/metric.js";
import { NodeProcesses } from "../harness/node-processes.js";
import type { Ended } from "../harness/node-processes.js";
import { until } from "../harness/until.js";
import { PowerLossDisk } from "./disk.js";
import type { CutOptions } from "./disk.js";
import type { Random } from "./random.js";

/** A node that shows the hash of all that it holds at an applied index. */
export interface HashedStatus extends NodeStatus {
  readonly stateHash: string;
  readonly stateHashIndex: number;
}

function isHashed(status: NodeStatus): status is HashedStatus {
  return status.stateHash !== null && status.stateHashIndex !== null;
}

export interface PowerLossNodesOptions {
  readonly dir: string;
  readonly shim: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Within this, three processes start, elect a leader and agree, on a machine that has much else to do. */
const SERVE_MS_MAX = 120_000;

/** Three nodes answer a question so often while they start: more would take the time that they need. */
const LOOK_EVERY_MS = 50;

/** A node did what it must not: it ended, or did not come to serve. */
export class NodeFailure extends Error {
  override readonly name = "NodeFailure";
}

/** Three node processes, each over a disk of its own that loses power. */
export class PowerLossNodes {
  readonly processes: NodeProcesses;
  readonly #dir: string;
  readonly #disks: ReadonlyMap<string, PowerLossDisk>;
  readonly #down = new Set<string>();
  /** Nothing is left running when this process ends before its time. */
  readonly #onExit = (): void => void this.processes.killAll();

  private constructor(dir: string, processes: NodeProcesses, disks: ReadonlyMap<string, PowerLossDisk>) {
    this.#dir = dir;
    this.processes = processes;
    this.#disks = disks;
    process.on("exit", this.#onExit);
  }

  static async prepare({ dir, env, shim }: PowerLossNodesOptions): Promise<PowerLossNodes> {
    mkdirSync(dir, { recursive: true });
    const disks = new Map<string, PowerLossDisk>();
    const processes = await NodeProcesses.prepare({
      nodes: 3,
      dir,
      env,
      // Removed segments are put aside for the replay of the whole log.
      envOf: (name) => disks.get(name)?.env(".wal") ?? {},
    });
    for (const name of processes.names) disks.set(name, new PowerLossDisk(processes.dataDir(name), shim));
    return new PowerLossNodes(dir, processes, disks);
  }

  get names(): readonly string[] {
    return this.processes.names;
  }

  /** Those that do not run. */
  start(): void {
    for (const name of this.names) if (!this.processes.running(name)) this.processes.spawn(name);
    this.#down.clear();
  }

  /** Stops one alone, until `start`. */
  async stopOne(name: string): Promise<void> {
    this.#down.add(name);
    await this.processes.kill(name);
  }

  /** One that was stopped loses what it had not synced. */
  loseOne(name: string, random: Random, options: CutOptions): void {
    this.#disk(name).cut(random.chance(0.3) ? null : random.fork(), options);
  }

  /** Where the segments of a node's log are: those that it has, then those that it removed. */
  logOf(name: string): readonly string[] {
    return [join(this.processes.dataDir(name), "wal"), this.#disk(name).aside];
  }

  /** How those ended that did so by themselves. */
  async ends(): Promise<string[]> {
    const gone = this.names.filter((name) => this.processes.hasEnded(name));
    const ends = await Promise.all(
      gone.map(async (name) => ({ name, end: await this.processes.ended(name) })),
    );
    return ends.filter(({ end }) => end.signal !== "SIGKILL").map(({ end, name }) => describeEnd(name, end));
  }

  /** Stops all three in the same moment. @throws {NodeFailure} one had ended before. */
  async kill(): Promise<void> {
    const gone = this.names.find((name) => this.processes.hasEnded(name) && !this.#down.has(name));
    const ended = await this.processes.killAll();
    if (gone !== undefined) throw new NodeFailure(describeEnd(gone, ended.get(gone)));
  }

  /** With all of them stopped: what was not synced is lost, or a random part of it. */
  lose(random: Random, options: CutOptions): void {
    const strict = random.chance(0.3);
    for (const name of this.names) this.#disk(name).cut(strict ? null : random.fork(), options);
  }

  /** Resolves with what each shows once the hashes of all three are of one applied index. @throws {NodeFailure} */
  async converged(): Promise<HashedStatus[]> {
    return this.#orFailure("the replicas show a hash at the same applied index", async () => {
      const before = await this.#statuses(false);
      if (new Set(before.map(({ appliedIndex }) => appliedIndex)).size !== 1) return null;
      const hashed = (await this.#statuses(true)).filter(isHashed);
      // A lease or a session may have ended meanwhile.
      const indexes = new Set(hashed.map(({ stateHashIndex }) => stateHashIndex));
      return hashed.length === this.names.length && indexes.size === 1 ? hashed : null;
    });
  }

  /** Resolves once a node answers. @throws {NodeFailure} */
  async listens(name: string): Promise<void> {
    await this.#orFailure(`${name} answers`, () => this.processes.status(name));
  }

  /** Snapshots that the processes which run have installed. */
  async snapshotsInstalled(): Promise<number> {
    const counts = this.names.map((name) =>
      metricOf(this.processes.endpoint(name), "raftkv_snapshots_received_total").catch(() => 0),
    );
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  }

  /** Resolves once somebody leads. @throws {NodeFailure} */
  async led(): Promise<void> {
    await this.#orFailure("a leader", async () => {
      const all = await Promise.allSettled(this.names.map((name) => this.processes.status(name)));
      return all.some((one) => one.status === "fulfilled" && one.value.role === "leader") ? true : null;
    });
  }

  /** Ends what runs, and takes the directories away. */
  async remove(): Promise<void> {
    await this.stop();
    for (const disk of this.#disks.values()) disk.remove();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async stop(): Promise<void> {
    process.off("exit", this.#onExit);
    await this.processes.killAll();
  }

  #statuses(withHash: boolean): Promise<NodeStatus[]> {
    return Promise.all(this.names.map((name) => this.processes.status(name, withHash)));
  }

  /** @throws {NodeFailure} it does not come true, or a process ended meanwhile. */
  async #orFailure<T>(what: string, look: () => Promise<T | null>): Promise<T> {
    const lookUnlessGone = async (): Promise<{ readonly found: T } | { readonly gone: string } | null> => {
      const gone = this.names.find((name) => !this.processes.running(name));
      if (gone !== undefined) return { gone };
      const found = await look();
      return found === null ? null : { found };
    };
    let outcome: { readonly found: T } | { readonly gone: string };
    try {
      outcome = await until(what, lookUnlessGone, { limitMs: SERVE_MS_MAX, everyMs: LOOK_EVERY_MS });
    } catch (error) {
      const { cause, message } = error as Error;
      throw new NodeFailure(cause instanceof Error ? `${message} (${cause.message})` : message);
    }
    if ("found" in outcome) return outcome.found;
    throw new NodeFailure(describeEnd(outcome.gone, await this.processes.ended(outcome.gone)));
  }

  #disk(name: string): PowerLossDisk {
    const disk = this.#disks.get(name);
    if (disk === undefined) throw new Error(`there is no ${name}`);
    return disk;
  }
}

function describeEnd(name: string, ended: Ended | undefined): string {
  return `${name} ended with ${ended?.code ?? ended?.signal}: ${ended?.stderr.trim()}`;
}
