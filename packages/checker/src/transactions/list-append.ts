import { inCallOrder } from "../history.js";
import type { Element, Transaction } from "../history.js";
import { validateHistory } from "../validate.js";
import { findCycles } from "./cycles.js";
import type { CycleName } from "./cycles.js";
import { DependencyGraph } from "./graph.js";
import type { DependencyKind } from "./graph.js";
import { beginsWith, collectLists, readsOf, widestReads } from "./lists.js";
import type { ListFacts, ListRead, SelfContradiction } from "./lists.js";
import { findReadAnomalies } from "./read-anomalies.js";

/**
 * - `G1a`: read what a failed transaction appended. `G1b`: read the middle of another transaction.
 * - `internal`: a transaction contradicts itself. `incompatible order`: two reads that no one list can have given.
 * - `duplicate element`, `phantom element` (nobody appended it), `lost element` (acknowledged, and missing later).
 * - The others are cycles of dependencies, see `docs/histories.md`.
 */
export type TransactionAnomaly =
  | CycleName
  | "G1a"
  | "G1b"
  | "internal"
  | "incompatible order"
  | "duplicate element"
  | "phantom element"
  | "lost element";

/** One transaction must come before another. */
export interface Dependency {
  readonly from: Transaction;
  readonly to: Transaction;
  readonly kind: DependencyKind;
  /** The list that says so; `null` for `realtime`. */
  readonly key: string | null;
}

export interface TransactionFinding {
  readonly anomaly: TransactionAnomaly;
  /** In words; for a cycle, what each of its dependencies rests on. */
  readonly reason: string;
  /** All that take part, in the order of the cycle, or of their calls. */
  readonly transactions: readonly Transaction[];
  /** From each to the next, and from the last to the first. Empty when it takes no cycle to see it. */
  readonly cycle: readonly Dependency[];
}

export interface ListAppendResult {
  readonly ok: boolean;
  readonly findings: readonly TransactionFinding[];
  readonly transactions: number;
  /** Lists that were read and told. A history without one proves nothing, though nothing is wrong with it. */
  readonly reads: number;
  /** Transactions of unknown outcome of which somebody read something: they did take effect. */
  readonly recovered: number;
}

/**
 * Could these transactions have run one after the other, each between its call and its return (strict serializability)?
 * Elements of a list differ, so who reads a list sees in which order all before had written, and that decides the order of everything
 * (Kingsbury & Alvaro, "Elle: inferring isolation anomalies from experimental observations", 2020). Exact, in about linear time: when
 * no finding is made, an order exists. A transaction of unknown outcome took effect if anybody read something of it; otherwise
 * it may be taken for one that never happened.
 * @throws {HistoryError} the history is malformed, has other operations than `txn`, or appends an element twice to one list.
 */
export function checkListAppend(history: readonly Transaction[]): ListAppendResult {
  validateHistory(history, ["txn"]);
  const transactions = inCallOrder(history);
  const reads: ListRead[][] = [];
  const contradictions: SelfContradiction[] = [];
  for (const [by, transaction] of transactions.entries()) {
    if (transaction.outcome !== "ok") continue;
    const found = readsOf(transaction, by);
    reads[by] = found.reads;
    contradictions.push(...found.contradictions);
  }
  const lists = collectLists(transactions, reads);
  const happened = whichHappened(transactions, lists);
  const direct = findReadAnomalies({ transactions, lists, contradictions, happened });
  const graph = buildGraph(transactions, lists, happened);
  const explained = new Set(direct.flatMap(({ by }) => by));
  const findings: TransactionFinding[] = direct.map(({ anomaly, reason, by }) => ({
    anomaly,
    reason,
    transactions: [...new Set(by)].sort((a, b) => a - b).map((index) => transactions[index] as Transaction),
    cycle: [],
  }));
  for (const { name, edges } of findCycles(graph, explained)) {
    const cycle = edges.map(({ from, to, kind, key }) => ({
      from: transactions[from] as Transaction,
      to: transactions[to] as Transaction,
      kind,
      key,
    }));
    const reason = cycle.map((dependency) => describeDependency(dependency)).join("; ");
    findings.push({ anomaly: name, reason, transactions: cycle.map(({ from }) => from), cycle });
  }
  return {
    ok: findings.length === 0,
    findings,
    transactions: transactions.length,
    reads: lists.reduce((sum, list) => sum + list.reads.length, 0),
    recovered: transactions.filter(({ outcome }, by) => outcome === "unknown" && happened[by] === true)
      .length,
  };
}

