import { checkAppenders } from "@raftkv/checker";
import type { AppenderOperation } from "@raftkv/checker";
import { put } from "@raftkv/client";
import type { Appender, Client } from "@raftkv/client";
import { TIMEOUT_MS } from "../load.js";
import { judgement } from "./workload.js";
import type { Stage, Workload } from "./workload.js";

const STREAMS = 2;
const PIPELINE_SIZE = 6;
/** Submitted and not answered: some wait for their place in the pipeline. */
const UNDER_WAY_MAX = 8;
const ELEMENTS_OF_APPENDER = 150;
const LOG = "appender";

/** Streams of elements, several under way at a time; the store's revisions tell their order. */
export const appender: Workload = {
  name: "appender",
  about: "pipelined appenders: in order, nothing lost or repeated",
  async start(stage) {
    const client = await stage.load.client();
    const names: string[] = [];
    for (let at = 0; at < STREAMS; at += 1) stream(stage, client, names);
    reader(stage, client, names);
  },
  async finish({ load }, client) {
    for (const key of new Set(load.historyOf(LOG).map((operation) => operation.key)))
      await load.ask(LOG, load.newProcess(), { op: "log", key }, () => log(client, key));
  },
  judge(history) {
    const { findings, ok, reads, submitted } = checkAppenders(history as AppenderOperation[]);
    const [first] = findings;
    const facts = `${submitted} submitted, ${reads} reads`;
    return judgement(history, ok, facts, findings, first === undefined ? [] : [first.operation]);
  },
};

/** One appender after the other, each with a log of its own: a new one when the old one is long, or has failed. */
function stream({ load, pauseMs, random: all }: Stage, client: Client, names: string[]): void {
  const random = all.fork();
  const free = Array.from({ length: UNDER_WAY_MAX }, () => load.newProcess());
  let current: { appender: Appender; name: string; submitted: number; hasFailed: boolean } | null = null;
  let wake = (): void => {};
  load.loop(random, pauseMs, async () => {
    while (free.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    if (current === null || current.hasFailed || current.submitted === ELEMENTS_OF_APPENDER) {
      const made = client.appender({ pipelineSize: PIPELINE_SIZE, batchTimeoutMs: 2 * TIMEOUT_MS });
      current = { appender: made, name: `s${names.length}`, submitted: 0, hasFailed: false };
      names.push(current.name);
    }
    const own = current;
    own.submitted += 1;
    const { name, submitted: sequence } = own;
    const process = free.pop() as number;
    const key = `${LOG}/${name}`;
    load.alongside(async () => {
      const invocation = { op: "submit", key, appender: name, sequence } as const;
      const answer = await load.ask(LOG, process, invocation, async () => {
        await own.appender.append([put(`${key}/${sequence}`, "")]);
        return {};
      });
      if (answer === null) own.hasFailed = true;
      free.push(process);
      wake();
    });
  });
}

/** Looks at the logs of the time. */
function reader({ load, pauseMs, random: all }: Stage, client: Client, names: readonly string[]): void {
  const random = all.fork();
  const process = load.newProcess();
  load.loop(random, pauseMs * 4, async () => {
    const name = names.at(-1 - random.below(STREAMS));
    if (name === undefined) return;
    const key = `${LOG}/${name}`;
    await load.ask(LOG, process, { op: "log", key }, () => log(client, key));
  });
}

/** In the order of the store's revisions. What was put twice is told twice. */
async function log(client: Client, key: string): Promise<{ entries: (readonly [string, number])[] }> {
  const { entries } = await client.getRange({ prefix: `${key}/` });
  const name = key.slice(LOG.length + 1);
  const inOrder = [...entries].sort((a, b) => a.modRevision - b.modRevision);
  return {
    entries: inOrder.flatMap((kv) => {
      const entry = [name, Number(kv.key.slice(key.length + 1))] as const;
      return kv.version > 1 ? [entry, entry] : [entry];
    }),
  };
}
