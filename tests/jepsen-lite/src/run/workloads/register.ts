import { compare, put } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { judge } from "../../check/judge.js";
import type { Load } from "../load.js";
import type { Stage, Workload } from "./workload.js";

const KEYS_AT_ONCE = 5;
/** Then another key takes its place: what stayed open on the old one troubles the search no more. */
const OPERATIONS_OF_KEY = 150;
const VALUES = 6;
const PROCESSES = 6;

/** Reads, writes and compare-and-sets of some keys; half of the readers ask one certain node each. */
export const register: Workload = {
  name: "register",
  about: "reads, writes and compare-and-sets per key: linearizable",
  async start(stage) {
    const { load, random } = stage;
    const keys = new Keys();
    const clients = [await load.client(), await load.client()];
    for (let at = 0; at < PROCESSES; at += 1) {
      const client = clients[at % clients.length] as Client;
      process(stage, keys, async () => client, random.pick([0.3, 0.5]));
    }
    // Followers answer too: they ask the leader how far they must have read (R18).
    for (const at of load.endpoints.keys()) process(stage, keys, ofOneNode(load, at), 1);
  },
  judge(history) {
    return judge(history, "register", { format: "jsonl" });
  },
};

class Keys {
  readonly #asked: number[] = Array.from({ length: KEYS_AT_ONCE }, () => 0);

  next(at: number): string {
    const asked = this.#asked[at] ?? 0;
    this.#asked[at] = asked + 1;
    return `register/${at}/${Math.floor(asked / OPERATIONS_OF_KEY)}`;
  }
}

/** A client that was told of one node alone; of another one when that is no member any more. */
function ofOneNode(load: Load, at: number): () => Promise<Client> {
  let its: { readonly endpoint: string; readonly client: Client } | null = null;
  return async () => {
    const { endpoints } = load;
    const endpoint = endpoints[at % endpoints.length] as string;
    if (its?.endpoint !== endpoint) {
      await its?.client.close();
      its = { endpoint, client: await load.client({ endpoints: [endpoint] }) };
    }
    return its.client;
  };
}

function process(
  { load, pauseMs, random: all }: Stage,
  keys: Keys,
  clientOf: () => Promise<Client>,
  reads: number,
): void {
  const random = all.fork();
  const own = load.newProcess();
  load.loop(random, pauseMs, async () => {
    const client = await clientOf();
    const key = keys.next(random.below(KEYS_AT_ONCE));
    if (random.chance(reads)) {
      await load.ask("register", own, { op: "read", key }, async () => ({
        value: await valueOf(client, key),
      }));
      return;
    }
    const value = random.below(VALUES);
    if (random.chance(0.5)) {
      await load.ask("register", own, { op: "write", key, value }, async () => {
        await client.put(key, String(value));
        return {};
      });
      return;
    }
    const expected = random.below(VALUES);
    await load.ask("register", own, { op: "cas", key, expected, value }, async () => {
      const { succeeded } = await client
        .txn()
        .if(compare(key).value.equals(String(expected)))
        .then(put(key, String(value)))
        .commit();
      return { swapped: succeeded };
    });
  });
}

async function valueOf(client: Client, key: string): Promise<number | null> {
  const kv = await client.get(key);
  return kv === null ? null : Number(kv.text());
}
