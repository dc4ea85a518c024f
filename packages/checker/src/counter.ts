import { splitByKey } from "./history.js";
import type { CounterOperation, Increment } from "./history.js";
import { validateHistory } from "./validate.js";

export interface CounterFinding {
  readonly kind: "out of bounds" | "not monotone" | "told twice";
  readonly key: string;
  readonly operation: CounterOperation;
  /** The total that was told, and in words what it had to be. */
  readonly total: number;
  readonly reason: string;
}

export interface CounterResult {
  readonly ok: boolean;
  readonly findings: readonly CounterFinding[];
  readonly increments: number;
  /** Totals that were told, by reads and by increments. A history without one proves nothing, and is not `ok`. */
  readonly totals: number;
}

/** A total that somebody was told. */
interface Reading {
  readonly operation: CounterOperation;
  readonly total: number;
  readonly call: number;
  readonly end: number;
  /** What the operation itself added: it is certainly part of the total. */
  readonly own: number;
}

/**
 * A counter begins at 0. Every total told lies between what must and what may have been added when it was told: all
 * increments acknowledged before it was called count, those called before it ended may count, failed ones never do.
 * While all increments are positive, totals also never go back in real time, and no two increments are told the same.
 * This is necessary, not sufficient: it finds lost and doubled increments once they exceed what is uncertain.
 * @throws {HistoryError} the history is malformed or has other operations than `increment` and `total`.
 */
export function checkCounter(history: readonly CounterOperation[]): CounterResult {
  validateHistory(history, ["increment", "total"]);
  const findings: CounterFinding[] = [];
  let increments = 0;
  let totals = 0;
  for (const [key, operations] of splitByKey(history)) {
    const added = operations.filter(
      (operation): operation is Increment => operation.op === "increment" && operation.outcome !== "fail",
    );
    const readings = operations.flatMap(readingOf);
    increments += added.length;
    totals += readings.length;
    checkBounds(key, added, readings, findings);
    if (added.every((increment) => increment.by > 0)) checkOrder(key, readings, findings);
  }
  return { ok: findings.length === 0 && totals > 0, findings, increments, totals };
}

function readingOf(operation: CounterOperation): Reading[] {
  const { total, call, outcome } = operation;
  if (outcome !== "ok" || total === null || operation.return === null) return [];
  return [
    { operation, total, call, end: operation.return, own: operation.op === "increment" ? operation.by : 0 },
  ];
}

function checkBounds(
  key: string,
  added: readonly Increment[],
  readings: readonly Reading[],
  findings: CounterFinding[],
): void {
  const called = new RunningSums(added.map((increment) => [increment.call, increment.by]));
  const acknowledged = new RunningSums(
    added.flatMap((increment) =>
      increment.return === null ? [] : [[increment.return, increment.by] as const],
    ),
  );
  for (const { operation, total, call, end, own } of readings) {
    const must = acknowledged.before(call);
    const may = called.before(end);
    const least = must.positive + may.negative + Math.max(own, 0);
    const most = may.positive + must.negative + Math.min(own, 0);
    if (total >= least && total <= most) continue;
    const reason = `it must be between ${least} and ${most}: acknowledged before and called by then`;
    findings.push({ kind: "out of bounds", key, operation, total, reason });
  }
}

/** For increments that are all positive. */
function checkOrder(key: string, readings: readonly Reading[], findings: CounterFinding[]): void {
  const byEnd = [...readings].sort((a, b) => a.end - b.end);
  let ended = 0;
  let highest = 0;
  for (const { operation, total, call, own } of readings) {
    for (; ended < byEnd.length && (byEnd[ended] as Reading).end < call; ended += 1)
      highest = Math.max(highest, (byEnd[ended] as Reading).total);
    if (total - own >= highest) continue;
    const reason = `${highest} had been told before it was called`;
    findings.push({ kind: "not monotone", key, operation, total, reason });
  }
  const counted = readings.filter(({ own }) => own !== 0).sort((a, b) => a.total - b.total);
  for (const [index, { operation, total, own }] of counted.entries()) {
    const previous = counted[index - 1];
    if (previous === undefined || total - own >= previous.total) continue;
    const reason = `process ${previous.operation.process} was told ${previous.total} for an increment of its own`;
    findings.push({ kind: "told twice", key, operation, total, reason });
  }
}

interface Sums {
  readonly positive: number;
  readonly negative: number;
}

/** Sums of all amounts at positions before a given one, positive and negative ones apart. */
class RunningSums {
  readonly #positions: number[] = [];
  readonly #sums: Sums[] = [{ positive: 0, negative: 0 }];

  constructor(amounts: readonly (readonly [at: number, by: number])[]) {
    let positive = 0;
    let negative = 0;
    for (const [at, by] of [...amounts].sort((a, b) => a[0] - b[0])) {
      if (by > 0) positive += by;
      else negative += by;
      this.#positions.push(at);
      this.#sums.push({ positive, negative });
    }
  }

  before(position: number): Sums {
    let low = 0;
    let high = this.#positions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#positions[middle] as number) < position) low = middle + 1;
      else high = middle;
    }
    return this.#sums[low] as Sums;
  }
}
