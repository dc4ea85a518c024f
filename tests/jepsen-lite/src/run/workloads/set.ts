import { checkSet } from "@raftkv/checker";
import type { SetOperation } from "@raftkv/checker";
import type { Client } from "@raftkv/client";
import { judgement } from "./workload.js";
import type { Stage, Workload } from "./workload.js";

const ELEMENTS_OF_SET = 200;
const ADDERS = 3;
const READS = 0.15;

/** Each element is a key of its own: an acknowledged one is in every later read of them all. */
export const set: Workload = {
  name: "set",
  about: "elements that are added, and read together: nothing is lost",
  async start(stage) {
    const { load } = stage;
    const client = await load.client();
    const elements = new Elements();
    for (let at = 0; at < ADDERS; at += 1) process(stage, elements, client);
  },
  async finish({ load }, client) {
    const own = load.newProcess();
    const keys = new Set(load.historyOf("set").map(({ key }) => key));
    for (const key of keys) await load.ask("set", own, { op: "members", key }, () => members(client, key));
  },
  judge(history) {
    const { adds, findings, ok, reads, recovered } = checkSet(history as SetOperation[]);
    const facts = `${adds} added, ${recovered} of unknown outcome are there, ${reads} reads`;
    return judgement(history, ok, facts, findings, findings[0] === undefined ? [] : [findings[0].read]);
  },
};

class Elements {
  #next = 0;

  /** The set of the time. */
  get key(): string {
    return `set/${Math.floor(this.#next / ELEMENTS_OF_SET)}`;
  }

  next(): number {
    this.#next += 1;
    return this.#next - 1;
  }
}

function process({ load, pauseMs, random: all }: Stage, elements: Elements, client: Client): void {
  const random = all.fork();
  const own = load.newProcess();
  load.loop(random, pauseMs, async () => {
    const { key } = elements;
    if (random.chance(READS)) {
      await load.ask("set", own, { op: "members", key }, () => members(client, key));
      return;
    }
    const value = elements.next();
    await load.ask("set", own, { op: "add", key, value }, async () => {
      await client.put(`${key}/${value}`, "");
      return {};
    });
  });
}

/** An element that was put twice is told twice. */
async function members(client: Client, key: string): Promise<{ values: number[] }> {
  const { entries } = await client.getRange({ prefix: `${key}/` });
  const values = entries.flatMap((kv) => {
    const element = Number(kv.key.slice(key.length + 1));
    return kv.version > 1 ? [element, element] : [element];
  });
  return { values };
}
