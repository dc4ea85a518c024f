import type { Element, Transaction } from "../history.js";
import type { TransactionAnomaly } from "./list-append.js";
import { widestReads } from "./lists.js";
import type { ListFacts, ListRead, SelfContradiction } from "./lists.js";

/** What can be seen without a cycle. `by`: the transactions that take part. */
export interface ReadAnomaly {
  readonly anomaly: TransactionAnomaly;
  readonly reason: string;
  readonly by: readonly number[];
}

interface Facts {
  readonly transactions: readonly Transaction[];
  readonly lists: readonly ListFacts[];
  readonly contradictions: readonly SelfContradiction[];
  /** Which transactions took effect. */
  readonly happened: readonly boolean[];
}

/** In the order in which they are easiest to understand. One element or one pair of reads is told once for each list. */
export function findReadAnomalies({ transactions, lists, contradictions, happened }: Facts): ReadAnomaly[] {
  const found: ReadAnomaly[] = contradictions.map(({ by, reason }) => ({
    anomaly: "internal",
    reason: `${nameOf(transactions, by)}: ${reason}`,
    by: [by],
  }));
  for (const list of lists) {
    findWrongElements(transactions, list, found);
    findOrders(transactions, list, found);
    findLost(transactions, list, happened, found);
  }
  return found;
}

/** Elements that nobody can have read there. */
function findWrongElements(
  transactions: readonly Transaction[],
  list: ListFacts,
  found: ReadAnomaly[],
): void {
  const { key, reads, writers } = list;
  const told = new Set<Element>();
  for (const { all, by } of widestReads(list)) {
    const reader = `${nameOf(transactions, by)} read ${show(key, all)}`;
    const once = new Set<Element>();
    for (const element of all) {
      const writer = writers.get(element);
      let anomaly: TransactionAnomaly | null = null;
      let reason = "";
      if (once.has(element)) [anomaly, reason] = ["duplicate element", `${element} is there twice`];
      else if (writer === undefined) [anomaly, reason] = ["phantom element", `nobody appended ${element}`];
      else if (transactions[writer.by]?.outcome === "fail")
        [anomaly, reason] = ["G1a", `${nameOf(transactions, writer.by)}, which appended ${element}, failed`];
      once.add(element);
      if (anomaly === null || told.has(element)) continue;
      told.add(element);
      found.push({
        anomaly,
        reason: `${reader}: ${reason}`,
        by: writer === undefined ? [by] : [by, writer.by],
      });
    }
  }
  for (const read of reads) findIntermediate(transactions, list, { read, told, found });
}

/** A read that ends in the middle of what another transaction appended. */
function findIntermediate(
  transactions: readonly Transaction[],
  { appends, key, writers }: ListFacts,
  { found, read, told }: { read: ListRead; told: Set<Element>; found: ReadAnomaly[] },
): void {
  const { all, base, by } = read;
  const last = base.at(-1);
  const writer = last === undefined ? undefined : writers.get(last);
  if (last === undefined || writer === undefined || writer.by === by || told.has(last)) return;
  if (transactions[writer.by]?.outcome === "fail") return;
  const next = appends.get(writer.by)?.[writer.nth + 1];
  if (next === undefined || all.includes(next)) return;
  told.add(last);
  const between = `${nameOf(transactions, writer.by)} appended ${last} and then ${next}`;
  const reason = `${nameOf(transactions, by)} read ${show(key, all)}: ${between}`;
  found.push({ anomaly: "G1b", reason, by: [by, writer.by] });
}

/** Reads that do not all show one growing list, and transactions whose own appends are found in another order. */
function findOrders(
  transactions: readonly Transaction[],
  { key, longest, strays, writers }: ListFacts,
  found: ReadAnomaly[],
): void {
  if (longest === null) return;
  const [other] = strays;
  if (other !== undefined) {
    const one = (read: ListRead): string => `${nameOf(transactions, read.by)} read ${show(key, read.all)}`;
    const by = [other.by, longest.by];
    found.push({ anomaly: "incompatible order", reason: `${one(other)}, but ${one(longest)}`, by });
  }
  const nth = new Map<number, number>();
  for (const element of longest.all) {
    const writer = writers.get(element);
    if (writer === undefined || transactions[writer.by]?.outcome === "fail") continue;
    const before = nth.get(writer.by);
    nth.set(writer.by, writer.nth);
    if (before === undefined || before <= writer.nth) continue;
    const reader = `${nameOf(transactions, longest.by)} read ${show(key, longest.all)}`;
    const reason = `${reader}: ${nameOf(transactions, writer.by)} appended ${element} first`;
    found.push({ anomaly: "incompatible order", reason, by: [longest.by, writer.by] });
    return;
  }
}

/** What was acknowledged, is in no read at all, and is missing in one that was called later. */
function findLost(
  transactions: readonly Transaction[],
  { key, longest, reads, appends }: ListFacts,
  happened: readonly boolean[],
  found: ReadAnomaly[],
): void {
  const seen = new Set(longest?.all);
  let latest: ListRead | null = null;
  const call = (by: number): number => transactions[by]?.call ?? 0;
  for (const read of reads) if (latest === null || call(read.by) > call(latest.by)) latest = read;
  if (latest === null) return;
  for (const [by, elements] of appends) {
    const end = transactions[by]?.return ?? Number.POSITIVE_INFINITY;
    if (happened[by] !== true || end >= call(latest.by)) continue;
    const lost = elements.find((element) => !seen.has(element) && !latest.all.includes(element));
    if (lost === undefined) continue;
    const writer = `${nameOf(transactions, by)} had appended ${lost} to ${key} and returned`;
    const reader = `${nameOf(transactions, latest.by)} was called and read ${show(key, latest.all)}`;
    found.push({ anomaly: "lost element", reason: `${writer} before ${reader}`, by: [by, latest.by] });
  }
}

function show(key: string, elements: readonly Element[]): string {
  const tail = elements.slice(-12);
  return `${key} -> [${elements.length > tail.length ? "… " : ""}${tail.join(" ")}]`;
}

function nameOf(transactions: readonly Transaction[], by: number): string {
  return `T${transactions[by]?.call}`;
}
