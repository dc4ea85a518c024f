import { endOf } from "./history.js";
import type { Operation } from "./history.js";
import type { KeyModel, Model } from "./model.js";
import { findWrongWindow, searchPart } from "./decide.js";
import type { SearchLimit } from "./search.js";
import { cutAt, cutBefore, weaken } from "./weaken.js";
import type { Part } from "./weaken.js";

/** What makes the operations of one key impossible, cut down to what a person needs to see it. */
export interface Violation<O extends Operation = Operation> {
  readonly key: string;
  /** The answer with which the window becomes impossible. */
  readonly at: O;
  /**
   * The offending window: operations, in the order of their calls, that cannot all have been answered as they were,
   * wherever the `others` are placed. Without any single one of these answers the rest is possible (unless `isMinimal`
   * is false: then a limit ended the cutting down).
   */
  readonly window: readonly O[];
  readonly isMinimal: boolean;
  /**
   * The position from which on the window alone is impossible, whatever the key held there; operations that ended before
   * do not matter. `null`: the window contradicts what the key held at first.
   */
  readonly since: number | null;
  /** How many operations beside the window had not ended at `since`; each is granted any time after its call, any answer. */
  readonly others: number;
  /** The longest order that was found, in which every answer is right, and the state that it ends in. */
  readonly placed: readonly O[];
  readonly stateAfter: string;
  /** What could come next by its call, but not by its answer. */
  readonly notPlaced: readonly O[];
}

/** Steps that each of the parts of an explanation may take: it only serves the reader. */
const EXPLAIN_STEPS = 2_000_000;

/** @param operations of one key, by call, none failed, and not linearizable. */
export function explain<O extends Operation, State>(
  key: string,
  operations: readonly O[],
  model: Model<O, State>,
  configurations: number,
): Violation<O> {
  const limit = { steps: EXPLAIN_STEPS, configurations };
  const judge = new Judge(model, limit);
  const found = findWrongWindow(operations, model, limit).window ?? { operations, isFromStart: true };
  const { part, at } = shortestWrongBeginning(found, judge);
  const rest = latestWrongEnd(part, judge);
  const window = cutDown(rest, judge);
  const prefix = cutAt(operations, endOf(at));
  const { order } = searchPart({ operations: prefix, isFromStart: true }, model, limit, [1]);
  const placed = new Set<Operation>(order);
  const finished = prefix.filter((operation) => operation.outcome === "ok" && !placed.has(operation));
  const deadline = Math.min(...finished.map(endOf));
  return {
    key,
    at,
    window,
    isMinimal: !judge.isTired,
    since: rest.isFromStart ? null : (window[0]?.call ?? null),
    others: rest.operations.length - window.length,
    placed: order,
    stateAfter: replay(model.forKey(prefix), order),
    notPlaced: finished.filter((operation) => operation.call <= deadline),
  };
}

/** Searches within one allowance of steps. */
class Judge<O extends Operation, State> {
  readonly #model: Model<O, State>;
  readonly #limit: SearchLimit;
  #steps = 0;
  /** Whether a question had to be left open, so that the window may hold more than it must. */
  isTired = false;

  constructor(model: Model<O, State>, limit: SearchLimit) {
    this.#model = model;
    this.#limit = limit;
  }

  /** Whether the part is certainly impossible. */
  isWrong(part: Part<O>): boolean {
    const limit = { ...this.#limit, steps: this.#limit.steps - this.#steps };
    const { verdict, steps } = searchPart(part, this.#model, limit);
    this.#steps += steps;
    if (verdict === "unknown") this.isTired = true;
    return verdict === "not linearizable";
  }
}

/** Each beginning of a possible history is possible, so the first answer that makes it impossible is found by halving. */
function shortestWrongBeginning<O extends Operation, State>(
  whole: Part<O>,
  judge: Judge<O, State>,
): { part: Part<O>; at: O } {
  const { operations, isFromStart } = whole;
  const answered = operations.filter((operation) => operation.outcome === "ok");
  answered.sort((a, b) => endOf(a) - endOf(b));
  let low = 0;
  let high = answered.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const beginning = cutAt(operations, endOf(answered[middle] as O));
    if (judge.isWrong({ operations: beginning, isFromStart })) high = middle;
    else low = middle + 1;
  }
  const at = answered[high] as O;
  return { part: { operations: cutAt(operations, endOf(at)), isFromStart }, at };
}

/** The shortest end that is impossible whatever went before it; the part itself when there is none. */
function latestWrongEnd<O extends Operation, State>(part: Part<O>, judge: Judge<O, State>): Part<O> {
  const calls = part.operations
    .filter((operation) => operation.outcome === "ok")
    .map((operation) => operation.call);
  const endFrom = (index: number): Part<O> => ({
    operations: cutBefore(part.operations, calls[index] as number),
    isFromStart: false,
  });
  let low = -1;
  let high = calls.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (judge.isWrong(endFrom(middle))) low = middle;
    else high = middle - 1;
  }
  return low < 0 ? part : endFrom(low);
}

/** Takes away answers as long as what remains is wrong, first in large pieces, in the end one by one. */
function cutDown<O extends Operation, State>(part: Part<O>, judge: Judge<O, State>): O[] {
  const { operations, isFromStart } = part;
  let kept = new Set<O>(operations.filter((operation) => operation.outcome === "ok"));
  for (let size = kept.size >>> 1; size >= 1; size >>>= 1) {
    const all = [...kept];
    for (let start = 0; start < all.length; start += size) {
      const fewer = new Set(kept);
      for (const operation of all.slice(start, start + size)) fewer.delete(operation);
      const weakened = operations.map((operation) => (fewer.has(operation) ? operation : weaken(operation)));
      if (fewer.size > 0 && judge.isWrong({ operations: weakened, isFromStart })) kept = fewer;
    }
  }
  return [...kept];
}

function replay<O extends Operation, State>(model: KeyModel<O, State>, order: readonly O[]): string {
  let state = model.initial;
  for (const operation of order) state = model.step(state, operation) ?? state;
  return model.describeState(state);
}
