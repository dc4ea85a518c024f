import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { LossyLink } from "../harness/lossy-link.js";
import type { Fate } from "../harness/lossy-link.js";
import { NodeProcesses } from "../harness/node-processes.js";
import { until } from "../harness/until.js";
import { patchedEnv } from "../power-loss/patches.js";
import { CONTROLS } from "./controls.js";
import type { Control } from "./controls.js";

/** Longer than anything here takes: a write that is not answered within it has failed. */
const TIMEOUT_MS = 240_000;
const SESSION_TTL_MS = 600_000;

export interface LossyClusterOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly control: Control | null;
  /** Asked for each piece that a node sends to a client; `answers` is false during the handshake. */
  readonly fate: (answers: boolean) => Fate;
}

/** Three node processes that clients know only by links on which answers are lost. */
export class LossyCluster {
  readonly nodes: NodeProcesses;
  readonly #dir: string;
  readonly #links: ReadonlyMap<string, LossyLink>;

  private constructor(nodes: NodeProcesses, dir: string, links: ReadonlyMap<string, LossyLink>) {
    this.nodes = nodes;
    this.#dir = dir;
    this.#links = links;
  }

  static async start({ env = {}, control, fate }: LossyClusterOptions): Promise<LossyCluster> {
    const dir = mkdtempSync(join(tmpdir(), "raftkv-exactly-once-"));
    const links = new Map<string, LossyLink>();
    const patches = control === null ? [] : [CONTROLS[control]];
    const nodes = await NodeProcesses.prepare({
      nodes: 3,
      dir,
      env: { ...env, ...patchedEnv(patches, join(dir, "patches.json")) },
      advertised: (name) => links.get(name)?.address ?? "",
    });
    for (const name of nodes.names) links.set(name, await LossyLink.to(nodes.endpoint(name), fate));
    const cluster = new LossyCluster(nodes, dir, links);
    try {
      for (const name of nodes.names) nodes.spawn(name);
      await nodes.leader();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** A client, with a session of its own from its first write on. */
  connect(): Promise<Client> {
    const endpoints = [...this.#links.values()].map((link) => link.address);
    return connect({ endpoints, timeoutMs: TIMEOUT_MS, sessionTtlMs: SESSION_TTL_MS });
  }

  /** Kills the leader, and starts it again once another leads. */
  async changeLeader(): Promise<void> {
    const { name, term } = await this.nodes.leader();
    await this.nodes.kill(name);
    await until("another leads", async () => ((await this.nodes.leader()).term > term ? true : null));
    this.nodes.spawn(name);
  }

  async stop(): Promise<void> {
    await this.nodes.stop();
    for (const link of this.#links.values()) await link.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
