import { endOf, inCallOrder } from "../history.js";
import type { StringOperation } from "../history.js";
import { ANYTHING } from "../model.js";
import type { Identity, KeyModel, Model } from "../model.js";

/** What a key holds: a beginning of some strings that were told, or something that is the beginning of none. */
export type StringState = Beginning | typeof OTHER | typeof ANYTHING;

/** `length` characters that all strings in [from, to) of the sorted told ones begin with, and no other does. */
interface Beginning {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/** Nobody can have been told this, nor anything that begins with it. */
const OTHER: unique symbol = Symbol("other");

/**
 * Strings that are put, added to and read. What is missing reads as the empty string.
 *
 * A string matters only as long as it may become one that somebody was told: so a state is a place in the sorted list of
 * those, not the string itself. That costs the same however long the strings have grown, and strings that lead nowhere are one.
 */
export const stringModel: Model<StringOperation, StringState> = {
  name: "string",
  kinds: ["get", "put", "append", "delete"],
  forKey(operations): KeyModel<StringOperation, StringState> {
    const told = new Told(operations);
    const deadEnds = new DeadEnds(operations);
    return {
      initial: told.put(""),
      anything: ANYTHING,
      step(state, operation) {
        const next = step(state, operation, told);
        return next === OTHER && state !== OTHER && deadEnds.has(operation) ? undefined : next;
      },
      identity,
      openClass: (operation) => openClass(operation, told),
      leaves: (operation) =>
        operation.op === "append" || operation.op === "get"
          ? ANYTHING
          : identity(told.put(operation.op === "put" ? operation.value : "")),
      finds(operation) {
        if (operation.op === "get") return identity(told.put(operation.value ?? ""));
        return operation.op === "append" ? ANYTHING : undefined;
      },
      isLook: (operation) => operation.op === "get" || (operation.op === "append" && operation.value === ""),
      describeState: (state) => told.describe(state),
    };
  },
};

function step(state: StringState, operation: StringOperation, told: Told): StringState | undefined {
  switch (operation.op) {
    case "get": {
      if (operation.outcome !== "ok") return state;
      const found = told.put(operation.value ?? "");
      if (state === ANYTHING) return found;
      return identity(state) === identity(found) ? state : undefined;
    }
    case "put":
      return told.put(operation.value);
    case "delete":
      return told.put("");
    case "append":
      if (operation.value === "" || state === OTHER || state === ANYTHING) return state;
      return told.append(state, operation.value);
  }
}

function identity(state: StringState): Identity {
  if (state === ANYTHING) return ANYTHING;
  return state === OTHER ? null : `${state.from}:${state.length}`;
}

function openClass(operation: StringOperation, told: Told): string | null {
  switch (operation.op) {
    case "get":
      return null;
    case "delete":
      return "put ";
    case "put":
      return told.put(operation.value) === OTHER ? null : `put ${operation.value}`;
    case "append":
      return operation.value !== "" && told.isPart(operation.value) ? `append ${operation.value}` : null;
  }
}

/** The strings that the answers of one key told, sorted, each once. */
class Told {
  readonly #sorted: readonly string[];
  /** Those that are the beginning of no other. */
  readonly #longest: readonly string[];
  readonly #places = new Map<string, Beginning | typeof OTHER>();

  constructor(operations: readonly StringOperation[]) {
    const values = operations.flatMap((operation) =>
      operation.op === "get" && operation.outcome === "ok" ? [operation.value ?? ""] : [],
    );
    this.#sorted = [...new Set(["", ...values])].sort(byCodeUnits);
    this.#longest = this.#sorted.filter((value, at) => !(this.#sorted[at + 1] ?? "").startsWith(value));
  }

  /** Where a string stands that replaces everything. */
  put(value: string): Beginning | typeof OTHER {
    let place = this.#places.get(value);
    if (place === undefined) {
      place = this.append({ from: 0, to: this.#sorted.length, length: 0 }, value);
      this.#places.set(value, place);
    }
    return place;
  }

  append({ from, to, length }: Beginning, value: string): Beginning | typeof OTHER {
    if (value === "") return { from, to, length };
    const end = length + value.length;
    const piece = (at: number): string => (this.#sorted[at] as string).slice(length, end);
    const first = lowest(from, to, (at) => piece(at) >= value);
    const last = lowest(first, to, (at) => piece(at) > value);
    return first < last ? { from: first, to: last, length: end } : OTHER;
  }

  /** Whether this stands anywhere in a string that was told. */
  isPart(value: string): boolean {
    return this.#longest.some((told) => told.includes(value));
  }

  describe(state: StringState): string {
    if (state === ANYTHING) return "anything";
    if (state === OTHER) return "a string that no answer begins with";
    return JSON.stringify((this.#sorted[state.from] as string).slice(0, state.length));
  }
}

/**
 * Appends after which no answer may begin with what is there then, because a get is to come before anything replaces it. Those of
 * unknown outcome all are: what leads to a string that nobody was told explains nothing.
 */
class DeadEnds {
  /** Gets by their calls; with each the earliest return from there on. */
  readonly #getCalls: readonly number[];
  readonly #firstReturns: readonly number[];
  /** Puts and deletes by their calls; with each the latest end up to there. */
  readonly #resetCalls: readonly number[];
  readonly #lastEnds: readonly number[];
  readonly #known = new Map<StringOperation, boolean>();

  constructor(operations: readonly StringOperation[]) {
    const byCall = inCallOrder(operations);
    const gets = byCall.filter(({ op, outcome }) => op === "get" && outcome === "ok");
    this.#getCalls = gets.map(({ call }) => call);
    let first = Number.POSITIVE_INFINITY;
    this.#firstReturns = gets
      .map((get) => endOf(get))
      .reverse()
      .map((end) => (first = Math.min(first, end)))
      .reverse();
    const resets = byCall.filter(({ op }) => op === "put" || op === "delete");
    this.#resetCalls = resets.map(({ call }) => call);
    let last = 0;
    this.#lastEnds = resets.map((reset) => (last = Math.max(last, endOf(reset))));
  }

  has(operation: StringOperation): boolean {
    if (operation.op !== "append") return false;
    if (operation.outcome !== "ok") return true;
    let isDeadEnd = this.#known.get(operation);
    if (isDeadEnd === undefined) {
      isDeadEnd = this.#isFollowedByGet(operation);
      this.#known.set(operation, isDeadEnd);
    }
    return isDeadEnd;
  }

  /** Whether some get comes behind it for certain, and nothing that replaces the string can come between. */
  #isFollowedByGet(append: StringOperation): boolean {
    const calls = this.#getCalls;
    const next = lowest(0, calls.length, (at) => (calls[at] as number) > endOf(append));
    const until = this.#firstReturns[next];
    if (until === undefined) return false;
    const resets = this.#resetCalls;
    const between = lowest(0, resets.length, (at) => (resets[at] as number) > until) - 1;
    return between < 0 || (this.#lastEnds[between] as number) < append.call;
  }
}

/** The lowest in [from, to) for which `holds`, which holds for all above it too; `to` when there is none. */
function lowest(from: number, to: number, holds: (at: number) => boolean): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The order in which `<` compares, which the search for beginnings relies on. */
function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
