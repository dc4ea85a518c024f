import { checkWatches } from "@raftkv/checker";
import type { Change, WatchMessage, WatchOperation } from "@raftkv/checker";
import { put } from "@raftkv/client";
import type { Client, WatchEvent } from "@raftkv/client";
import type { Load } from "../load.js";
import { judgement } from "./workload.js";
import type { Stage, Workload } from "./workload.js";

const KEYS = 8;
const CHANGES_MAX = 3;
const WRITERS = 2;
const WATCHERS = 3;
/** A stream is left after this long, and the next one goes on where it ended. */
const STREAM_MS = [300, 6_000] as const;
const LAST_LOOK_MS = 60_000;
const STORE = "watch";
const START = "watch/";
const END = "watch0";

/** Transactions and deletes of some keys, and watches that are left and resumed (F6). */
export const watch: Workload = {
  name: "watch",
  about: "watches that are left and resumed: complete, in order, once, atomic",
  async start(stage) {
    const { load } = stage;
    const client = await load.client();
    const values = { next: 0 };
    for (let at = 0; at < WRITERS; at += 1) writer(stage, client, values);
    for (let at = 0; at < WATCHERS; at += 1) watcher(stage, await load.client(), `w${at}`);
  },
  async finish({ load }, client) {
    // Everything again, from the first revision on.
    const { entries } = await client.getRange({ prefix: START });
    const newest = Math.max(0, ...entries.map((kv) => kv.modRevision));
    const deadline = load.nowMs() + LAST_LOOK_MS;
    if (newest === 0) return;
    await stream(load, client, { process: load.newProcess(), name: "last", from: 1 }, (received) => {
      const last = received.at(-1);
      const isThere = last !== undefined && "revision" in last && last.revision >= newest;
      return isThere || load.nowMs() > deadline;
    });
  },
  judge(history) {
    const { findings, messages, ok, streams } = checkWatches(history as WatchOperation[]);
    const [first] = findings;
    const facts = `${streams} streams, ${messages} messages`;
    return judgement(history, ok, facts, findings, first === undefined ? [] : [first.watch]);
  },
};

function writer({ load, pauseMs, random: all }: Stage, client: Client, values: { next: number }): void {
  const random = all.fork();
  const process = load.newProcess();
  load.loop(random, pauseMs, async () => {
    if (random.chance(0.15)) {
      const key = START + random.below(KEYS);
      await load.ask(STORE, process, { op: "delete", key }, async () => {
        const { deleted, revision } = await client.delete(key);
        return { deleted: deleted > 0, revision };
      });
      return;
    }
    const changes = new Map<string, string>();
    for (let count = random.between(1, CHANGES_MAX); count > 0; count -= 1) {
      changes.set(START + random.below(KEYS), String(values.next));
      values.next += 1;
    }
    const invocation = { op: "change", key: STORE, changes: [...changes] } as const;
    await load.ask(STORE, process, invocation, async () => {
      const puts = [...changes].map(([key, value]) => put(key, value));
      const { revision } = await client
        .txn()
        .then(...puts)
        .commit();
      return { revision };
    });
  });
}

function watcher({ load, random: all }: Stage, client: Client, name: string): void {
  const random = all.fork();
  const process = load.newProcess();
  let from = 1;
  load.loop(random, 50, async () => {
    const untilMs = load.nowMs() + random.between(...STREAM_MS);
    const received = await stream(load, client, { process, name, from }, () => false, untilMs);
    const last = received?.at(-1);
    if (last !== undefined && "revision" in last) from = last.revision + 1;
  });
}

/** One stream of a watch, until what came is enough or the time is over. */
async function stream(
  load: Load,
  client: Client,
  { from, name, process }: { readonly process: number; readonly name: string; readonly from: number },
  isEnough: (received: readonly WatchMessage[]) => boolean,
  untilMs: number = load.nowMs() + LAST_LOOK_MS,
): Promise<readonly WatchMessage[] | null> {
  const invocation = { op: "watch", key: STORE, watcher: name, start: START, end: END, from } as const;
  const answer = await load.ask(STORE, process, invocation, async () => {
    const received: WatchMessage[] = [];
    const watched = client.watch({ prefix: START }, { fromRevision: from });
    const timer = setTimeout(() => watched.close(), untilMs - load.nowMs());
    try {
      for await (const events of watched.transactions()) {
        received.push(messageOf(events));
        if (isEnough(received)) break;
      }
    } finally {
      clearTimeout(timer);
    }
    return { received };
  });
  return answer?.received ?? null;
}

function messageOf(events: readonly WatchEvent<string>[]): WatchMessage {
  const changes = events.map(({ key, kv }): Change => [key, kv?.text() ?? null]);
  return { revision: events[0]?.revision ?? 0, changes };
}