/** Those that were acknowledged, and those of unknown outcome of which something was read. */
function whichHappened(transactions: readonly Transaction[], lists: readonly ListFacts[]): boolean[] {
  const happened = transactions.map(({ outcome }) => outcome === "ok");
  for (const list of lists) {
    for (const { all } of widestReads(list)) {
      for (const element of all) {
        const writer = list.writers.get(element);
        if (writer !== undefined && transactions[writer.by]?.outcome === "unknown")
          happened[writer.by] = true;
      }
    }
  }
  return happened;
}

function buildGraph(
  transactions: readonly Transaction[],
  lists: readonly ListFacts[],
  happened: readonly boolean[],
): DependencyGraph {
  const graph = new DependencyGraph(transactions.length);
  for (const list of lists) addList(graph, list, happened);
  addRealTime(graph, transactions);
  return graph;
}

function addList(graph: DependencyGraph, list: ListFacts, happened: readonly boolean[]): void {
  const { appends, key, longest, reads, strays, writers } = list;
  const order: readonly Element[] = longest?.all ?? [];
  const writerOf = (at: number): number | null => {
    const by = writers.get(order[at] as Element)?.by;
    return by !== undefined && happened[by] === true ? by : null;
  };
  for (let at = 1; at < order.length; at += 1) {
    const [from, to] = [writerOf(at - 1), writerOf(at)];
    if (from !== null && to !== null) graph.add(from, to, "ww", key);
  }
  const seen = new Set(order);
  const unread = [...appends.keys()].filter(
    (by) => happened[by] === true && appends.get(by)?.some((element) => !seen.has(element)) === true,
  );
  const atEnd: number[] = [];
  for (const read of reads) {
    const { base, by } = read;
    if (strays.has(read) && !beginsWith(order, base)) continue;
    const from = base.length === 0 ? null : writerOf(base.length - 1);
    if (from !== null) graph.add(from, by, "wr", key);
    if (base.length === order.length) atEnd.push(by);
    else {
      const to = writerOf(base.length);
      if (to !== null) graph.add(by, to, "rw", key);
    }
  }
  // What nobody read was appended behind all that somebody did.
  graph.addAll([...new Set(atEnd)], unread, "rw", key);
  const last = order.length === 0 ? null : writerOf(order.length - 1);
  if (last !== null) graph.addAll([last], unread, "ww", key);
}

/** Whatever returned before another was called comes before it. One node for each return, each leading to the next. */
function addRealTime(graph: DependencyGraph, transactions: readonly Transaction[]): void {
  const done = [...transactions.keys()].filter((by) => transactions[by]?.outcome === "ok");
  const end = (by: number): number => transactions[by]?.return ?? Number.POSITIVE_INFINITY;
  done.sort((a, b) => end(a) - end(b));
  let next = 0;
  let last: number | null = null;
  for (const [by, { call, outcome }] of transactions.entries()) {
    for (; next < done.length && end(done[next] as number) < call; next += 1) {
      const node = graph.addNode();
      graph.add(done[next] as number, node, "realtime", null);
      if (last !== null) graph.add(last, node, "realtime", null);
      last = node;
    }
    if (last !== null && outcome !== "fail") graph.add(last, by, "realtime", null);
  }
}

function describeDependency({ from, to, kind, key }: Dependency): string {
  const [a, b] = [nameOf(from), nameOf(to)];
  switch (kind) {
    case "ww":
      return `${a} appended to ${key} before ${b} (ww)`;
    case "wr":
      return `${b} read what ${a} had appended to ${key} (wr)`;
    case "rw":
      return `${a} read ${key} without what ${b} appended (rw)`;
    case "realtime":
      return `${a} had returned before ${b} was called (realtime)`;
  }
}

/** Transactions are called by their place in the order of calls. */
function nameOf(transaction: Transaction): string {
  return `T${transaction.call}`;
}
