import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts, parseNodeOptions, startNode } from "@raftkv/node";
import type { NodeOptions, NodeStatus, RunningNode } from "@raftkv/node";

/** Waits for a condition; fails with `what` when it does not come true within the limit. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null> | T | null,
  limitMs = 15_000,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Nodes n1 … nN of one cluster in this process, with directories and ports of their own. */
export class TestNodes {
  readonly dir = mkdtempSync(join(tmpdir(), "raftkv-cli-nodes-"));
  readonly options: NodeOptions[] = [];
  readonly #running = new Map<string, RunningNode>();

  /** @param witnesses how many of the last ones are witnesses. */
  static async create(
    count: number,
    settings: Readonly<Record<string, string>> = {},
    witnesses = 0,
  ): Promise<TestNodes> {
    const nodes = new TestNodes();
    const ports = await freePorts(2 * count);
    const isWitness = (at: number): boolean => at >= count - witnesses;
    const place = (at: number): string => `127.0.0.1:${ports[at]}`;
    const member = (at: number): string =>
      `n${at + 1}=${place(count + at)}${isWitness(at) ? "/witness" : ""}`;
    const initialCluster = Array.from({ length: count }, (_, at) => member(at)).join(",");
    for (let at = 0; at < count; at += 1) {
      const raw = {
        name: `n${at + 1}`,
        dataDir: join(nodes.dir, `n${at + 1}`),
        init: true,
        listenClient: place(at),
        listenPeer: place(count + at),
        initialCluster,
        witness: isWitness(at),
        walSegmentBytes: "1MiB",
        logLevel: "silent",
        ...settings,
      };
      nodes.options.push(parseNodeOptions(raw, {}));
    }
    return nodes;
  }

  /** Of a node that is yet to join: what it will be started with. */
  async prepare(name: string): Promise<NodeOptions> {
    const [client, peer] = await freePorts(2);
    const options = parseNodeOptions(
      {
        name,
        dataDir: join(this.dir, name),
        join: true,
        listenClient: `127.0.0.1:${client}`,
        listenPeer: `127.0.0.1:${peer}`,
        walSegmentBytes: "1MiB",
        logLevel: "silent",
      },
      {},
    );
    this.options.push(options);
    return options;
  }

  option(name: string): NodeOptions {
    const found = this.options.find((options) => options.name === name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  /** As another command line wants to have them. */
  get members(): string {
    return (
      this.options[0]?.initialCluster
        .map(({ name, host, port, witness }) => `${name}=${host}:${port}${witness ? "/witness" : ""}`)
        .join(",") ?? ""
    );
  }

  async start(name: string, options: NodeOptions = this.option(name)): Promise<void> {
    this.#running.set(name, await startNode(options));
  }

  async startAll(): Promise<void> {
    await Promise.all(this.options.map(({ name }) => this.start(name)));
  }

  async stop(name: string): Promise<void> {
    await this.#running.get(name)?.close();
    this.#running.delete(name);
  }

  endpoint(name: string): string {
    const { host, port } = this.option(name).listenClient;
    return `${host}:${port}`;
  }

  get endpoints(): string[] {
    return this.options.map(({ name }) => this.endpoint(name));
  }

  statuses(): Promise<NodeStatus[]> {
    return Promise.all([...this.#running.values()].map((node) => node.status()));
  }

  leader(): Promise<NodeStatus> {
    return until("a leader is elected", async () => {
      const all = await this.statuses();
      return all.find(({ role }) => role === "leader") ?? null;
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map((node) => node.close()));
    rmSync(this.dir, { recursive: true, force: true });
  }
}
