import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts, parseNodeOptions, startNode } from "@raftkv/node";
import type { NodeOptions, NodeParts, NodeStatus, RunningNode } from "@raftkv/node";

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

/** Nodes of one cluster in this process: real sockets, real log, real LevelDB, a temporary directory. */
export class TestNodes {
  readonly dir = mkdtempSync(join(tmpdir(), "raftkv-node-"));
  readonly options: NodeOptions[] = [];
  readonly running = new Map<string, RunningNode>();
  /** What a node is to stand on instead of the operating system, by its name. */
  readonly parts = new Map<string, NodeParts>();

  /** @param witnesses how many of the last ones are witnesses. */
  static async create(
    count: number,
    settings: Readonly<Record<string, string>> = {},
    witnesses = 0,
  ): Promise<TestNodes> {
    const isWitness = (i: number): boolean => i >= count - witnesses;
    const nodes = new TestNodes();
    const ports = await freePorts(count * 2);
    const members = Array.from(
      { length: count },
      (_, i) => `n${i + 1}=127.0.0.1:${ports[count + i]}${isWitness(i) ? "/witness" : ""}`,
    ).join(",");
    for (let i = 0; i < count; i += 1) {
      nodes.options.push(
        parseNodeOptions(
          {
            name: `n${i + 1}`,
            dataDir: join(nodes.dir, `n${i + 1}`),
            init: true,
            listenClient: `127.0.0.1:${ports[i]}`,
            listenPeer: `127.0.0.1:${ports[count + i]}`,
            initialCluster: members,
            witness: isWitness(i),
            walSegmentBytes: "1MiB",
            logLevel: "silent",
            ...settings,
          },
          {},
        ),
      );
    }
    return nodes;
  }

  option(name: string): NodeOptions {
    const found = this.options.find((options) => options.name === name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  async start(name: string): Promise<RunningNode> {
    const node = await startNode(this.option(name), this.parts.get(name));
    this.running.set(name, node);
    return node;
  }

  async startAll(): Promise<void> {
    await Promise.all(this.options.map((options) => this.start(options.name)));
  }

  async stop(name: string): Promise<void> {
    await this.running.get(name)?.close();
    this.running.delete(name);
  }

  endpoint(name: string): string {
    const { host, port } = this.option(name).listenClient;
    return `${host}:${port}`;
  }

  get endpoints(): string[] {
    return this.options.map((options) => this.endpoint(options.name));
  }

  async statuses(): Promise<NodeStatus[]> {
    return Promise.all([...this.running.values()].map((node) => node.status()));
  }

  async leader(): Promise<NodeStatus> {
    return until("a leader is elected", async () => {
      const all = await this.statuses();
      return all.find((status) => status.role === "leader") ?? null;
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.running.values()].map((node) => node.close()));
    rmSync(this.dir, { recursive: true, force: true });
  }
}
