import type { Step } from "@raftkv/checker";
import { compare, get, put } from "@raftkv/client";
import type { Client, Operation as Part, OperationResult } from "@raftkv/client";
import { judge } from "../../check/judge.js";
import type { Random } from "../../power-loss/random.js";
import { NothingDone } from "../load.js";
import type { Stage, Workload } from "./workload.js";

const KEYS_AT_ONCE = 6;
const APPENDS_OF_KEY = 60;
const STEPS_MAX = 4;
const PROCESSES = 6;

/**
 * Transactions over several lists. A list is a key with its elements behind one another: a transaction reads the lists, and
 * appends where they have not changed since. One that meets a change is no transaction of the history: nothing happened.
 */
export const append: Workload = {
  name: "append",
  about: "transactions that append to and read several lists: strictly serializable",
  async start(stage) {
    const clients = [await stage.load.client(), await stage.load.client()];
    const lists = new Lists();
    for (let at = 0; at < PROCESSES; at += 1) process(stage, lists, clients[at % clients.length] as Client);
  },
  judge(history) {
    return judge(history, "append", { format: "jsonl" });
  },
};

/** Elements count up per key: each is appended once. */
class Lists {
  readonly #next = Array.from({ length: KEYS_AT_ONCE }, () => 0);

  step(random: Random): Step {
    const at = random.below(KEYS_AT_ONCE);
    const next = this.#next[at] ?? 0;
    const key = `append/${at}/${Math.floor(next / APPENDS_OF_KEY)}`;
    if (random.chance(0.5)) return ["read", key, null];
    this.#next[at] = next + 1;
    return ["append", key, next];
  }
}

/** Somebody else appended meanwhile: this attempt did nothing. */
const MAX_ATTEMPTS = 4;

function process({ load, pauseMs, random: all }: Stage, lists: Lists, client: Client): void {
  const random = all.fork();
  const own = load.newProcess();
  load.loop(random, pauseMs, async () => {
    const steps = Array.from({ length: random.between(1, STEPS_MAX) }, () => lists.step(random));
    const invocation = { op: "txn", key: "append", steps } as const;
    await load.ask("append", own, invocation, async () => ({ steps: await run(client, steps) }));
  });
}

async function run(client: Client, steps: readonly Step[]): Promise<Step[]> {
  const written = new Set(steps.flatMap(([kind, key]) => (kind === "append" ? [key] : [])));
  const keys = [...new Set(steps.map(([, key]) => key))];
  for (let attempt = 1; ; attempt += 1) {
    const before = new Map<string, { readonly text: string; readonly modRevision: number }>();
    const looked = written.size === 0 ? [] : await Promise.all([...written].map((key) => client.get(key)));
    [...written].forEach((key, at) => {
      const kv = looked[at] ?? null;
      before.set(key, { text: kv?.text() ?? "", modRevision: kv?.modRevision ?? 0 });
    });
    const appended = new Map([...before].map(([key, { text }]) => [key, text]));
    for (const [kind, key, element] of steps)
      if (kind === "append") appended.set(key, `${appended.get(key) ?? ""} ${element}`);
    // Reads see what was there before the transaction: its own appends are added below.
    const parts: Part[] = [
      ...keys.map((key) => get(key)),
      ...[...appended].map(([key, text]) => put(key, text)),
    ];
    const { results, succeeded } = await client
      .txn()
      .if(...[...before].map(([key, { modRevision }]) => compare(key).modRevision.equals(modRevision)))
      .then(...parts)
      .commit();
    if (succeeded) return answered(steps, keys, results);
    if (attempt === MAX_ATTEMPTS) throw new NothingDone("others were faster");
  }
}

function answered(
  steps: readonly Step[],
  keys: readonly string[],
  results: readonly OperationResult[],
): Step[] {
  const lists = new Map(keys.map((key, at) => [key, elementsOf(results[at])]));
  return steps.map(([kind, key, element]): Step => {
    const list = lists.get(key) ?? [];
    if (kind === "read") return ["read", key, [...list]];
    list.push(Number(element));
    return ["append", key, element];
  });
}

function elementsOf(result: OperationResult | undefined): number[] {
  if (result?.kind !== "get") throw new Error(`a get was answered with ${result?.kind}`);
  return (result.kv?.text() ?? "")
    .split(" ")
    .filter((text) => text !== "")
    .map(Number);
}
