import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MemberInfo } from "@raftkv/client";
import { freePorts, parseNodeOptions, startNode } from "@raftkv/node";
import type { NodeOptions, NodeStatus, RawNodeOptions, RunningNode } from "@raftkv/node";
import { until } from "../harness/until.js";

const SETTINGS = { heartbeatMs: "20", electionTimeoutMs: "200", walSegmentBytes: "1MiB", logLevel: "silent" };

/** Nodes in this process whose number changes: real sockets, real log, real LevelDB, a temporary directory. */
export class LiveNodes {
  readonly dir = mkdtempSync(join(tmpdir(), "raftkv-members-"));
  readonly running = new Map<string, RunningNode>();
  readonly #options = new Map<string, NodeOptions>();

  /** A cluster of one, with a leader. */
  static async start(settings: RawNodeOptions = {}): Promise<LiveNodes> {
    const nodes = new LiveNodes();
    await nodes.prepare("n1", { init: true, ...settings });
    await nodes.run("n1");
    await nodes.leader();
    return nodes;
  }

  /** Nothing runs yet. Returns where the others are to find it. */
  async prepare(name: string, more: RawNodeOptions = { join: true }): Promise<string> {
    const [clientPort = 0, peerPort = 0] = await freePorts(2);
    const peer = `127.0.0.1:${peerPort}`;
    const options = parseNodeOptions(
      {
        name,
        dataDir: join(this.dir, name),
        listenClient: `127.0.0.1:${clientPort}`,
        listenPeer: peer,
        ...(more.init === true ? { initialCluster: `${name}=${peer}` } : {}),
        ...SETTINGS,
        ...more,
      },
      {},
    );
    this.#options.set(name, options);
    return peer;
  }

  option(name: string): NodeOptions {
    const found = this.#options.get(name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  /** The same directory, at another address. Returns it. */
  async move(name: string): Promise<string> {
    const [port = 0] = await freePorts(1);
    const address = { host: "127.0.0.1", port };
    this.#options.set(name, { ...this.option(name), listenPeer: address, advertisePeer: address });
    return `127.0.0.1:${port}`;
  }

  endpoint(name: string): string {
    const { host, port } = this.option(name).listenClient;
    return `${host}:${port}`;
  }

  async run(name: string): Promise<RunningNode> {
    const node = await startNode(this.option(name));
    this.running.set(name, node);
    return node;
  }

  async stop(name: string): Promise<void> {
    const node = this.running.get(name);
    this.running.delete(name);
    await node?.close();
  }

  /** Waits for the end of a node that ends by itself; resolves with why. */
  async failureOf(name: string): Promise<Error | null> {
    const node = this.running.get(name);
    this.running.delete(name);
    return (node?.ended ?? Promise.resolve()).then(
      () => null,
      (error: unknown) => error as Error,
    );
  }

  statuses(): Promise<NodeStatus[]> {
    return Promise.all([...this.running.values()].map((node) => node.status()));
  }

  leader(): Promise<NodeStatus> {
    return until("a leader is elected", async () => {
      const all = await this.statuses();
      const leaders = all.filter(({ role }) => role === "leader");
      return leaders.sort((a, b) => b.term - a.term)[0] ?? null;
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.running.values()].map((node) => node.close()));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export function member(members: readonly MemberInfo[], name: string): MemberInfo | undefined {
  return members.find((one) => one.name === name);
}

/** The code with which something was refused; `done` when it was not. */
export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "done",
    (error: unknown) => (error as { readonly code: string }).code,
  );
}
