import { decide } from "./decide.js";
import { explain } from "./explain.js";
import type { Violation } from "./explain.js";
import { splitByKey } from "./history.js";
import type { Operation } from "./history.js";
import type { Model } from "./model.js";
import { validateHistory } from "./validate.js";

export interface CheckOptions {
  /** Steps of the model that the search may take for all keys together. Default 200 million, some tens of seconds. */
  readonly maxSteps?: number;
  /** Configurations that it may remember for one key. Default 2 million, some hundred megabytes. */
  readonly maxConfigurations?: number;
}

interface Cost {
  readonly operations: number;
  readonly keys: number;
  /** Steps of the model that were taken. */
  readonly steps: number;
}

/** `ok` stands for a proof. A search that a limit ended proves nothing: its verdict is "unknown", which is no pass. */
export type LinearizabilityResult<O extends Operation = Operation> =
  | (Cost & { readonly ok: true; readonly verdict: "linearizable" })
  | (Cost & {
      readonly ok: false;
      readonly verdict: "not linearizable";
      /** Every key that is certainly wrong. */
      readonly wrongKeys: readonly string[];
      /** What is wrong with the one of them that has the fewest operations. */
      readonly violation: Violation<O>;
    })
  | (Cost & { readonly ok: false; readonly verdict: "unknown"; readonly undecidedKeys: readonly string[] });

/**
 * Is there one order of all operations, true to their calls and returns, in which one correct object would have given
 * these answers? Keys are judged each for itself: linearizability is a property of every object alone (Herlihy & Wing).
 * @throws {HistoryError} the history is malformed, or has operations that the model does not know.
 */
export function checkLinearizability<O extends Operation, State>(
  history: readonly O[],
  model: Model<O, State>,
  options: CheckOptions = {},
): LinearizabilityResult<O> {
  validateHistory(history, model.kinds);
  const maxSteps = options.maxSteps ?? 200_000_000;
  const configurations = options.maxConfigurations ?? 2_000_000;
  const byKey = splitByKey(history.filter((operation) => operation.outcome !== "fail"));
  const wrong: { key: string; operations: readonly O[] }[] = [];
  const undecidedKeys: string[] = [];
  let steps = 0;
  for (const [key, operations] of byKey) {
    const limit = { steps: maxSteps - steps, configurations };
    const result = decide(operations, model, limit);
    steps += result.steps;
    if (result.verdict === "not linearizable") wrong.push({ key, operations });
    else if (result.verdict === "unknown") undecidedKeys.push(key);
  }
  const cost = { operations: history.length, keys: byKey.size, steps };
  wrong.sort((a, b) => a.operations.length - b.operations.length);
  const [worst] = wrong;
  if (worst !== undefined) {
    const violation = explain(worst.key, worst.operations, model, configurations);
    const wrongKeys = wrong.map(({ key }) => key);
    return { ok: false, verdict: "not linearizable", ...cost, wrongKeys, violation };
  }
  if (undecidedKeys.length > 0) return { ok: false, verdict: "unknown", ...cost, undecidedKeys };
  return { ok: true, verdict: "linearizable", ...cost };
}
