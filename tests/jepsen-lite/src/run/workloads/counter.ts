import { checkCounter } from "@raftkv/checker";
import type { CounterOperation } from "@raftkv/checker";
import type { Client } from "@raftkv/client";
import { judgement } from "./workload.js";
import type { Stage, Workload } from "./workload.js";

const COUNTERS = 2;
const PROCESSES = 4;
const READS = 0.2;

/**
 * A key's version counts its puts, and a put that is carried out twice counts twice: the client sends a put again, over broken
 * connections and to other leaders, until its deadline (F3).
 */
export const counter: Workload = {
  name: "counter",
  about: "increments that the client sends again until they are answered: each counts once",
  async start(stage) {
    const clients = [await stage.load.client(), await stage.load.client()];
    for (let at = 0; at < PROCESSES; at += 1) process(stage, clients[at % clients.length] as Client);
  },
  async finish({ load }, client) {
    const own = load.newProcess();
    for (let at = 0; at < COUNTERS; at += 1)
      await load.ask("counter", own, { op: "total", key: `counter/${at}` }, () =>
        total(client, `counter/${at}`),
      );
  },
  judge(history) {
    const { findings, increments, ok, totals } = checkCounter(history as CounterOperation[]);
    const facts = `${increments} increments, ${totals} totals`;
    const [first] = findings;
    return judgement(history, ok, facts, findings, first === undefined ? [] : [first.operation]);
  },
};

async function total(client: Client, key: string): Promise<{ total: number }> {
  return { total: (await client.get(key))?.version ?? 0 };
}

function process({ load, pauseMs, random: all }: Stage, client: Client): void {
  const random = all.fork();
  const own = load.newProcess();
  load.loop(random, pauseMs, async () => {
    const key = `counter/${random.below(COUNTERS)}`;
    if (random.chance(READS)) {
      await load.ask("counter", own, { op: "total", key }, () => total(client, key));
      return;
    }
    await load.ask("counter", own, { op: "increment", key, by: 1 }, async () => {
      const { previous } = await client.put(key, "", { previous: true });
      return { total: (previous?.version ?? 0) + 1 };
    });
  });
}
