import type { Operation } from "./history.js";
import type { KeyModel, Model } from "./model.js";
import { Search } from "./search.js";
import type { SearchLimit, SearchResult } from "./search.js";
import type { Part } from "./weaken.js";
import { windows } from "./windows.js";

/** How many open operations may stand in a row, one search after the other. */
const RUNS = [1, 3, Number.POSITIVE_INFINITY];
const NARROW_RUNS = [1, 3];
/** Steps of the first searches, for each operation and at least: most histories need one or two for each. */
const NARROW_STEPS_EACH = 50;
const NARROW_STEPS_MIN = 500_000;
/** Small windows first: what a window leaves out of its past costs nothing, and makes it cheap. */
const WINDOW_SIZES = [4, 12, 48];
const WINDOW_STEPS = 100_000;

/**
 * Decides about the operations of one key: first by searches that use few open operations at a time, which finds an
 * order quickly where there is one; then by looking for a short window that is impossible by itself, which finds most
 * anomalies quickly; then by searches to the end.
 */
export function decide<O extends Operation, State>(
  operations: readonly O[],
  model: Model<O, State>,
  limit: SearchLimit,
): SearchResult<O> {
  const whole = { operations, isFromStart: true };
  const few = Math.min(limit.steps, Math.max(NARROW_STEPS_MIN, NARROW_STEPS_EACH * operations.length));
  const first = searchPart(whole, model, { ...limit, steps: few }, NARROW_RUNS);
  if (first.verdict !== "unknown") return first;
  const found = findWrongWindow(operations, model, { ...limit, steps: limit.steps - first.steps });
  const steps = first.steps + found.steps;
  if (found.window !== null) return { verdict: "not linearizable", steps, order: first.order };
  const rest = searchPart(whole, model, { ...limit, steps: limit.steps - steps });
  return { ...rest, steps: steps + rest.steps };
}

/** Searches one part, with each of `runs` in turn as the number of open operations in a row, until one is certain. */
export function searchPart<O extends Operation, State>(
  part: Part<O>,
  model: Model<O, State>,
  limit: SearchLimit,
  runs: readonly number[] = RUNS,
): SearchResult<O> {
  const keyModel: KeyModel<O, State> = model.forKey(part.operations);
  const initial = part.isFromStart ? keyModel.initial : keyModel.anything;
  let result: SearchResult<O> = { verdict: "unknown", steps: 0, order: [] };
  for (const openRunMax of runs) {
    const options = { limit: { ...limit, steps: limit.steps - result.steps }, initial, openRunMax };
    const next = new Search(keyModel, part.operations, options).run();
    const order = next.order.length >= result.order.length ? next.order : result.order;
    result = { verdict: next.verdict, steps: result.steps + next.steps, order };
    if (result.verdict !== "unknown" || result.steps > limit.steps) break;
  }
  return result;
}

/** The first window, of the smallest size that has one, that is impossible by itself. */
export function findWrongWindow<O extends Operation, State>(
  operations: readonly O[],
  model: Model<O, State>,
  limit: SearchLimit,
): { window: Part<O> | null; steps: number } {
  let steps = 0;
  for (const size of WINDOW_SIZES) {
    for (const window of windows(operations, size)) {
      if (steps > limit.steps) return { window: null, steps };
      const result = searchPart(window, model, { ...limit, steps: WINDOW_STEPS });
      steps += result.steps;
      if (result.verdict === "not linearizable") return { window, steps };
    }
  }
  return { window: null, steps };
}
