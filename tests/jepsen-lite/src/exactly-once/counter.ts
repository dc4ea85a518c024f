import { put } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { until } from "../harness/until.js";
import { Random } from "../power-loss/random.js";
import type { Control } from "./controls.js";
import { LossyCluster } from "./lossy-cluster.js";

export interface CounterOptions {
  readonly increments: number;
  /** They increment at the same time, each in a session of its own, one request at a time. */
  readonly clients: number;
  /** Of the leader, with SIGKILL. */
  readonly kills: number;
  /** Of the answers that are lost, each with its connection. */
  readonly lossRate: number;
  /** Of which answers are lost and when leaders are killed; processes and sockets run in real time beside that. */
  readonly seed: number;
  readonly control: Control | null;
  readonly log: (line: string) => void;
}

export interface CounterVerdict {
  /** How many puts the counter has seen. */
  readonly counted: number;
  readonly answersLost: number;
  /** What does not go together; nothing, when each increment was carried out once and answered with that. */
  readonly wrong: readonly string[];
}

/** What an increment was answered: where it was carried out, and what the counter stood at before. */
interface Answer {
  readonly number: number;
  readonly revision: number;
  readonly before: number;
}

/**
 * A counter is incremented while answers are lost at random and leaders are killed, so that requests are sent again and
 * again (F3). The counter is the version of one key: a put that is carried out twice shows, whatever it puts. Each
 * increment also puts a key of its own, which must have been put once, at the revision that its answer names.
 */
export async function countExactly(options: CounterOptions): Promise<CounterVerdict> {
  const { clients, control, increments, kills, log, lossRate, seed } = options;
  const random = new Random(seed);
  const losses = random.fork();
  const moments = Array.from({ length: kills }, () => random.below(increments)).sort((a, b) => a - b);
  let answersLost = 0;
  let calm = false;
  const cluster = await LossyCluster.start({
    control,
    fate: (answers) => {
      if (calm || !answers || !losses.chance(lossRate)) return "deliver";
      answersLost += 1;
      return "cut";
    },
  });
  const connected: Client[] = [];
  try {
    for (let i = 0; i < clients; i++) connected.push(await cluster.connect());
    const answers: Answer[] = [];
    const wrong: string[] = [];
    let issued = 0;
    const increment = async (client: Client): Promise<void> => {
      while (issued < increments && wrong.length === 0) {
        const number = issued++;
        try {
          answers.push(await incremented(client, number));
        } catch (error) {
          wrong.push(`increment ${number} failed: ${String(error)}`);
        }
      }
    };
    const nemesis = async (): Promise<void> => {
      for (const [i, moment] of moments.entries()) {
        const due = async () => (answers.length >= moment || wrong.length > 0 ? true : null);
        await until(`${moment} increments`, due, { limitMs: 240_000 });
        if (wrong.length > 0) return;
        await cluster.changeLeader();
        log(`kill ${i + 1}: behind ${moment} increments, ${answersLost} answers lost`);
      }
    };
    await Promise.all([...connected.map(increment), nemesis()]);
    calm = true;
    const [reader] = connected;
    if (reader === undefined) throw new RangeError("there are no clients");
    const counted = (await reader.get("counter"))?.version ?? 0;
    if (counted !== increments) wrong.push(`the counter is ${counted}, not ${increments}`);
    wrong.push(...(await contradictions(reader, answers)));
    return { counted, answersLost, wrong };
  } finally {
    await Promise.all(connected.map((client) => client.close()));
    await cluster.stop();
  }
}

async function incremented(client: Client, number: number): Promise<Answer> {
  const { results, revision } = await client
    .txn()
    .then(put("counter", String(number), { previous: true }), put(`by/${number}`, String(number)))
    .commit();
  const [counter] = results;
  if (counter?.kind !== "put") throw new TypeError("the transaction's first operation is a put");
  return { number, revision, before: counter.previous?.version ?? 0 };
}

/** Where an answer is not that of the one time that its increment was carried out. */
async function contradictions(reader: Client, answers: readonly Answer[]): Promise<string[]> {
  const wrong: string[] = [];
  const inOrder = answers.toSorted((a, b) => a.revision - b.revision);
  for (const [before, answer] of inOrder.entries()) {
    if (answer.before === before) continue;
    wrong.push(
      `increment ${answer.number}, the one with ${before} before it, was told that it found ${answer.before}`,
    );
  }
  const found = new Map<string, { readonly version: number; readonly modRevision: number }>();
  for await (const kv of reader.range({ prefix: "by/" })) found.set(kv.key, kv);
  for (const { number, revision } of answers) {
    const own = found.get(`by/${number}`);
    if (own?.version === 1 && own.modRevision === revision) continue;
    wrong.push(
      `increment ${number} was answered with revision ${revision}, but was done ${own?.version} times, last at ${own?.modRevision}`,
    );
  }
  return wrong;
}
