import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NodeStatus } from "../harness/cluster.js";
import type { Ended } from "../harness/node-processes.js";
import { freePorts } from "@raftkv/node";
import { RAFTKV } from "../harness/raftkv.js";
import { until } from "../harness/until.js";

interface Node {
  readonly client: string;
  readonly peer: string;
  /** How it begins: with the members of a new cluster, or as one that joins. */
  readonly start: readonly string[];
  child: ChildProcess | null;
  ended: Promise<Ended>;
}

/** `raftkv node start` in processes of their own, as many as there are to be at a time. */
export class LiveProcesses {
  readonly dir = mkdtempSync(join(tmpdir(), "raftkv-members-"));
  readonly #env: NodeJS.ProcessEnv;
  readonly #nodes = new Map<string, Node>();

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = { ...process.env, RAFTKV_LOG_LEVEL: "warn", ...env };
  }

  get names(): readonly string[] {
    return [...this.#nodes.keys()];
  }

  get running(): readonly string[] {
    return this.names.filter((name) => this.#node(name).child !== null);
  }

  endpoint(name: string): string {
    return this.#node(name).client;
  }

  peer(name: string): string {
    return this.#node(name).peer;
  }

  /** A new cluster of these nodes, with a leader. */
  async begin(names: readonly string[]): Promise<void> {
    for (const name of names) await this.prepare(name, []);
    const members = names.map((name) => `${name}=${this.peer(name)}`).join(",");
    for (const name of names) {
      this.#nodes.set(name, { ...this.#node(name), start: ["--init", "--initial-cluster", members] });
      this.start(name);
    }
    await this.leader();
  }

  /** A node that is to join; nothing runs yet. */
  async prepare(name: string, start: readonly string[] = ["--join"]): Promise<void> {
    const [client, peer] = (await freePorts(2)).map((port) => `127.0.0.1:${port}`);
    const ended = Promise.resolve({ code: null, signal: null, stderr: "" });
    this.#nodes.set(name, { client: client ?? "", peer: peer ?? "", start, child: null, ended });
  }

  start(name: string): void {
    const node = this.#node(name);
    const args = ["node", "start", "--name", name, "--data-dir", join(this.dir, name), ...node.start];
    args.push("--listen-client", node.client, "--listen-peer", node.peer);
    const child = spawn(process.execPath, [RAFTKV, ...args], {
      env: this.#env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    node.child = child;
    node.ended = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        if (node.child === child) node.child = null;
        resolve({ code, signal, stderr });
      });
    });
  }

  /** Resolves when the process is gone, by itself. */
  ended(name: string): Promise<Ended> {
    return this.#node(name).ended;
  }

  /** As an operator does it. */
  async stop(name: string): Promise<Ended> {
    const node = this.#node(name);
    node.child?.kill("SIGTERM");
    return node.ended;
  }

  async status(name: string, withHash = false): Promise<NodeStatus> {
    const signal = AbortSignal.timeout(10_000);
    const response = await fetch(`http://${this.endpoint(name)}/v1/status${withHash ? "?hash=true" : ""}`, {
      signal,
    });
    return (await response.json()) as NodeStatus;
  }

  /** The leader of the highest term that a running node claims to lead. */
  leader(): Promise<NodeStatus> {
    return until("a leader", async () => {
      const all = await Promise.allSettled(this.running.map((name) => this.status(name)));
      const leaders = all.flatMap((one) =>
        one.status === "fulfilled" && one.value.role === "leader" ? [one.value] : [],
      );
      return leaders.sort((a, b) => b.term - a.term)[0] ?? null;
    });
  }

  /** Until it answers linearizable reads. */
  async ready(name: string): Promise<void> {
    await until(
      `${name} is ready`,
      async () => {
        const signal = AbortSignal.timeout(2_000);
        const { ok } = await fetch(`http://${this.endpoint(name)}/ready`, { signal });
        return ok ? true : null;
      },
      { limitMs: 60_000 },
    );
  }

  /** What each shows once all have applied the same entries, and nothing was applied while that was hashed. */
  converged(): Promise<NodeStatus[]> {
    return until(
      "all nodes have applied the same index",
      async () => {
        const before = await Promise.all(this.running.map((name) => this.status(name)));
        if (new Set(before.map(({ appliedIndex }) => appliedIndex)).size !== 1) return null;
        const hashed = await Promise.all(this.running.map((name) => this.status(name, true)));
        return hashed.every(({ appliedIndex }) => appliedIndex === before[0]?.appliedIndex) ? hashed : null;
      },
      { limitMs: 60_000 },
    );
  }

  async close(): Promise<void> {
    for (const { child } of this.#nodes.values()) child?.kill("SIGKILL");
    await Promise.all([...this.#nodes.values()].map(({ ended }) => ended));
    rmSync(this.dir, { recursive: true, force: true });
  }

  #node(name: string): Node {
    const found = this.#nodes.get(name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }
}
