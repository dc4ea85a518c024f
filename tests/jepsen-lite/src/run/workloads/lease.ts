import { checkLeases } from "@raftkv/checker";
import type { LeaseOperation } from "@raftkv/checker";
import { RaftKvError } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { setTimeout as pause } from "node:timers/promises";
import { judgement } from "./workload.js";
import type { Stage, Workload } from "./workload.js";

const PROCESSES = 2;
const TTL_MS = [500, 4_000] as const;
/** Clocks of one machine; a hundredth is far more than they differ. */
const DRIFT_RATIO = 0.01;
/** Every change of the leader grants all leases their full time again (F5), so faults prolong them; a healed cluster does not. */
const HEALED_MS_MAX = 60_000;

/** Leases that nobody keeps alive: there for their time, and gone for good afterwards. */
export const lease: Workload = {
  name: "lease",
  about: "leases that run out: not before their time, and for good",
  async start(stage) {
    const client = await stage.load.client();
    const names = { next: 0 };
    for (let at = 0; at < PROCESSES; at += 1) process(stage, client, names);
  },
  async finish({ load }, client) {
    const deadline = load.nowMs() + HEALED_MS_MAX;
    while ((await client.leases()).length > 0) {
      if (load.nowMs() > deadline)
        throw new Error(`leases are still there ${HEALED_MS_MAX} ms after the last fault`);
      await pause(200);
    }
  },
  judge(history) {
    const options = { graceMs: null, driftRatio: DRIFT_RATIO };
    const { expired, findings, looks, ok } = checkLeases(history as LeaseOperation[], options);
    const [first] = findings;
    const facts = `${looks} looks, ${expired} leases ran out`;
    return judgement(history, ok, facts, findings, first === undefined ? [] : [first.operation]);
  },
};

function process({ load, random: all }: Stage, client: Client, names: { next: number }): void {
  const random = all.fork();
  const own = load.newProcess();
  load.loop(random, 200, async () => {
    const key = `lease/${names.next}`;
    names.next += 1;
    const ttlMs = random.between(...TTL_MS);
    const granted: { id: number } = { id: 0 };
    const invocation = { op: "grant", key, ttlMs, callMs: load.nowMs() } as const;
    const answer = await load.ask("lease", own, invocation, async () => {
      const made = await client.lease({ ttlSeconds: ttlMs / 1000 });
      made.stop();
      granted.id = made.id;
      return { returnMs: load.nowMs() };
    });
    if (answer === null) return;
    const looks = random.between(2, 6);
    for (let look = 0; look < looks && !load.isEnding; look += 1) {
      await pause(random.below(ttlMs));
      const asked = { op: "alive", key, callMs: load.nowMs() } as const;
      await load.ask("lease", own, asked, async () => ({
        alive: await isThere(client, granted.id),
        returnMs: load.nowMs(),
      }));
    }
    if (random.chance(0.3)) {
      const asked = { op: "revoke", key, callMs: load.nowMs() } as const;
      await load.ask("lease", own, asked, async () => {
        await revoke(client, granted.id);
        return { returnMs: load.nowMs() };
      });
    }
  });
}

async function isThere(client: Client, id: number): Promise<boolean> {
  try {
    await client.leaseStatus(id);
    return true;
  } catch (error) {
    if (error instanceof RaftKvError && error.code === "LEASE_NOT_FOUND") return false;
    throw error;
  }
}

/** One that is gone already needs no more. */
async function revoke(client: Client, id: number): Promise<void> {
  try {
    await client.revokeLease(id);
  } catch (error) {
    if (!(error instanceof RaftKvError) || error.code !== "LEASE_NOT_FOUND") throw error;
  }
}
