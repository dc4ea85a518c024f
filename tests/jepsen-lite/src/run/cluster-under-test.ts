import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { NodeStatus } from "../harness/cluster.js";
import { NodeProcesses } from "../harness/node-processes.js";
import type { Ended } from "../harness/node-processes.js";
import { until } from "../harness/until.js";
import { PowerLossDisk } from "../power-loss/disk.js";
import type { SmallFileSystem } from "../harness/small-file-system.js";
import type { Loss } from "../power-loss/disk.js";
import type { Random } from "../power-loss/random.js";
import { MemberChanges } from "./member-changes.js";
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
/** How a node ends that the cluster has removed. */
const REMOVED_EXIT = 77;
const MIB = 1024 * 1024;

/** Real node processes behind a network that can be broken. Whatever ends without being told to is remembered. */
export class ClusterUnderTest {
  readonly network = new Network((stranger) => this.find(stranger));
  readonly processes: NodeProcesses;
  readonly changes: MemberChanges;
  /** What the nodes must not do, and did: as to end by themselves. */
  readonly findings: string[] = [];
  #names: readonly string[];
  /** Who is removed, or about to be: they end, and say why. */
  readonly #leaving = new Set<string>();
  /** Who has no disk at the moment. */
  readonly #without = new Set<string>();
  #replaced = 0;
  readonly #broken = new AbortController();
  #closed = false;
  readonly #paused = new Set<string>();
  readonly #disks = new Map<string, PowerLossDisk>();
  readonly #shim: string | null;
  readonly #small: SmallFileSystem | null;
  readonly #onExit = (): void => void this.processes.killAll();

  private constructor({ disk, shim }: ClusterOptions, processes: NodeProcesses) {
    this.#shim = shim;
    this.#small = disk;
    this.processes = processes;
    this.#names = processes.names;
    this.changes = new MemberChanges(this);
    process.on("exit", this.#onExit);
  }

  static async start(options: ClusterOptions): Promise<ClusterUnderTest> {
    const { dir, disk, env, nodes } = options;
    const later: { cluster: ClusterUnderTest | null } = { cluster: null };
    const its = (): ClusterUnderTest => {
      if (later.cluster === null) throw new Error("the network comes before the nodes");
      return later.cluster;
    };
    mkdirSync(dir, { recursive: true });
    const processes = await NodeProcesses.prepare({
      nodes,
      dir: disk === null ? dir : join(disk.path, "nodes"),
      env,
      envOf: (name) => its().#disks.get(name)?.env() ?? {},
      peerAddress: (name) => its().network.peerAddress(name),
      advertised: (name) => its().network.clientAddress(name),
      logOf: (name) => join(dir, `${name}.log`),
    });
    const cluster = new ClusterUnderTest(options, processes);
    later.cluster = cluster;
    try {
      for (const name of cluster.names) await cluster.#place(name, null);
      for (const name of cluster.names) cluster.start(name);
      const gone = cluster.names.map(async (name) => {
        const { code, stderr } = await processes.ended(name);
        throw new Error(`${name} ended with ${code} before the run began: ${stderr.trim()}`);
      });
      await Promise.race([cluster.serving(), ...gone]);
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  /** The members, and who is about to be one: as soon as they run, and until they are removed. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** Those that nobody is about to remove. */
  get staying(): readonly string[] {
    return this.#names.filter((name) => !this.#leaving.has(name));
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

  /** Starts it if it does not run, and makes it go on if it was paused; not one whose disk is gone. */
  start(name: string): void {
    this.resume(name);
    if (this.running(name) || this.#without.has(name) || this.#closed) return;
    this.processes.spawn(name);
    void this.processes.ended(name).then((ended) => this.#note(name, ended));
  }

  /** Starts it, and waits for its end, as it should refuse to serve. `null`: it serves all the same. */
  async endOf(name: string): Promise<Ended | null> {
    if (this.#closed) return null;
    this.processes.spawn(name);
    await until(
      `${name} ends, or serves`,
      async () => (!this.running(name) || (await this.look(name)) !== null ? true : null),
      { limitMs: START_MS_MAX },
    );
    return this.running(name) ? null : this.processes.ended(name);
  }

  /** From now on it may end as one that was removed, and at the end it must. */
  expectRemoval(name: string): void {
    this.#leaving.add(name);
  }

  /** It is no member any more. */
  removed(name: string): void {
    this.#names = this.#names.filter((other) => other !== name);
  }

  /** Its disk goes, and what was on it is kept for whoever wants to know. It does not run. */
  loseDisk(name: string): void {
    this.#without.add(name);
    this.#replaced += 1;
    const directory = this.processes.dataDir(name);
    renameSync(directory, `${directory}.replaced-${this.#replaced}`);
    this.#disks.get(name)?.remove();
  }

  /** An address and an empty directory for one that is to join. What cuts off `beside` now cuts off the new one as well. */
  async prepare(name: string, beside: string | null): Promise<void> {
    await this.processes.prepareToJoin(name);
    await this.#place(name, beside);
    this.#leaving.delete(name);
    this.#without.delete(name);
  }

  /** Starts one that was prepared. Resolves when it answers; from then on it is one of the names. */
  async join(name: string): Promise<void> {
    if (this.broken.aborted) return;
    this.start(name);
    await until(
      `${name} answers`,
      async () => (await this.look(name)) !== null || this.broken.aborted || null,
      {
        limitMs: START_MS_MAX,
      },
    );
    if (!this.#names.includes(name)) this.#names = [...this.#names, name];
  }

  /** Who was removed before, and still does not know: nobody that it could ask may be left. */
  switchOffRemoved(): Promise<void> {
    return this.kill([...this.#leaving].filter((name) => !this.#names.includes(name)));
  }

  /** Who was removed has been told so (R25). */
  async removedEnd(): Promise<void> {
    const still = (): string[] =>
      [...this.#leaving].filter((name) => !this.#names.includes(name) && this.running(name));
    await until(
      "who was removed ends",
      async () => {
        if (still().length > 0 && !this.broken.aborted) throw new Error(`still there: ${still().join(", ")}`);
        return true;
      },
      { limitMs: START_MS_MAX },
    );
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
    // A fault that was given up may still be about to start one.
    this.#closed = true;
    // Whoever still waits for something gives it up.
    this.#broken.abort();
    for (const name of this.#paused) this.resume(name);
    await this.processes.killAll();
    process.off("exit", this.#onExit);
    await this.network.close();
  }

  async #place(name: string, beside: string | null): Promise<void> {
    const { processes } = this;
    if (this.#shim !== null) this.#disks.set(name, new PowerLossDisk(processes.dataDir(name), this.#shim));
    if (this.network.has(name)) return;
    const place = { client: processes.endpoint(name), peer: processes.peerEndpoint(name) };
    await this.network.add(name, place, beside);
  }

  #note(name: string, { code, signal, stderr }: Ended): void {
    this.#paused.delete(name);
    if (code === REMOVED_EXIT && this.#leaving.has(name)) return;
    // Neither by a signal of ours, nor as it was asked to: SIGTERM ends one by itself that has only begun to start.
    if (signal === "SIGKILL" || signal === "SIGTERM" || code === 0) return;
    this.find(`${name} ended with ${code ?? signal}: ${stderr.trim()}`);
  }
}
