import { splitByKey } from "./history.js";
import type { BankOperation, ReadBalances } from "./history.js";
import { validateHistory } from "./validate.js";

export interface BankFinding {
  readonly kind: "wrong sum" | "negative" | "wrong accounts" | "impossible balance";
  readonly key: string;
  readonly read: ReadBalances;
  readonly reason: string;
}

export interface BankResult {
  readonly ok: boolean;
  readonly findings: readonly BankFinding[];
  /** Transfers that were done for certain. */
  readonly transfers: number;
  /** Reads with an answer. A history without one proves nothing, and is not `ok`. */
  readonly reads: number;
}

/** What each account holds at first, by name. */
export type OpeningBalances = Readonly<Record<string, number>>;

/**
 * Money is moved, never made. Every read shows the same accounts with the same sum, none below zero; and each account holds no
 * more than what it had at first, with everything that may have come in and nothing of what may have gone out, and no less
 * than the opposite. Reads one moment: so a read in the middle of a transfer shows a wrong sum.
 * @throws {HistoryError} the history is malformed or has other operations than `transfer` and `balances`.
 */
export function checkBank(history: readonly BankOperation[], opening: OpeningBalances): BankResult {
  validateHistory(history, ["transfer", "balances"]);
  const findings: BankFinding[] = [];
  let transfers = 0;
  let reads = 0;
  for (const [key, operations] of splitByKey(history)) {
    const bounds = new Bounds(opening, operations);
    transfers += operations.filter(
      (operation) => operation.op === "transfer" && operation.outcome === "ok" && operation.done !== false,
    ).length;
    for (const read of operations) {
      if (read.op !== "balances" || read.outcome !== "ok" || read.balances === null) continue;
      reads += 1;
      const found = judgeRead(read, opening) ?? bounds.judge(read);
      if (found !== null) findings.push({ key, read, ...found });
    }
  }
  return { ok: findings.length === 0 && reads > 0, findings, transfers, reads };
}

type Found = Pick<BankFinding, "kind" | "reason"> | null;

function judgeRead(read: ReadBalances, opening: OpeningBalances): Found {
  const balances = read.balances ?? {};
  const accounts = Object.keys(opening).sort().join(", ");
  const shown = Object.keys(balances).sort().join(", ");
  if (shown !== accounts)
    return { kind: "wrong accounts", reason: `it shows ${shown}; there are ${accounts}` };
  const debtor = Object.entries(balances).find(([, held]) => held < 0);
  if (debtor !== undefined) return { kind: "negative", reason: `${debtor[0]} holds ${debtor[1]}` };
  const [sum, expected] = [sumOf(balances), sumOf(opening)];
  if (sum !== expected) return { kind: "wrong sum", reason: `the sum is ${sum}, but ${expected} was there` };
  return null;
}

function sumOf(balances: OpeningBalances): number {
  return Object.values(balances).reduce((sum, held) => sum + held, 0);
}

/** What each account may hold at a time: events of its transfers, in the order of positions. */
class Bounds {
  readonly #opening: OpeningBalances;
  /** Of those that may have happened, by call; of those that certainly have, by return. */
  readonly #may: { at: number; from: string; to: string; amount: number }[] = [];
  readonly #must: { at: number; from: string; to: string; amount: number }[] = [];

  constructor(opening: OpeningBalances, operations: readonly BankOperation[]) {
    this.#opening = opening;
    for (const operation of operations) {
      if (operation.op !== "transfer" || operation.outcome === "fail" || operation.done === false) continue;
      const { amount, call, done, from, to } = operation;
      this.#may.push({ at: call, from, to, amount });
      if (operation.return !== null && done === true)
        this.#must.push({ at: operation.return, from, to, amount });
    }
    this.#must.sort((a, b) => a.at - b.at);
  }

  judge(read: ReadBalances): Found {
    const least = new Map(Object.entries(this.#opening));
    const most = new Map(least);
    const add = (row: Map<string, number>, account: string, amount: number): void => {
      row.set(account, (row.get(account) ?? 0) + amount);
    };
    for (const { amount, at, from, to } of this.#may) {
      if (at > (read.return ?? 0)) break;
      add(least, from, -amount);
      add(most, to, amount);
    }
    for (const { amount, at, from, to } of this.#must) {
      if (at >= read.call) break;
      add(least, to, amount);
      add(most, from, -amount);
    }
    for (const [account, held] of Object.entries(read.balances ?? {})) {
      const [low, high] = [least.get(account) ?? 0, most.get(account) ?? 0];
      if (held >= low && held <= high) continue;
      return {
        kind: "impossible balance",
        reason: `${account} holds ${held}; it must be between ${low} and ${high}`,
      };
    }
    return null;
  }
}
