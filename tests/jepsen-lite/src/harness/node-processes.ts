import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NodeStatus } from "./cluster.js";
import { freePorts } from "@raftkv/node";
import { RAFTKV } from "./raftkv.js";
import { until } from "./until.js";

export interface NodeProcessesOptions {
  readonly nodes: number;
  /** Where the nodes keep their directories; a temporary one by default. It stays the caller's. */
  readonly dir?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** What one node has beside that. */
  readonly envOf?: (name: string) => NodeJS.ProcessEnv;
  /** The address under which clients are told of it; by default the one on which it listens. */
  readonly advertised?: (name: string) => string;
  /** The last so many are witnesses. */
  readonly witnesses?: number;
  /** Where the other nodes find it; by default where it listens. */
  readonly peerAddress?: (name: string) => string;
  /** A file that takes what a node says on its standard output, behind what is in it. */
  readonly logOf?: (name: string) => string;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** Where a node listens, and whether it is of the first or joins them. */
interface Place {
  readonly client: string;
  readonly peer: string;
  readonly joins: boolean;
}

interface NodeProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  running: boolean;
}

const ANSWER_MS_MAX = 10_000;
/** A hash reads all keys and values: a million of them take half a minute of a core, and more when others want it. */
const HASH_MS_MAX = 300_000;

/** `raftkv node start`, as children of this process: so how each one ended can be seen. */
export class NodeProcesses {
  readonly dir: string;
  readonly #places = new Map<string, Place>();
  readonly #options: NodeProcessesOptions;
  readonly #processes = new Map<string, NodeProcess>();

  private constructor(options: NodeProcessesOptions, ports: readonly number[]) {
    this.#options = options;
    for (let at = 0; at < options.nodes; at += 1)
      this.#places.set(`n${at + 1}`, placeAt(ports.slice(2 * at, 2 * at + 2), false));
    this.dir = options.dir ?? mkdtempSync(join(tmpdir(), "raftkv-processes-"));
    mkdirSync(this.dir, { recursive: true });
  }

  /** Nothing runs yet. */
  static async prepare(options: NodeProcessesOptions): Promise<NodeProcesses> {
    return new NodeProcesses(options, await freePorts(options.nodes * 2));
  }

  static async start(options: NodeProcessesOptions): Promise<NodeProcesses> {
    const nodes = await NodeProcesses.prepare(options);
    for (const name of nodes.names) nodes.spawn(name);
    try {
      await nodes.leader();
    } catch (error) {
      await nodes.stop();
      throw error;
    }
    return nodes;
  }

  /** A node that is to join the others, with an empty directory; one of a name that was there before keeps the addresses. */
  async prepareToJoin(name: string): Promise<void> {
    const known = this.#places.get(name);
    this.#places.set(
      name,
      known === undefined ? placeAt(await freePorts(2), true) : { ...known, joins: true },
    );
  }

  get names(): readonly string[] {
    return [...this.#places.keys()];
  }

  get endpoints(): string[] {
    return this.names.map((name) => this.endpoint(name));
  }

  endpoint(name: string): string {
    return this.#place(name).client;
  }

  peerEndpoint(name: string): string {
    return this.#place(name).peer;
  }

  dataDir(name: string): string {
    return join(this.dir, name);
  }

  /** Returns its process id. */
  spawn(name: string): number {
    const { nodes, witnesses = 0, env = {}, envOf = () => ({}), advertised, peerAddress } = this.#options;
    const peer = peerAddress ?? ((to) => this.peerEndpoint(to));
    const first = this.names.slice(0, nodes);
    const isWitness = (member: string): boolean => first.indexOf(member) >= nodes - witnesses;
    const members = first.map((member) => `${member}=${peer(member)}${isWitness(member) ? "/witness" : ""}`);
    const args = ["node", "start", "--name", name, "--data-dir", this.dataDir(name)];
    args.push("--listen-client", this.endpoint(name), "--listen-peer", this.peerEndpoint(name));
    if (this.#place(name).joins) args.push("--join");
    else args.push("--init", "--initial-cluster", members.join(","));
    if (advertised !== undefined) args.push("--advertise-client", advertised(name));
    if (peerAddress !== undefined) args.push("--advertise-peer", peer(name));
    if (isWitness(name)) args.push("--witness");
    const log = this.#options.logOf === undefined ? "ignore" : openSync(this.#options.logOf(name), "a");
    const child = spawn(process.execPath, [RAFTKV, ...args], {
      env: { ...process.env, RAFTKV_LOG_LEVEL: "warn", ...env, ...envOf(name) },
      stdio: ["ignore", log, "pipe"],
    });
    if (typeof log === "number") closeSync(log);
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const ended = new Promise<Ended>((resolve) => {
      child.once("close", (code, signal) => {
        const own = this.#processes.get(name);
        if (own?.child === child) own.running = false;
        resolve({ code, signal, stderr });
      });
    });
    this.#processes.set(name, { child, ended, running: true });
    return child.pid ?? -1;
  }

  /** By itself, or because it was killed. */
  hasEnded(name: string): boolean {
    return this.#processes.get(name)?.running === false;
  }

  running(name: string): boolean {
    return this.#processes.get(name)?.running === true;
  }

  /** Resolves when the process is gone. */
  ended(name: string): Promise<Ended> {
    const found = this.#processes.get(name);
    if (found === undefined) throw new Error(`${name} was never started`);
    return found.ended;
  }

  /** All of them, in the same moment. Resolves with how each ended, now or before. */
  killAll(): Promise<ReadonlyMap<string, Ended>> {
    const names = [...this.#processes.keys()];
    for (const { child } of this.#processes.values()) child.kill("SIGKILL");
    return Promise.all(names.map(async (name) => [name, await this.ended(name)] as const)).then(
      (all) => new Map(all),
    );
  }

  /** Does not wait for what becomes of it. */
  signal(name: string, signal: NodeJS.Signals): void {
    this.#processes.get(name)?.child.kill(signal);
  }

  async kill(name: string, signal: NodeJS.Signals = "SIGKILL"): Promise<Ended> {
    this.#processes.get(name)?.child.kill(signal);
    return this.ended(name);
  }

  /** What the node says of itself. @throws it does not answer. */
  async status(name: string, withHash = false): Promise<NodeStatus> {
    const query = withHash ? "?hash=true" : "";
    const signal = AbortSignal.timeout(withHash ? HASH_MS_MAX : ANSWER_MS_MAX);
    const response = await fetch(`http://${this.endpoint(name)}/v1/status${query}`, { signal });
    return (await response.json()) as NodeStatus;
  }

  /** The leader of the highest term that a running node claims to lead. */
  leader(): Promise<NodeStatus> {
    return until("a leader", async () => {
      const running = this.names.filter((name) => this.running(name));
      const all = await Promise.allSettled(running.map((name) => this.status(name)));
      const leaders = all.flatMap((one) =>
        one.status === "fulfilled" && one.value.role === "leader" ? [one.value] : [],
      );
      return leaders.sort((a, b) => b.term - a.term)[0] ?? null;
    });
  }

  /** Ends every process, and removes the directory if it was made here. */
  async stop(): Promise<void> {
    await this.killAll();
    if (this.#options.dir === undefined) rmSync(this.dir, { recursive: true, force: true });
  }

  #place(name: string): Place {
    const place = this.#places.get(name);
    if (place === undefined) throw new Error(`there is no ${name}`);
    return place;
  }
}

function placeAt([client, peer]: readonly number[], joins: boolean): Place {
  return { client: `127.0.0.1:${client}`, peer: `127.0.0.1:${peer}`, joins };
}
