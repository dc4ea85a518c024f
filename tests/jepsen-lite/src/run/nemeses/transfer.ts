import { setTimeout as pause } from "node:timers/promises";
import { RaftKvError, connect } from "@raftkv/client";
import type { Random } from "../../power-loss/random.js";
import type { Nemesis, Scene } from "./nemesis.js";

const CALL_MS = 2_000;

/** What clients have in flight then is refused or carried out, and never both (R20). Which of the transfers succeed is not asked. */
export const transfer: Nemesis = {
  name: "transfer",
  groups: ["commands"],
  about: "leadership is handed over by command, again and again, to any member or to one by name",
  lastsMs: [1_000, 6_000],
  async strike(scene) {
    const everyMs = scene.random.between(100, 1_500);
    const done = transferAgain(scene, everyMs, scene.random.fork());
    return { label: `a leadership transfer every ${everyMs} ms`, end: () => done };
  },
};

async function transferAgain({ cluster, signal }: Scene, everyMs: number, random: Random): Promise<void> {
  const endpoints = cluster.names.map((name) => cluster.processes.endpoint(name));
  while (!signal.aborted) {
    const to = random.pick([null, ...cluster.names]);
    try {
      const client = await connect({ endpoints, timeoutMs: CALL_MS, sessions: false });
      try {
        await client.members.transferLeadership(to === null ? {} : { to });
      } finally {
        await client.close();
      }
    } catch (error) {
      // Nobody leads, or it did not come to it.
      if (!(error instanceof RaftKvError)) throw error;
    }
    await pause(everyMs, undefined, { signal }).catch(() => undefined);
  }
}
