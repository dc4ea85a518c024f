import { HistoryError } from "../errors.js";
import type { Element, Transaction } from "../history.js";

/** Who put an element into a list. */
export interface Writer {
  /** Index of the transaction. */
  readonly by: number;
  /** Counts the appends of this transaction to this list, from 0. */
  readonly nth: number;
}

/** A list as somebody read it. */
export interface ListRead {
  readonly by: number;
  readonly key: string;
  /** What others had appended: without the elements that the reader itself had put behind them before. */
  readonly base: readonly Element[];
  /** All that it was told. */
  readonly all: readonly Element[];
}

/** One list, as far as it can be known from what was asked and told. */
export interface ListFacts {
  readonly key: string;
  /** Appends by element. One that failed, and was tried again by another, counts for the other. */
  readonly writers: ReadonlyMap<Element, Writer>;
  /** How often each transaction appended to it. */
  readonly appends: ReadonlyMap<number, readonly Element[]>;
  readonly reads: readonly ListRead[];
  /** The longest read: the order of its elements. Empty when it was never read, or only while it was empty. */
  readonly longest: ListRead | null;
  /** Reads that the longest does not begin with: no one list can have given both. */
  readonly strays: ReadonlySet<ListRead>;
}

/** Collects all lists. `reads` come from `readsOf`, by transaction. @throws {HistoryError} an element was appended twice. */
export function collectLists(
  transactions: readonly Transaction[],
  reads: readonly (readonly ListRead[])[],
): ListFacts[] {
  const lists = new Map<
    string,
    { writers: Map<Element, Writer>; appends: Map<number, Element[]>; reads: ListRead[] }
  >();
  const listOf = (key: string) => {
    let list = lists.get(key);
    if (list === undefined) lists.set(key, (list = { writers: new Map(), appends: new Map(), reads: [] }));
    return list;
  };
  for (const [by, transaction] of transactions.entries()) {
    for (const step of transaction.steps) {
      const list = listOf(step[1]);
      if (step[0] !== "append") continue;
      const [, key, element] = step;
      const own = list.appends.get(by) ?? [];
      list.appends.set(by, own);
      const other = list.writers.get(element);
      const failed = other === undefined ? false : transactions[other.by]?.outcome === "fail";
      if (other !== undefined && !failed && transaction.outcome !== "fail")
        throw new HistoryError(
          `${JSON.stringify(element)} is appended twice to ${JSON.stringify(key)}, by process ${transactions[other.by]?.process} ` +
            `and by process ${transaction.process} (call ${transaction.call}): elements of a list must differ`,
          null,
        );
      if (other === undefined || failed) list.writers.set(element, { by, nth: own.length });
      own.push(element);
    }
    for (const read of reads[by] ?? []) listOf(read.key).reads.push(read);
  }
  return [...lists].map(([key, list]) => {
    const longest = longestOf(list.reads);
    const strays = list.reads.filter(({ all }) => longest !== null && !beginsWith(longest.all, all));
    return { key, ...list, longest, strays: new Set(strays) };
  });
}

/** Those that all others are beginnings of: a look at each of their elements is a look at everything that was read. */
export function widestReads({ longest, strays }: ListFacts): ListRead[] {
  return longest === null ? [] : [longest, ...strays];
}

function longestOf(reads: readonly ListRead[]): ListRead | null {
  let longest: ListRead | null = null;
  for (const read of reads) if (read.all.length > (longest?.all.length ?? 0)) longest = read;
  return longest;
}

/** Whether `list` begins with `beginning`. */
export function beginsWith(list: readonly Element[], beginning: readonly Element[]): boolean {
  return beginning.length <= list.length && beginning.every((element, at) => list[at] === element);
}

/** Something that a transaction was told although it contradicts the transaction itself. */
export interface SelfContradiction {
  readonly by: number;
  readonly key: string;
  readonly reason: string;
}

/** What one transaction read of others, and where it contradicts itself. Only for those whose answers are known. */
export function readsOf(
  transaction: Transaction,
  by: number,
): { reads: ListRead[]; contradictions: SelfContradiction[] } {
  const appended = new Map<string, Set<Element>>();
  for (const [kind, key, element] of transaction.steps)
    if (kind === "append") appended.set(key, (appended.get(key) ?? new Set()).add(element));
  const own = new Map<string, Element[]>();
  const bases = new Map<string, readonly Element[]>();
  const reads: ListRead[] = [];
  const contradictions: SelfContradiction[] = [];
  for (const step of transaction.steps) {
    const [kind, key] = step;
    const mine = own.get(key) ?? [];
    if (kind === "append") {
      own.set(key, [...mine, step[2]]);
      continue;
    }
    const all = step[2] ?? [];
    const shown = `it read ${key} -> [${all.join(" ")}]`;
    const base = mine.length === 0 ? all : all.slice(0, Math.max(all.length - mine.length, 0));
    if (!mine.every((element, at) => all[base.length + at] === element)) {
      const reason = `${shown} after it had appended ${mine.join(", then ")} itself`;
      contradictions.push({ by, key, reason });
      continue;
    }
    const later = appended.get(key);
    const ahead = later === undefined ? undefined : base.find((element) => later.has(element));
    if (ahead !== undefined) {
      contradictions.push({ by, key, reason: `${shown} before it appended ${ahead} itself` });
      continue;
    }
    const before = bases.get(key);
    if (before !== undefined && !(before.length === base.length && beginsWith(base, before))) {
      const reason = `${shown}, but [${before.join(" ")}] of others before, in the same transaction`;
      contradictions.push({ by, key, reason });
      continue;
    }
    bases.set(key, base);
    if (before === undefined || mine.length > 0) reads.push({ by, key, base, all });
  }
  return { reads, contradictions };
}
