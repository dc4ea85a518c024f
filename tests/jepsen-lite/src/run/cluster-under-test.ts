import { join } from "node:path";
import type { NodeStatus } from "../harness/cluster.js";
import { NodeProcesses } from "../harness/node-processes.js";
import type { Ended } from "../harness/node-processes.js";
import { until } from "../harness/until.js";
import { PowerLossDisk } from "../power-loss/disk.js";
import type { SmallFileSystem } from "../harness/small-file-system.js";
import type { Loss } from "../power-loss/disk.js";
import type { Random } from "../power-loss/random.js";
import { Network } from "./network.js";

export interface ClusterOptions {
  readonly nodes: number;
  /** Data directories and logs. It stays the caller's. */
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  /** The compiled shim of the disks that lose power; `null`: ordinary ones. */
  readonly shim: string | null;
  /** What the data directories are on; `null`: they are in `dir`, on whatever that is on. It stays the caller's. */
  readonly disk: SmallFileSystem | null;
}

/** Starting on a machine that has much else to do. */
const START_MS_MAX = 120_000;
/** A graceful end writes a checkpoint first. */
const GRACE_MS = 20_000;
const LOOK_MS = 1_000;
const MIB = 1024 * 1024;

/** Real node processes behind a network that can be broken. Whatever ends without being told to is remembered. */
export class ClusterUnderTest {
  readonly names: readonly string[];
  readonly network: Network;
  readonly processes: NodeProcesses;
  /** What the nodes must not do, and did: as to end by themselves. */
  readonly findings: string[] = [];
  readonly #broken = new AbortController();
  readonly #paused = new Set<string>();
  readonly #disks: ReadonlyMap<string, PowerLossDisk>;
  readonly #small: SmallFileSystem | null;
  readonly #onExit = (): void => void this.processes.killAll();

