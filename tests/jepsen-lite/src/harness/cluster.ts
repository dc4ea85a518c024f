import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun } from "./raftkv.js";
import { until } from "./until.js";

/** One node as `raftkv cluster status --json` shows it. */
export interface ClusterNodeStatus {
  readonly name: string;
  readonly pid: number | null;
  readonly client: string;
  readonly running: boolean;
}

/** One node as it shows itself. */
export interface NodeStatus {
  readonly name: string;
  readonly pid: number;
  readonly role: string;
  readonly term: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  readonly revision: number;
  readonly hash: string | null;
  readonly hashRevision: number | null;
  readonly stateHash: string | null;
  readonly stateHashIndex: number | null;
  readonly diskFull: boolean;
}

/** A cluster of real node processes in a temporary directory, driven through the command. */
export class TestCluster {
  readonly dir: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #clients = new Map<string, string>();
  readonly #pids = new Map<string, number>();

  private constructor(dir: string, env: NodeJS.ProcessEnv) {
    this.dir = dir;
    this.#env = env;
  }

  static async start(settings: NodeJS.ProcessEnv = {}): Promise<TestCluster> {
    const root = mkdtempSync(join(tmpdir(), "raftkv-jepsen-"));
    const cluster = new TestCluster(join(root, "cluster"), { ...process.env, ...settings });
    const ports = ["--client-port", "0", "--peer-port", "0"];
    try {
      await cluster.#run("cluster", "start", ...ports, "--detach");
      await cluster.#look();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  get names(): string[] {
    return [...this.#clients.keys()];
  }

  get endpoints(): string[] {
    return [...this.#clients.values()];
  }

  endpoint(name: string): string {
    const endpoint = this.#clients.get(name);
    if (endpoint === undefined) throw new Error(`there is no ${name}`);
    return endpoint;
  }

  dataDir(name: string): string {
    return join(this.dir, name);
  }

  /** Straight to the processes, all in the same moment: no command lies between the first and the last. */
  kill(names: readonly string[], signal: NodeJS.Signals = "SIGKILL"): void {
    const pids = names.map((name) => this.#pids.get(name));
    for (const pid of pids) if (pid !== undefined) process.kill(pid, signal);
  }

  async startNodes(names: readonly string[]): Promise<void> {
    // One after the other: each returns once its process listens, whether or not there is a majority.
    for (const name of names) await this.#run("cluster", "start-node", name);
    await this.#look();
  }

  /** What the node says of itself. @throws it does not answer. */
  async status(name: string, withHash = false): Promise<NodeStatus> {
    const query = withHash ? "?hash=true" : "";
    const signal = AbortSignal.timeout(10_000);
    const response = await fetch(`http://${this.endpoint(name)}/v1/status${query}`, { signal });
    return (await response.json()) as NodeStatus;
  }

  /** The leader of the highest term that a running node claims to lead. */
  async leader(): Promise<NodeStatus> {
    return until("a leader", async () => {
      const all = await Promise.allSettled(this.names.map((name) => this.status(name)));
      const leaders = all.flatMap((one) =>
        one.status === "fulfilled" && one.value.role === "leader" ? [one.value] : [],
      );
      return leaders.sort((a, b) => b.term - a.term)[0] ?? null;
    });
  }

  /** Waits until every node has applied the same entries; returns what each then shows. */
  async converged(): Promise<NodeStatus[]> {
    await until("all nodes have applied the same index", async () => {
      const all = await Promise.all(this.names.map((name) => this.status(name)));
      return new Set(all.map((one) => one.appliedIndex)).size === 1 ? all : null;
    });
    return Promise.all(this.names.map((name) => this.status(name, true)));
  }

  /** Ends every process. The directory stays when it is to be looked at. */
  async stop({ keep = false }: { readonly keep?: boolean } = {}): Promise<void> {
    try {
      await this.#run("cluster", "stop");
    } finally {
      if (!keep) rmSync(join(this.dir, ".."), { recursive: true, force: true });
    }
  }

  async #look(): Promise<void> {
    const nodes = JSON.parse(await this.#run("cluster", "status", "--json")) as ClusterNodeStatus[];
    for (const { name, client, pid } of nodes) {
      this.#clients.set(name, client);
      if (pid === null) this.#pids.delete(name);
      else this.#pids.set(name, pid);
    }
  }

  #run(...args: readonly string[]): Promise<string> {
    return mustRun([...args, "--dir", this.dir], this.#env);
  }
}
