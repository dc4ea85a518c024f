import { endOf } from "./history.js";
import type { Operation } from "./history.js";
import type { KeyModel, Model } from "./model.js";
import { Search } from "./search.js";
import type { SearchResult } from "./search.js";

/** What makes the operations of one key impossible, cut down to what a person needs to see it. */
export interface Violation<O extends Operation = Operation> {
  readonly key: string;
  /** Up to just before this answer the history was possible; with it, it is not. */
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

/** Steps that cutting down may take: it only serves the reader. */
const EXPLAIN_STEPS = 10_000_000;

/** @param operations of one key, by call, none failed, and not linearizable. */
export function explain<O extends Operation, State>(
  key: string,
  operations: readonly O[],
  model: Model<O, State>,
  configurations: number,
): Violation<O> {
  const judge = new Judge(model, configurations);
  const { prefix, at } = shortestWrongPrefix(operations, judge);
  const { order } = judge.search(prefix, true);
  const since = latestWrongBeginning(prefix, judge);
  const rest = since === null ? prefix : cutBefore(prefix, since);
  const window = cutDown(rest, judge, since === null);
  const placed = new Set<Operation>(order);
  const finished = prefix.filter((operation) => operation.outcome === "ok" && !placed.has(operation));
  const deadline = Math.min(...finished.map(endOf));
  return {
    key,
    at,
    window,
    isMinimal: !judge.isTired,
    since,
    others: rest.length - window.length,
    placed: order,
    stateAfter: replay(model.forKey(prefix), order),
    notPlaced: finished.filter((operation) => operation.call <= deadline),
  };
}

/** Searches within one allowance of steps. */
class Judge<O extends Operation, State> {
  readonly #model: Model<O, State>;
  readonly #configurations: number;
  #steps = EXPLAIN_STEPS;
  /** Whether a question had to be left open, so that the window may hold more than it must. */
  isTired = false;

  constructor(model: Model<O, State>, configurations: number) {
    this.#model = model;
    this.#configurations = configurations;
  }

  /** `fromInitial`: whether the key's past is known, to have been none; otherwise it may begin with anything. */
  search(operations: readonly O[], fromInitial: boolean): SearchResult<O> {
    const model = this.#model.forKey(operations);
    const limit = { steps: this.#steps, configurations: this.#configurations };
    const result = new Search(model, operations, limit, fromInitial ? model.initial : model.anything).run();
    this.#steps -= result.steps;
    return result;
  }

  /** Whether the operations are certainly impossible. */
  isWrong(operations: readonly O[], fromInitial: boolean): boolean {
    const { verdict } = this.search(operations, fromInitial);
    if (verdict === "unknown") this.isTired = true;
    return verdict === "not linearizable";
  }
}

/** Takes an operation's answer away: what remains is allowed more. So if that is still wrong, the whole is. */
function weaken<O extends Operation>(operation: O): O {
  return { ...operation, outcome: "unknown", return: null };
}

/** What had been seen when the answer at `position` came: calls until then; answers until then. */
function cutAt<O extends Operation>(operations: readonly O[], position: number): O[] {
  return operations
    .filter((operation) => operation.call <= position)
    .map((operation) => (endOf(operation) <= position ? operation : weaken(operation)));
}

/** Each beginning of a possible history is possible, so the first answer that makes it impossible is found by halving. */
function shortestWrongPrefix<O extends Operation, State>(
  operations: readonly O[],
  judge: Judge<O, State>,
): { prefix: readonly O[]; at: O } {
  const answered = operations.filter((operation) => operation.outcome === "ok");
  answered.sort((a, b) => endOf(a) - endOf(b));
  let low = 0;
  let high = answered.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (judge.isWrong(cutAt(operations, endOf(answered[middle] as O)), true)) high = middle;
    else low = middle + 1;
  }
  const at = answered[high] as O;
  return { prefix: cutAt(operations, endOf(at)), at };
}

/** What happened from `position` on. What had been called before, but had not ended, may have happened before. */
function cutBefore<O extends Operation>(operations: readonly O[], position: number): O[] {
  return operations
    .filter((operation) => endOf(operation) >= position)
    .map((operation) => (operation.call >= position ? operation : weaken(operation)));
}

/** The latest call from which on the rest is impossible whatever went before. The earlier, the more is demanded. */
function latestWrongBeginning<O extends Operation, State>(
  prefix: readonly O[],
  judge: Judge<O, State>,
): number | null {
  const calls = prefix.filter((operation) => operation.outcome === "ok").map((operation) => operation.call);
  let low = -1;
  let high = calls.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (judge.isWrong(cutBefore(prefix, calls[middle] as number), false)) low = middle;
    else high = middle - 1;
  }
  return calls[low] ?? null;
}

/** Takes away answers as long as what remains is wrong, first in large pieces, in the end one by one. */
function cutDown<O extends Operation, State>(
  operations: readonly O[],
  judge: Judge<O, State>,
  fromInitial: boolean,
): O[] {
  let kept = new Set<O>(operations.filter((operation) => operation.outcome === "ok"));
  for (let size = kept.size >>> 1; size >= 1; size >>>= 1) {
    const all = [...kept];
    for (let start = 0; start < all.length; start += size) {
      const fewer = new Set(kept);
      for (const operation of all.slice(start, start + size)) fewer.delete(operation);
      const weakened = operations.map((operation) => (fewer.has(operation) ? operation : weaken(operation)));
      if (fewer.size > 0 && judge.isWrong(weakened, fromInitial)) kept = fewer;
    }
  }
  return [...kept];
}

function replay<O extends Operation, State>(model: KeyModel<O, State>, order: readonly O[]): string {
  let state = model.initial;
  for (const operation of order) state = model.step(state, operation) ?? state;
  return model.describeState(state);
}