  private constructor(
    processes: NodeProcesses,
    network: Network,
    disks: ReadonlyMap<string, PowerLossDisk>,
    small: SmallFileSystem | null,
  ) {
    this.#disks = disks;
    this.#small = small;
    this.processes = processes;
    this.network = network;
    this.names = processes.names;
    process.on("exit", this.#onExit);
  }

  static async start({ dir, disk, env, nodes, shim }: ClusterOptions): Promise<ClusterUnderTest> {
    const later: { network: Network | null } = { network: null };
    const network = (): Network => {
      if (later.network === null) throw new Error("the network comes before the nodes");
      return later.network;
    };
    const disks = new Map<string, PowerLossDisk>();
    const processes = await NodeProcesses.prepare({
      nodes,
      dir: disk === null ? dir : join(disk.path, "nodes"),
      env,
      envOf: (name) => disks.get(name)?.env() ?? {},
      peerAddress: (from, to) => network().peerAddress(from, to),
      advertised: (name) => network().clientAddress(name),
      logOf: (name) => join(dir, `${name}.log`),
    });
    if (shim !== null)
      for (const name of processes.names) disks.set(name, new PowerLossDisk(processes.dataDir(name), shim));
    later.network = await Network.between(processes);
    const cluster = new ClusterUnderTest(processes, later.network, disks, disk);
    for (const name of cluster.names) cluster.start(name);
    try {
      await cluster.serving();
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  /** Aborted with the first finding: there is nothing more to wait for. */
  get broken(): AbortSignal {
    return this.#broken.signal;
  }

  find(finding: string): void {
    this.findings.push(finding);
    this.#broken.abort();
  }

  get endpoints(): string[] {
    return this.names.map((name) => this.endpoint(name));
  }

  /** For clients: through the network. */
  endpoint(name: string): string {
    return this.network.clientAddress(name);
  }

  running(name: string): boolean {
    return this.processes.running(name);
  }

  /** Starts it if it does not run, and makes it go on if it was paused. */
  start(name: string): void {
    this.resume(name);
    if (this.running(name)) return;
    this.processes.spawn(name);
    void this.processes.ended(name).then((ended) => this.#note(name, ended));
  }

  /** Starts it, and waits for its end, as it should refuse to serve. `null`: it serves all the same. */
  async endOf(name: string): Promise<Ended | null> {
    this.processes.spawn(name);
    await until(
      `${name} ends, or serves`,
      async () => (!this.running(name) || (await this.look(name)) !== null ? true : null),
      { limitMs: START_MS_MAX },
    );
    return this.running(name) ? null : this.processes.ended(name);
  }

  /** All in the same moment. */
  async kill(names: readonly string[]): Promise<void> {
    await Promise.all(names.filter((name) => this.running(name)).map((name) => this.processes.kill(name)));
    for (const name of names) this.#paused.delete(name);
  }

  /** Its disk loses what was not synced, or with `random` a part of it. It was killed before. */
  losePower(name: string, random: Random | null): Loss {
    const disk = this.#disks.get(name);
    if (disk === undefined) throw new Error(`the disk of ${name} does not lose power`);
    return disk.cut(random);
  }

  /** Asks it to end, as an operator does; kills it when it does not. */
  async terminate(name: string): Promise<void> {
    if (!this.running(name)) return;
    this.resume(name);
    const limit = setTimeout(() => this.processes.signal(name, "SIGKILL"), GRACE_MS);
    await this.processes.kill(name, "SIGTERM");
    clearTimeout(limit);
  }

  /** Takes all room on the disk of the nodes but so much. */
  async fillDisk(leftMib: number): Promise<void> {
    await this.#small?.fill(leftMib * MIB);
  }

  emptyDisk(): void {
    this.#small?.empty();
  }

  pause(name: string): void {
    this.#paused.add(name);
    this.processes.signal(name, "SIGSTOP");
  }

  resume(name: string): void {
    if (this.#paused.delete(name)) this.processes.signal(name, "SIGCONT");
  }

  /** Who leads in the highest term, as far as somebody says so at once; the network of the clients is passed by. */
  async leader(): Promise<string | null> {
    const statuses = await Promise.all(this.names.map((name) => this.look(name)));
    const leading = statuses.flatMap((status) => (status?.role === "leader" ? [status] : []));
    return leading.sort((a, b) => b.term - a.term)[0]?.name ?? null;
  }

  /** `null`: it says nothing. */
  async look(name: string): Promise<NodeStatus | null> {
    if (!this.running(name) || this.#paused.has(name)) return null;
    try {
      const signal = AbortSignal.timeout(LOOK_MS);
      const response = await fetch(`http://${this.processes.endpoint(name)}/v1/status`, { signal });
      return (await response.json()) as NodeStatus;
    } catch {
      return null;
    }
  }

  /** Everything runs and passes again. Resolves with when it is so, not when the cluster serves. */
  heal({ dropHeld }: { readonly dropHeld: boolean }): void {
    this.network.heal({ dropHeld });
    for (const name of this.names) this.start(name);
  }

  async serving(): Promise<void> {
    await until("a leader", async () => ((await this.leader()) === null ? null : true), {
      limitMs: START_MS_MAX,
    });
  }

  /** What each shows once all have applied the same entries, and nothing was applied while that was hashed. */
  converged(): Promise<NodeStatus[]> {
    const statuses = (withHash: boolean): Promise<NodeStatus[]> =>
      Promise.all(this.names.map((name) => this.processes.status(name, withHash)));
    return until(
      "all replicas have applied the same index",
      async () => {
        const before = await statuses(false);
        if (new Set(before.map(({ appliedIndex }) => appliedIndex)).size !== 1) return null;
        const hashed = await statuses(true);
        const index = before[0]?.appliedIndex;
        return hashed.every(({ appliedIndex }) => appliedIndex === index) ? hashed : null;
      },
      { limitMs: START_MS_MAX },
    );
  }

  async close(): Promise<void> {
    process.off("exit", this.#onExit);
    for (const name of this.names) this.resume(name);
    await this.processes.killAll();
    await this.network.close();
  }

  #note(name: string, { code, signal, stderr }: Ended): void {
    this.#paused.delete(name);
    // Neither by a signal of ours, nor as it was asked to: SIGTERM ends one by itself that has only begun to start.
    if (signal === "SIGKILL" || signal === "SIGTERM" || code === 0) return;
    this.find(`${name} ended with ${code ?? signal}: ${stderr.trim()}`);
  }
}
