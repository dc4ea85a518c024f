import {
  HistoryError,
  checkLinearizability,
  checkListAppend,
  describeViolation,
  kvModel,
  registerModel,
  stringModel,
} from "@raftkv/checker";
import type {
  CheckOptions,
  KvOperation,
  LinearizabilityResult,
  Operation,
  RegisterOperation,
  StringOperation,
  Transaction,
} from "@raftkv/checker";
import { describeTransactions } from "../report/transactions-text.js";
import type { Format } from "./formats.js";

export type ModelName = "register" | "kv" | "append";
export const MODELS: readonly ModelName[] = ["register", "kv", "append"];

/** Operations that a model judges. */
const KINDS: Readonly<Record<ModelName, readonly Operation["op"][]>> = {
  register: ["read", "write", "cas"],
  kv: ["get", "put", "append", "delete"],
  append: ["txn", "get", "put", "append", "delete"],
};

export interface Judgement {
  /** `null`: a limit ended the search before it was certain. */
  readonly ok: boolean | null;
  /** What was judged, in one line. */
  readonly summary: string;
  /** What is wrong, or undecided, for people. Empty when nothing is. */
  readonly explanation: string;
  /** The operations that are impossible together. */
  readonly offending: readonly Operation[];
}

/** @throws {HistoryError} the history has operations that the model does not know. */
export function judge(
  history: readonly Operation[],
  model: ModelName,
  options: CheckOptions & { readonly format: Format },
): Judgement {
  for (const [index, { op, call }] of history.entries()) {
    if (KINDS[model].includes(op)) continue;
    const place = options.format === "jsonl" ? index + 1 : call;
    throw new HistoryError(`is a ${op}; --model ${model} judges ${KINDS[model].join(", ")}`, place);
  }
  const transactions = history.filter((operation) => operation.op === "txn");
  if (transactions.length > 0 && transactions.length < history.length)
    throw new HistoryError(
      "transactions and single operations are mixed; a history has one or the other",
      null,
    );
  if (transactions.length > 0) return judgeTransactions(transactions);
  if (model === "register")
    return judgeObjects(
      history,
      checkLinearizability(history as RegisterOperation[], registerModel, options),
    );
  // Only our own format tells a missing key from an empty string, and facts such as revisions.
  if (options.format === "jsonl" && !history.some(({ op }) => op === "append"))
    return judgeObjects(history, checkLinearizability(history as KvOperation[], kvModel, options));
  return judgeObjects(history, checkLinearizability(history as StringOperation[], stringModel, options));
}

function judgeObjects(history: readonly Operation[], result: LinearizabilityResult): Judgement {
  const summary = `${summaryOf(history, "operations")}, ${count(result.keys, "key")}, ${result.steps} steps`;
  switch (result.verdict) {
    case "linearizable":
      return { ok: true, summary, explanation: "", offending: [] };
    case "not linearizable": {
      const { violation, wrongKeys } = result;
      const others = wrongKeys.filter((key) => key !== violation.key).map((key) => JSON.stringify(key));
      const more =
        others.length === 0 ? "" : `\nalso wrong: ${count(others.length, "other key")}: ${listOf(others)}`;
      return {
        ok: false,
        summary,
        explanation: describeViolation(violation) + more,
        offending: violation.window,
      };
    }
    case "unknown": {
      const keys = result.undecidedKeys.map((key) => JSON.stringify(key));
      const explanation = `the limit of --max-steps or --max-configurations ended the search; undecided: ${listOf(keys)}`;
      return { ok: null, summary, explanation, offending: [] };
    }
  }
}

function judgeTransactions(history: readonly Transaction[]): Judgement {
  const { findings, ok, reads, recovered } = checkListAppend(history);
  const summary = `${summaryOf(history, "transactions")} (${recovered} of them took effect), ${count(reads, "list")} read`;
  return {
    ok,
    summary,
    explanation: describeTransactions(findings),
    offending: findings[0]?.transactions ?? [],
  };
}

function summaryOf(history: readonly Operation[], what: string): string {
  const unknown = history.filter(({ outcome }) => outcome === "unknown").length;
  const failed = history.filter(({ outcome }) => outcome === "fail").length;
  return `${history.length} ${what}: ${failed} failed, ${unknown} of unknown outcome`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

const LISTED_MAX = 8;

function listOf(names: readonly string[]): string {
  const rest = names.length - LISTED_MAX;
  return names.slice(0, LISTED_MAX).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
