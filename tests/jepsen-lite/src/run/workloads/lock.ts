import { checkLock } from "@raftkv/checker";
import type { LockOperation } from "@raftkv/checker";
import { RaftKvError, compare, put } from "@raftkv/client";
import type { Client, Lock } from "@raftkv/client";
import { setTimeout as pause } from "node:timers/promises";
import { NothingDone, TIMEOUT_MS } from "../load.js";
import type { Load } from "../load.js";
import type { Random } from "../../power-loss/random.js";
import { judgement } from "./workload.js";
import type { Stage, Workload } from "./workload.js";

const LOCKS = 2;
const PROCESSES = 4;
const TTL_SECONDS = 2;
const HELD_MS_MAX = 300;
const ATTEMPTS_MAX = 4;
/** How often somebody goes on after it has given the lock away. */
const LATE = 0.4;

/** Locks that protect a key, which remembers the largest token that it has seen, and refuses smaller ones. */
export const lock: Workload = {
  name: "lock",
  about: "locks with fencing tokens: each holder has a larger one, late ones are refused",
  async start(stage) {
    for (let at = 0; at < PROCESSES; at += 1) process(stage, await stage.load.client());
  },
  judge(history) {
    const options = { expires: true };
    const { accepted, acquired, findings, ok, refused } = checkLock(history as LockOperation[], options);
    const [first] = findings;
    const facts = `${acquired} times held, ${accepted} uses accepted, ${refused} refused`;
    return judgement(history, ok, facts, findings, first === undefined ? [] : [first.operation]);
  },
};

function process({ load, random: all }: Stage, client: Client): void {
  const random = all.fork();
  const own = load.newProcess();
  load.loop(random, 100, async () => {
    const key = `lock/${random.below(LOCKS)}`;
    const held: { lock: Lock | null } = { lock: null };
    await load.ask("lock", own, { op: "acquire", key }, async () => {
      held.lock = await client.lock(key, { ttlSeconds: TTL_SECONDS, timeoutMs: TIMEOUT_MS });
      return { token: held.lock.token };
    });
    if (held.lock === null) return;
    const { token } = held.lock;
    await use(load, client, own, { key, token });
    await pause(random.below(HELD_MS_MAX));
    await use(load, client, own, { key, token });
    await release(load, own, held.lock);
    await late(load, client, random, own, { key, token });
  });
}

interface Use {
  readonly key: string;
  readonly token: number;
}

async function late(load: Load, client: Client, random: Random, own: number, use_: Use): Promise<void> {
  if (!random.chance(LATE)) return;
  await pause(random.below(HELD_MS_MAX));
  await use(load, client, own, use_);
}

async function use(load: Load, client: Client, own: number, { key, token }: Use): Promise<void> {
  await load.ask("lock", own, { op: "guarded", key, token }, async () => ({
    accepted: await guarded(client, `guarded/${key}`, token),
  }));
}

/** @throws {NothingDone} others changed it each time. */
async function guarded(client: Client, key: string, token: number): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const found = await client.get(key);
    if (found !== null && Number(found.text()) > token) return false;
    const { succeeded } = await client
      .txn()
      .if(compare(key).modRevision.equals(found?.modRevision ?? 0))
      .then(put(key, String(token)))
      .commit();
    if (succeeded) return true;
  }
  throw new NothingDone("others were faster");
}

async function release(load: Load, own: number, held: Lock): Promise<void> {
  const invocation = { op: "release", key: held.name, token: held.token } as const;
  await load.ask("lock", own, invocation, async () => {
    await held.release().catch((error: unknown) => {
      // Lost already, and so given away.
      if (!(error instanceof RaftKvError) || error.code !== "LEASE_NOT_FOUND") throw error;
    });
    return {};
  });
}
