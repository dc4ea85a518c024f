import { summarize } from "@raftkv/checker";
import type { Operation } from "@raftkv/checker";
import type { ReportOperation } from "../report/run-report.js";

/** So many operations around an offending window still help to understand it. */
const AROUND_MAX = 120;

/**
 * The operations to draw: those that are impossible together, and what else went on meanwhile with the same objects; all of
 * them, when nothing is wrong and they are few.
 */
export function windowOf(history: readonly Operation[], offending: readonly Operation[]): ReportOperation[] {
  const marked = new Set(offending);
  if (marked.size === 0)
    return history.length <= AROUND_MAX ? history.map((operation) => draw(operation, false)) : [];
  const from = Math.min(...offending.map(({ call }) => call));
  const to = Math.max(...offending.map((operation) => operation.return ?? operation.call));
  const keys = new Set(offending.map(({ key }) => key));
  const others = history.filter(
    (operation) =>
      !marked.has(operation) &&
      keys.has(operation.key) &&
      operation.outcome !== "fail" &&
      operation.call <= to &&
      (operation.return ?? Number.POSITIVE_INFINITY) >= from,
  );
  // Of what stayed open long before, only the last may matter to a reader.
  const shown = others.slice(-AROUND_MAX);
  const drawn = history.filter((operation) => marked.has(operation) || shown.includes(operation));
  return drawn
    .filter((operation) => marked.has(operation) || operation.return !== null || operation.call >= from)
    .map((operation) => draw(operation, marked.has(operation)));
}

function draw(operation: Operation, isOffending: boolean): ReportOperation {
  const { call, key, outcome, process } = operation;
  return {
    process,
    key,
    label: summarize(operation),
    outcome,
    start: call,
    end: operation.return,
    isOffending,
  };
}
