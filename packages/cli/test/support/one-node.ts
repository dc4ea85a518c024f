import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { probeReady } from "../../dist/cluster/probe.js";
import { waitUntil } from "../../dist/cluster/wait.js";
import { startCommand } from "./process.js";
import type { CommandProcess } from "./process.js";

/** How to start a cluster of one node in the folder `d`, on ports that were free a moment ago. */
export async function oneNodeArguments(): Promise<{ readonly start: string[]; readonly endpoint: string }> {
  const servers = [createServer(), createServer()];
  await Promise.all(
    servers.map((server) => new Promise<void>((done) => server.listen(0, "127.0.0.1", done))),
  );
  const [endpoint, peer] = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  if (endpoint === undefined || peer === undefined) throw new Error("two servers have two addresses");
  const start = ["node", "start", "--name", "n1", "--data-dir", "d", "--init", "--listen-client", endpoint];
  return { start: [...start, "--listen-peer", peer, "--initial-cluster", `n1=${peer}`], endpoint };
}

const START_LIMIT_MS = 40_000;

/** A cluster of one node, as a process of its own. */
export class OneNode {
  endpoint = "";
  #directory = "";
  #node: CommandProcess | null = null;

  async start(): Promise<void> {
    this.#directory = mkdtempSync(join(tmpdir(), "raftkv-one-node-"));
    const { endpoint, start } = await oneNodeArguments();
    this.endpoint = endpoint;
    this.#node = startCommand(start, this.#directory);
    const serves = async (): Promise<boolean> => (await probeReady(endpoint, 1_000)).ok;
    if (!(await waitUntil(serves, { limitMs: START_LIMIT_MS })))
      throw new Error(`the node does not serve:\n${this.#node.output()}`);
  }

  async stop(): Promise<void> {
    this.#node?.child.kill("SIGTERM");
    await this.#node?.ended();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
