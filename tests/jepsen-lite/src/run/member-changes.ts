import { connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { until } from "../harness/until.js";
import type { ClusterUnderTest } from "./cluster-under-test.js";

const CALL_MS = 5_000;
const AGAIN_MS = 400;
/** Each step of a change, with faults all the while; they end, and nothing is done in vain. */
const STEP_MS_MAX = 240_000;

/** How a member comes to another one's place. */
export interface Swap {
  readonly name: string;
  readonly leaving: string;
  /** Added before the other one is removed. */
  readonly addFirst: boolean;
  /** Started before it is added. */
  readonly startFirst: boolean;
}

/** Changes the members as an operator would who keeps at it until it is done, whatever goes wrong meanwhile. */
export class MemberChanges {
  readonly #cluster: ClusterUnderTest;
  readonly #underway = new Set<Promise<void>>();
  #added: number;
  #step = "there was no change";

  constructor(cluster: ClusterUnderTest) {
    this.#cluster = cluster;
    this.#added = cluster.names.length;
  }

  /** What is being done, or was last. */
  get step(): string {
    return this.#step;
  }

  newName(): string {
    this.#added += 1;
    return `n${this.#added}`;
  }

  /** A new member, with an empty directory, in the place of one. Resolves when it votes and the other one is none any more. */
  swap({ addFirst, leaving, name, startFirst }: Swap): Promise<void> {
    return this.#begin(async () => {
      await this.#cluster.switchOffRemoved();
      if (addFirst) await this.#add(name, leaving, startFirst);
      await this.#remove(leaving);
      if (!addFirst) await this.#add(name, leaving, startFirst);
    });
  }

  /** One that is down for good goes, and comes again under its name and at its address, with an empty directory. */
  replace(name: string): Promise<void> {
    return this.#begin(async () => {
      this.#cluster.loseDisk(name);
      await this.#cluster.switchOffRemoved();
      await this.#remove(name);
      await this.#add(name, null, false);
    });
  }

  /** Resolves when every change that was begun is done, or has become a finding. */
  async settled(): Promise<void> {
    await Promise.all(this.#underway);
    this.#step = "who was removed ends";
    await this.#cluster.removedEnd();
  }

  #begin(change: () => Promise<void>): Promise<void> {
    const done = change()
      .catch((error: Error) => {
        const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
        this.#cluster.find(error.message + cause);
      })
      .finally(() => this.#underway.delete(done));
    this.#underway.add(done);
    return done;
  }

  async #add(name: string, beside: string | null, startFirst: boolean): Promise<void> {
    const cluster = this.#cluster;
    this.#step = `${name} is started`;
    await cluster.prepare(name, beside);
    if (startFirst) await cluster.join(name);
    await this.#insist(`${name} is added`, async ({ members }) => {
      await members.add(name, { peer: cluster.network.peerAddress(name) });
      return true;
    });
    if (!startFirst) await cluster.join(name);
    await this.#insist(`${name} gets its vote`, async ({ members }) => {
      const all = await members.list();
      return all.find((member) => member.name === name)?.role === "voter" ? true : null;
    });
  }

  async #remove(name: string): Promise<void> {
    this.#cluster.expectRemoval(name);
    await this.#insist(`${name} is removed`, async ({ members }) => {
      if ((await members.list()).some((member) => member.name === name)) await members.remove(name);
      return true;
    });
    this.#cluster.removed(name);
  }

  /** Asks again and again: what is done already is done (C1). */
  async #insist(what: string, act: (client: Client) => Promise<true | null>): Promise<void> {
    this.#step = what;
    const { broken, processes } = this.#cluster;
    await until(
      what,
      async () => {
        if (broken.aborted) return true;
        const endpoints = this.#cluster.names.map((name) => processes.endpoint(name));
        const client = await connect({ endpoints, timeoutMs: CALL_MS, sessions: false });
        try {
          return await act(client);
        } finally {
          await client.close();
        }
      },
      { limitMs: STEP_MS_MAX, everyMs: AGAIN_MS },
    );
  }
}
