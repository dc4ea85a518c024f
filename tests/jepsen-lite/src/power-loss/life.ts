import { RaftKvError, connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import type { NodeStatus } from "../harness/cluster.js";
import { NodeFailure, PowerLossNodes } from "./nodes.js";
import type { Random } from "./random.js";
import { replayLog } from "./replay.js";
import { allGenerators } from "./workload/all.js";
import type { Depth, Load } from "./workload/generator.js";

const LOAD_MS_MAX = 1_800;
const FIRST_ACKNOWLEDGED_MS_MAX = 5_000;
/** For what a whole cluster must be able to do, on a machine that has much else to do. */
const CLIENT_TIMEOUT_MS = 60_000;

export interface LifeOptions {
  readonly dir: string;
  readonly shim: string;
  /** What its processes have in their environment. */
  readonly env: NodeJS.ProcessEnv;
  readonly random: Random;
  /** As of a cut. */
  readonly ordered: boolean;
}

/** What a round showed. */
export interface Round {
  readonly cuts: number;
  /** What was lost or differed; empty when the promises held. */
  readonly wrong: readonly string[];
}

/**
 * One cluster that lives through one power cut after the other, on the same directories. A round loads it, cuts the power at a
 * random moment, starts what survived, and compares it with what was promised.
 */
export class Life {
  readonly #options: LifeOptions;
  readonly #nodes: PowerLossNodes;
  readonly #generators = allGenerators();
  #client: Client | null = null;

  private constructor(options: LifeOptions, nodes: PowerLossNodes) {
    this.#options = options;
    this.#nodes = nodes;
  }

  /** @throws {NodeFailure} it does not come up. */
  static async begin(options: LifeOptions): Promise<Life> {
    const life = new Life(options, await PowerLossNodes.prepare(options));
    try {
      life.#nodes.start();
      await life.#nodes.led();
    } catch (error) {
      await life.#nodes.stop();
      throw error;
    }
    return life;
  }

  get acknowledged(): number {
    return this.#generators.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  }

  /** What was wrong is returned, not thrown. */
  async round(depth: Depth): Promise<Round> {
    const { ordered, random } = this.#options;
    const wrong: string[] = [];
    let cuts = 0;
    try {
      await this.#loadUntilKilled(random.below(LOAD_MS_MAX), wrong);
      this.#nodes.lose(random, { ordered });
      cuts += 1;
      // Now and then while they start: what an opening writes is lost in turn.
      while (random.chance(0.2)) {
        this.#nodes.start();
        await delay(random.below(1_200));
        await this.#nodes.kill();
        this.#nodes.lose(random, { ordered });
        cuts += 1;
      }
      this.#nodes.start();
      await this.#nodes.led();
      wrong.push(...(await this.#compare(depth)));
    } catch (error) {
      if (!(error instanceof NodeFailure || error instanceof RaftKvError)) throw error;
      wrong.push(error.message);
    }
    return { cuts, wrong };
  }

  /** Ends its processes. The directories are kept where they are to be looked at. */
  async end({ keep }: { readonly keep: boolean }): Promise<void> {
    await this.#client?.close();
    if (keep) await this.#nodes.stop();
    else await this.#nodes.remove();
  }

  async #loadUntilKilled(forMs: number, wrong: string[]): Promise<void> {
    const { random } = this.#options;
    const client = await this.#connected();
    const load: Load & { stopped: boolean } = {
      client,
      random: random.fork(),
      stopped: false,
      found: (what) => wrong.push(what),
    };
    const running = Promise.all(this.#generators.map((generator) => generator.run(load)));
    // At any moment of the load, but now and then before it has got anywhere.
    if (random.chance(0.8)) await this.#firstAcknowledged();
    await delay(forMs);
    const killed = this.#nodes.kill();
    load.stopped = true;
    // What is in flight is answered by nobody any more.
    await client.close();
    this.#client = null;
    await Promise.all([running, killed]);
  }

  async #firstAcknowledged(): Promise<void> {
    const { acknowledged } = this;
    const deadline = performance.now() + FIRST_ACKNOWLEDGED_MS_MAX;
    while (this.acknowledged === acknowledged && performance.now() < deadline) await delay(2);
  }

  async #compare(depth: Depth): Promise<string[]> {
    const { random } = this.#options;
    const client = await this.#connected();
    const wrong: string[] = [];
    for (const generator of this.#generators) wrong.push(...(await generator.check(client, random, depth)));
    const replicas = await this.#nodes.converged();
    const shown = new Set(replicas.map(contents));
    if (shown.size !== 1) wrong.push(`the replicas differ: ${replicas.map(describe).join("; ")}`);
    wrong.push(...(await this.#compareWithReplay(replicas)));
    return wrong;
  }

  /** The log of one of them, from its first entry on, must lead to what all of them show. */
  async #compareWithReplay(replicas: readonly NodeStatus[]): Promise<string[]> {
    const { dir, random } = this.#options;
    const { appliedIndex, hash, name, revision } = random.pick(replicas);
    const replayed = await replayLog(this.#nodes.logOf(name), appliedIndex, random, dir);
    if (replayed.hash === hash && replayed.revision === revision) return [];
    return [
      `the log of ${name} up to ${appliedIndex} leads to revision ${replayed.revision} with ${replayed.hash}, ` +
        `${name} shows revision ${revision} with ${hash}`,
    ];
  }

  async #connected(): Promise<Client> {
    const { endpoints } = this.#nodes.processes;
    this.#client ??= await connect({ endpoints, timeoutMs: CLIENT_TIMEOUT_MS });
    return this.#client;
  }
}

const contents = ({ hash, revision }: NodeStatus): string => `${revision} ${hash}`;

function describe({ appliedIndex, hash, name, revision }: NodeStatus): string {
  return `${name} at index ${appliedIndex}, revision ${revision}, ${hash}`;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
