import { checkBank } from "@raftkv/checker";
import type { BankOperation } from "@raftkv/checker";
import { RaftKvError, compare, put } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { NothingDone } from "../load.js";
import { judgement } from "./workload.js";
import type { Stage, Workload } from "./workload.js";

const ACCOUNTS = ["a", "b", "c", "d", "e"];
const OPENING = 100;
const AMOUNT_MAX = 30;
const PROCESSES = 4;
const READS = 0.3;
const ATTEMPTS_MAX = 4;
const PREFIX = "bank/";

/** Transfers between accounts, each a transaction, and reads of them all. */
export const bank: Workload = {
  name: "bank",
  about: "transfers between accounts: the sum stays, and nobody is in debt",
  async start(stage) {
    const { load } = stage;
    const clients = [await load.client(), await load.client()];
    await open(clients[0] as Client);
    for (let at = 0; at < PROCESSES; at += 1) process(stage, clients[at % clients.length] as Client);
  },
  async finish({ load }, client) {
    const invocation = { op: "balances", key: "bank" } as const;
    await load.ask("bank", load.newProcess(), invocation, () => balances(client));
  },
  judge(history) {
    const opening = Object.fromEntries(ACCOUNTS.map((account) => [account, OPENING]));
    const { findings, ok, reads, transfers } = checkBank(history as BankOperation[], opening);
    const facts = `${transfers} transfers, ${reads} reads`;
    return judgement(history, ok, facts, findings, findings[0] === undefined ? [] : [findings[0].read]);
  },
};

/** Before anything else; doing it again does no harm then. */
async function open(client: Client): Promise<void> {
  for (;;) {
    try {
      const puts = ACCOUNTS.map((account) => put(PREFIX + account, String(OPENING)));
      await client
        .txn()
        .then(...puts)
        .commit();
      return;
    } catch (error) {
      if (!(error instanceof RaftKvError) || error.code === "CLOSED") throw error;
    }
  }
}

async function balances(client: Client): Promise<{ balances: Record<string, number> }> {
  const { entries } = await client.getRange({ prefix: PREFIX });
  return {
    balances: Object.fromEntries(entries.map((kv) => [kv.key.slice(PREFIX.length), Number(kv.text())])),
  };
}

function process({ load, pauseMs, random: all }: Stage, client: Client): void {
  const random = all.fork();
  const own = load.newProcess();
  load.loop(random, pauseMs, async () => {
    if (random.chance(READS)) {
      await load.ask("bank", own, { op: "balances", key: "bank" }, () => balances(client));
      return;
    }
    const from = random.pick(ACCOUNTS);
    const to = random.pick(ACCOUNTS.filter((account) => account !== from));
    const amount = random.between(1, AMOUNT_MAX);
    await load.ask("bank", own, { op: "transfer", key: "bank", from, to, amount }, async () => ({
      done: await transfer(client, { from: PREFIX + from, to: PREFIX + to, amount }),
    }));
  });
}

interface Order {
  readonly from: string;
  readonly to: string;
  readonly amount: number;
}

/** @throws {NothingDone} others changed the accounts each time. */
async function transfer(client: Client, { amount, from, to }: Order): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const [source, target] = await Promise.all([client.get(from), client.get(to)]);
    if (source === null || target === null) throw new Error(`${from} or ${to} is gone`);
    const left = Number(source.text()) - amount;
    if (left < 0) return false;
    const { succeeded } = await client
      .txn()
      .if(
        compare(from).modRevision.equals(source.modRevision),
        compare(to).modRevision.equals(target.modRevision),
      )
      .then(put(from, String(left)), put(to, String(Number(target.text()) + amount)))
      .commit();
    if (succeeded) return true;
  }
  throw new NothingDone("others were faster");
}
