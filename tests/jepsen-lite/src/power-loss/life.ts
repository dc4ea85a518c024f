import { RaftKvError, connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { NodeFailure, PowerLossNodes } from "./nodes.js";
import type { HashedStatus } from "./nodes.js";
import type { Random } from "./random.js";
import { replayLog } from "./replay.js";
import { allGenerators } from "./workload/all.js";
import type { Depth, Load, Reach } from "./workload/generator.js";
import { Wire } from "./workload/wire.js";

const LOAD_MS_MAX = 1_800;
const WRITES_MAX = 1_000;
/** A machine that has much else to do gets less far, but a round stays short. */
const ACKNOWLEDGED_MS_MAX = 3_000;
/** How often a cluster is cut off again while it starts, at most. */
const STARTS_CUT_MAX = 2;
/** A node that comes back has received a snapshot by then. */
const RECEIVES_MS_MAX = 1_500;
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
  /** Snapshots that were seen to be installed: those of a moment before the cut are not. */
  readonly snapshots: number;
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
  #startedMs = { first: performance.now(), last: performance.now() };

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
    let [cuts, snapshots] = [0, 0];
    try {
      snapshots += await this.#loadUntilKilled(random.below(LOAD_MS_MAX), wrong);
      this.#nodes.lose(random, { ordered });
      cuts += 1;
      const first = performance.now();
      // Now and then while they start: what an opening writes is lost in turn.
      while (cuts <= STARTS_CUT_MAX && random.chance(0.2)) {
        this.#nodes.start();
        await delay(random.below(1_200));
        await this.#nodes.kill();
        this.#nodes.lose(random, { ordered });
        cuts += 1;
      }
      this.#startedMs = { first, last: performance.now() };
      this.#nodes.start();
      await this.#nodes.led();
      wrong.push(...(await this.#compare(depth)));
      snapshots += await this.#nodes.snapshotsInstalled();
    } catch (error) {
      if (!(error instanceof NodeFailure || error instanceof RaftKvError)) throw error;
      // Clients see no more than that nobody answers.
      if (error instanceof RaftKvError) wrong.push(...(await this.#nodes.ends()));
      wrong.push(error.message);
    }
    return { cuts, snapshots, wrong };
  }

  /** Ends its processes. The directories are kept where they are to be looked at. */
  async end({ keep }: { readonly keep: boolean }): Promise<void> {
    await this.#client?.close();
    if (keep) await this.#nodes.stop();
    else await this.#nodes.remove();
  }

  async #loadUntilKilled(forMs: number, wrong: string[]): Promise<number> {
    const { random } = this.#options;
    const client = await this.#connected();
    const wires: Wire[] = [];
    const load: Load & { stopped: boolean } = {
      ...this.#reach(client, wires),
      random: random.fork(),
      stopped: false,
      found: (what) => wrong.push(what),
    };
    const running = Promise.all(this.#generators.map((generator) => generator.run(load)));
    // At any moment of the load, but now and then before it has got anywhere. On a slow machine it takes longer to get as far.
    const writes = random.chance(0.8) ? 1 + random.below(WRITES_MAX) : 0;
    try {
      const moment = [delay(forMs), this.#acknowledgedMore(writes)];
      const [snapshots] = await Promise.all([this.#fallBehind(forMs), ...moment]);
      return snapshots;
    } finally {
      const killed = this.#nodes.kill();
      load.stopped = true;
      // What is in flight is answered by nobody any more.
      for (const wire of wires) wire.close();
      this.#client = null;
      await Promise.all([killed, client.close(), running]);
    }
  }

  /**
   * Now and then one node is away for a while, and comes back at any moment before the cut, or with the others: so it needs a snapshot, if
   * the log has been cut behind it. Resolves with how many were installed meanwhile.
   */
  async #fallBehind(forMs: number): Promise<number> {
    const { ordered, random } = this.#options;
    if (!random.chance(0.5)) return 0;
    const name = random.pick(this.#nodes.names);
    const [awayMs, backMs] = [random.below(forMs + 1), random.below(RECEIVES_MS_MAX)];
    await this.#nodes.stopOne(name);
    if (random.chance(0.5)) this.#nodes.loseOne(name, random, { ordered });
    if (random.chance(0.3)) return 0;
    await delay(awayMs);
    this.#nodes.start();
    // The cut comes while it starts; or asks, receives, installs, or behind that.
    if (random.chance(0.7)) await this.#nodes.listens(name);
    await delay(backMs);
    return this.#nodes.snapshotsInstalled();
  }

  async #acknowledgedMore(writes: number): Promise<void> {
    const wanted = this.acknowledged + writes;
    const deadline = performance.now() + ACKNOWLEDGED_MS_MAX;
    while (this.acknowledged < wanted && performance.now() < deadline) await delay(2);
  }

  async #compare(depth: Depth): Promise<string[]> {
    const { random } = this.#options;
    const client = await this.#connected();
    const wrong: string[] = [];
    const wires: Wire[] = [];
    const reach = this.#reach(client, wires);
    // At the same time: what one of them waits for, as for leases to end, costs the others nothing.
    const checks = this.#generators.map((generator) => generator.check(reach, random.fork(), depth));
    try {
      for (const found of await Promise.all(checks)) wrong.push(...found);
    } finally {
      // A check that gave up leaves others behind, which would ask nodes that are gone for ever.
      for (const wire of wires) wire.close();
    }
    const replicas = await this.#nodes.converged();
    const shown = new Set(replicas.map(contents));
    if (shown.size !== 1) wrong.push(`the replicas differ: ${replicas.map(describe).join("; ")}`);
    wrong.push(...(await this.#compareWithReplay(replicas)));
    return wrong;
  }

  /** The log, from its first entry on, must lead to what all of them show. */
  async #compareWithReplay(replicas: readonly HashedStatus[]): Promise<string[]> {
    const { dir, random } = this.#options;
    const replica = random.pick(replicas);
    const { name, stateHash, stateHashIndex } = replica;
    const names = [name, ...this.#nodes.names.filter((other) => other !== name)];
    const logs = names.map((one) => this.#nodes.logOf(one));
    const replayed = await replayLog(logs, stateHashIndex, random, dir);
    if (replayed.hash === stateHash) return [];
    const { contents, revision, state } = replayed;
    return [
      `the log up to ${stateHashIndex} leads to revision ${revision}, contents ${contents}, state ${state}; ${describe(replica)}`,
    ];
  }

  #reach(client: Client, wires: Wire[]): Reach {
    const { endpoints } = this.#nodes.processes;
    const wire = (): Wire => {
      const made = new Wire(endpoints);
      wires.push(made);
      return made;
    };
    return { client, endpoints, startedMs: this.#startedMs, wire };
  }

  async #connected(): Promise<Client> {
    const { endpoints } = this.#nodes.processes;
    this.#client ??= await connect({ endpoints, timeoutMs: CLIENT_TIMEOUT_MS });
    return this.#client;
  }
}

const contents = ({ stateHash, stateHashIndex }: HashedStatus): string => `${stateHashIndex} ${stateHash}`;

function describe({ hash, hashRevision, name, stateHash, stateHashIndex }: HashedStatus): string {
  return `${name} at index ${stateHashIndex} shows revision ${hashRevision}, contents ${hash}, with the state ${stateHash}`;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
