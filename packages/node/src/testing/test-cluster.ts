import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ListenError } from "../errors.js";
import { startNode } from "../start-node.js";
import { parseNodeOptions } from "../options.js";
import type { NodeOptions } from "../options.js";
import type { RunningNode } from "../running-node.js";
import type { RawNodeOptions } from "../settings.js";
import { freePorts } from "./free-ports.js";

/** Somebody else may take a port between the moment that it was free and the start: then others are tried. */
const START_TRIES = 5;
const LOOK_MS = 10;

export interface TestClusterOptions {
  /** 3 by default. They are named n1, n2, … */
  readonly nodes?: number;
  /** What every node is told, as behind the flags of `raftkv node start`: `{ tickMs: 5 }`. They log nothing by default. */
  readonly settings?: RawNodeOptions;
  /** How long the start, and everything else that waits for a leader, may take. 30 seconds by default. */
  readonly timeoutMs?: number;
}

/**
 * A cluster within this process, for tests of what uses one: real sockets, a real log and a real store, in a temporary
 * directory that `close()` removes.
 */
export interface TestCluster {
  /** Where clients connect; of all nodes, whether they run or not. */
  readonly endpoints: readonly string[];
  readonly names: readonly string[];
  /** @throws {RangeError} there is no such node. */
  endpoint(name: string): string;
  /** The node, or null while it is down. @throws {RangeError} */
  node(name: string): RunningNode | null;
  /** Waits for a leader that a majority knows, and gives its name. */
  leader(): Promise<string>;
  /** The node is gone at once, without a goodbye to anybody. Nothing that was acknowledged is lost. @throws {RangeError} */
  kill(name: string): Promise<void>;
  /** The node stops cleanly. @throws {RangeError} */
  stop(name: string): Promise<void>;
  /** Starts the node again, at its old address and with its data; one that runs is stopped before. @throws {RangeError} */
  restart(name: string): Promise<void>;
  /** Stops all nodes and removes what they kept. Can be called again. */
  close(): Promise<void>;
}

/**
 * Starts a cluster; resolves when it has a leader.
 * @throws {ConfigurationError} a setting is wrong.
 */
export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const count = options.nodes ?? 3;
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`nodes is ${count}, but must be 1 or more`);
  for (let tries = 1; ; tries += 1) {
    const cluster = new LocalCluster(
      await planNodes(count, options.settings ?? {}),
      options.timeoutMs ?? 30_000,
    );
    try {
      await cluster.start();
      return cluster;
    } catch (error) {
      await cluster.close();
      if (!(error instanceof ListenError) || tries === START_TRIES) throw error;
    }
  }
}

interface Plan {
  readonly directory: string;
  readonly nodes: readonly NodeOptions[];
}

async function planNodes(count: number, settings: RawNodeOptions): Promise<Plan> {
  const ports = await freePorts(count * 2);
  const address = (at: number): string => `127.0.0.1:${ports[at]}`;
  const names = Array.from({ length: count }, (_, at) => `n${at + 1}`);
  const initialCluster = names.map((name, at) => `${name}=${address(count + at)}`).join(",");
  const directory = mkdtempSync(join(tmpdir(), "raftkv-test-"));
  try {
    const nodes = names.map((name, at) => {
      const own = { name, dataDir: join(directory, name), init: true, initialCluster };
      const listen = { listenClient: address(at), listenPeer: address(count + at) };
      // Variables that happen to be set must not change what a test does.
      return parseNodeOptions(
        { logLevel: "silent", walSegmentBytes: "1MiB", ...settings, ...own, ...listen },
        {},
      );
    });
    return { directory, nodes };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

class LocalCluster implements TestCluster {
  readonly endpoints: readonly string[];
  readonly names: readonly string[];
  readonly #plan: Plan;
  readonly #timeoutMs: number;
  readonly #running = new Map<string, RunningNode>();
  #closing: Promise<void> | null = null;

  constructor(plan: Plan, timeoutMs: number) {
    this.#plan = plan;
    this.#timeoutMs = timeoutMs;
    this.names = plan.nodes.map(({ name }) => name);
    this.endpoints = plan.nodes.map(endpointOf);
  }

  async start(): Promise<void> {
    const started = await Promise.allSettled(this.#plan.nodes.map((options) => this.#start(options)));
    for (const result of started) if (result.status === "rejected") throw result.reason;
    await this.leader();
  }

  endpoint(name: string): string {
    return endpointOf(this.#options(name));
  }

  node(name: string): RunningNode | null {
    return this.#running.get(this.#options(name).name) ?? null;
  }

  async leader(): Promise<string> {
    const deadline = performance.now() + this.#timeoutMs;
    for (;;) {
      const statuses = await Promise.all([...this.#running.values()].map((node) => node.status()));
      const leader = statuses.find(({ role }) => role === "leader");
      const know = statuses.filter((status) => leader !== undefined && status.leader === leader.name);
      if (leader !== undefined && know.length * 2 > this.names.length) return leader.name;
      if (performance.now() > deadline) throw new Error(`no leader within ${this.#timeoutMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async kill(name: string): Promise<void> {
    const node = this.node(name);
    this.#running.delete(name);
    await node?.kill();
  }

  async stop(name: string): Promise<void> {
    const node = this.node(name);
    this.#running.delete(name);
    await node?.close();
  }

  async restart(name: string): Promise<void> {
    const options = this.#options(name);
    await this.stop(name);
    await this.#start(options);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const stopped = await Promise.allSettled([...this.#running.keys()].map((name) => this.stop(name)));
    // Also when one of them could not be stopped well, which is told.
    rmSync(this.#plan.directory, { recursive: true, force: true });
    for (const result of stopped) if (result.status === "rejected") throw result.reason;
  }

  async #start(options: NodeOptions): Promise<void> {
    this.#running.set(options.name, await startNode(options));
  }

  #options(name: string): NodeOptions {
    const found = this.#plan.nodes.find((options) => options.name === name);
    if (found === undefined)
      throw new RangeError(`there is no node ${name}: there are ${this.names.join(", ")}`);
    return found;
  }
}

function endpointOf({ advertiseClient }: NodeOptions): string {
  return `${advertiseClient.host}:${advertiseClient.port}`;
}
