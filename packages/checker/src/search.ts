import { Configurations } from "./configurations.js";
import { endOf } from "./history.js";
import type { Operation } from "./history.js";
import { ANYTHING } from "./model.js";
import type { Identity, KeyModel } from "./model.js";
import { OrderList } from "./order-list.js";

export interface SearchLimit {
  /** Steps of the model. */
  readonly steps: number;
  /** Configurations kept in memory, a few hundred bytes each. */
  readonly configurations: number;
}

export interface SearchOptions<State> {
  readonly limit: SearchLimit;
  readonly initial: State;
  /**
   * How many open operations may stand in a row. A search that may use all of them at once can lose itself in their
   * combinations, while mostly one is enough. A small number can only miss orders: then the verdict is "unknown".
   */
  readonly openRunMax: number;
}

export type SearchVerdict = "linearizable" | "not linearizable" | "unknown";

export interface SearchResult<O> {
  readonly verdict: SearchVerdict;
  readonly steps: number;
  /** An order that explains every answer, or the longest found that explains some. Includes the open ones it needed. */
  readonly order: readonly O[];
}

/** A place in the search that it can come back to: what was placed last, and how things stood before that. */
interface Frame<State> {
  /** A finished operation, or an open one as `-1 - index`. */
  readonly placed: number;
  readonly state: State;
  readonly used: Uint32Array;
  readonly last: number;
  readonly beforeOpen: State | typeof NONE;
  readonly openRun: number;
  /** Where to look for the next alternative; `null`: there is no need for one. */
  readonly next: Cursor | null;
}

/** A call node of the order list, or, once those are through, the index of an open operation. */
interface Cursor {
  readonly node: number;
  readonly open: number;
}

const NONE = Symbol("none");

/**
 * Looks for an order of one key's operations in which each takes effect between its call and its return and the model
 * gives the answers that were given. Depth first, as Wing & Gong do it, with Lowe's cache of configurations, and:
 *
 * - An operation that only looks, and could come next, is placed at once, without an alternative: moving it forward
 *   harms no order that works.
 * - Operations of unknown outcome are used only when all else has failed, the oldest of a class first, and never right
 *   before one that leads to the same state without them: an order that works needs none of those. Nor are they tried
 *   where nothing that could follow has a use for them.
 *
 * So reads cost nothing, and an operation that timed out costs something only where somebody saw its effect.
 */
export class Search<O extends Operation, State> {
  readonly #model: KeyModel<O, State>;
  readonly #limit: SearchLimit;
  readonly #openRunMax: number;
  readonly #done: readonly O[];
  readonly #isLook: Uint8Array;
  readonly #list: OrderList;
  readonly #configurations: Configurations;

  readonly #open: readonly O[];
  /** For each open operation its class, and how many of that class were called before it. */
  readonly #classOf: Int32Array;
  readonly #rankOf: Int32Array;
  /** What each leaves behind, and what open operations find useful to find. */
  readonly #leaves: readonly Identity[];
  readonly #openFinds: ReadonlySet<Identity>;

  readonly #frames: Frame<State>[] = [];
  readonly #stateIds = new Map<Identity, number>();
  #state: State;
  #used: Uint32Array;
  /** The largest index of a placed finished operation, -1 for none. */
  #last = -1;
  #placedCount = 0;
  /** The state before the open operation that was placed just now. */
  #beforeOpen: State | typeof NONE = NONE;
  /** How many open operations were placed in a row just now, and whether more were wanted than may be. */
  #openRun = 0;
  #isNarrowed = false;
  #steps = 0;
  #bestCount = -1;
  #best: O[] = [];

  /** `operations`: of one key, in the order of their calls, none of them failed. */
  constructor(model: KeyModel<O, State>, operations: readonly O[], options: SearchOptions<State>) {
    this.#model = model;
    this.#limit = options.limit;
    this.#openRunMax = options.openRunMax;
    this.#done = operations.filter((operation) => operation.outcome === "ok");
    this.#isLook = Uint8Array.from(this.#done, (operation) => Number(model.isLook(operation)));
    this.#list = new OrderList(this.#done);
    this.#configurations = new Configurations(this.#done.length);
    const classes = new Map<string, number>();
    const sizes: number[] = [];
    const open: O[] = [];
    const classOf: number[] = [];
    const rankOf: number[] = [];
    for (const operation of operations) {
      if (operation.outcome !== "unknown") continue;
      const name = model.openClass(operation);
      if (name === null) continue;
      const id = classes.get(name) ?? classes.size;
      classes.set(name, id);
      open.push(operation);
      classOf.push(id);
      rankOf.push(sizes[id] ?? 0);
      sizes[id] = (sizes[id] ?? 0) + 1;
    }
    this.#open = open;
    this.#classOf = Int32Array.from(classOf);
    this.#rankOf = Int32Array.from(rankOf);
    this.#leaves = open.map((operation) => model.leaves(operation));
    const openFinds = open.map((operation) => model.finds(operation));
    this.#openFinds = new Set(openFinds.filter((found) => found !== undefined));
    this.#state = options.initial;
    this.#used = new Uint32Array(classes.size);
  }

  run(): SearchResult<O> {
    let cursor = this.#arrive();
    while (this.#placedCount < this.#done.length) {
      if (this.#steps > this.#limit.steps || this.#configurations.size > this.#limit.configurations)
        return this.#result("unknown");
      if (cursor !== null && this.#placeFrom(cursor)) cursor = this.#arrive();
      else if (this.#frames.length > 0) cursor = this.#goBack();
      else return this.#result(this.#isNarrowed ? "unknown" : "not linearizable");
    }
    return this.#result("linearizable");
  }

  /**
   * Places everything that can be placed without an alternative, and enters the configuration.
   * @returns where to begin to look for what to place next, or `null` when this has been tried before.
   */
  #arrive(): Cursor | null {
    while (this.#placeLook());
    const first = this.#list.first();
    if (first < 0) return null;
    const isNew = this.#configurations.enter(first, this.#last, this.#stateId(this.#state), this.#used);
    return isNew ? { node: first, open: 0 } : null;
  }

  #placeLook(): boolean {
    for (let node = this.#list.first(); node >= 0 && this.#list.isCall(node); node = this.#list.after(node)) {
      if (this.#isLook[node] === 0) continue;
      const next = this.#tryStep(this.#done[node] as O);
      if (next === undefined || !this.#isSame(next, this.#state)) continue;
      this.#placeDone(node, this.#state, null);
      return true;
    }
    return false;
  }

  /** Places the first operation from `cursor` on that can come next. */
  #placeFrom(cursor: Cursor): boolean {
    let node = cursor.node;
    for (; node >= 0 && this.#list.isCall(node); node = this.#list.after(node)) {
      const next = this.#tryStep(this.#done[node] as O);
      if (next === undefined) continue;
      this.#placeDone(node, next, { node: this.#list.after(node), open: 0 });
      return true;
    }
    return this.#placeOpenFrom(cursor.open, node);
  }

  /** The same for open operations, from index `from` on. `node`: the return before which something must come next. */
  #placeOpenFrom(from: number, node: number): boolean {
    const deadline = endOf(this.#done[this.#list.operationOf(node)] as O);
    const isUseful = this.#usefulLeavings();
    for (let index = from; index < this.#open.length; index += 1) {
      const operation = this.#open[index] as O;
      if (operation.call > deadline) break;
      if (this.#used[this.#classOf[index] as number] !== this.#rankOf[index]) continue;
      if (isUseful !== null && !isUseful.has(this.#leaves[index] as Identity)) continue;
      const next = this.#tryStep(operation);
      if (next === undefined || this.#isSame(next, this.#state)) continue;
      if (this.#openRun === this.#openRunMax) {
        this.#isNarrowed = true;
        return false;
      }
      this.#placeOpen(index, next, { node, open: index + 1 });
      return true;
    }
    return false;
  }

  /** The values that are of use to any operation that could come right behind an open one. `null`: all are. */
  #usefulLeavings(): ReadonlySet<Identity> | null {
    if (this.#openFinds.has(ANYTHING)) return null;
    const useful = new Set(this.#openFinds);
    for (let node = this.#list.first(); node >= 0 && this.#list.isCall(node); node = this.#list.after(node)) {
      const found = this.#model.finds(this.#done[node] as O);
      if (found === ANYTHING) return null;
      if (found !== undefined) useful.add(found);
    }
    return useful;
  }

  /** The state after `operation`, or `undefined` when it cannot come next, or need not. */
  #tryStep(operation: O): State | undefined {
    this.#steps += 1;
    const next = this.#model.step(this.#state, operation);
    if (next === undefined || this.#beforeOpen === NONE) return next;
    const without = this.#model.step(this.#beforeOpen, operation);
    return without !== undefined && this.#isSame(without, next) ? undefined : next;
  }

  #placeDone(operation: number, next: State, cursor: Cursor | null): void {
    this.#push(operation, cursor);
    this.#list.take(operation);
    this.#configurations.place(operation);
    this.#placedCount += 1;
    this.#last = Math.max(this.#last, operation);
    this.#beforeOpen = NONE;
    this.#openRun = 0;
    this.#state = next;
  }

  #placeOpen(index: number, next: State, cursor: Cursor): void {
    this.#push(-1 - index, cursor);
    const kind = this.#classOf[index] as number;
    this.#used = this.#used.slice();
    this.#used[kind] = (this.#used[kind] as number) + 1;
    this.#beforeOpen = this.#state;
    this.#openRun += 1;
    this.#state = next;
  }

  #push(placed: number, next: Cursor | null): void {
    this.#frames.push({
      placed,
      state: this.#state,
      used: this.#used,
      last: this.#last,
      beforeOpen: this.#beforeOpen,
      openRun: this.#openRun,
      next,
    });
  }

  /** Takes back what was placed last. @returns where to go on, `null` when only further back. */
  #goBack(): Cursor | null {
    if (this.#placedCount > this.#bestCount) {
      this.#bestCount = this.#placedCount;
      this.#best = this.#order();
    }
    const frame = this.#frames.pop() as Frame<State>;
    if (frame.placed >= 0) {
      this.#list.putBack(frame.placed);
      this.#configurations.displace(frame.placed);
      this.#placedCount -= 1;
    }
    this.#state = frame.state;
    this.#used = frame.used;
    this.#last = frame.last;
    this.#beforeOpen = frame.beforeOpen;
    this.#openRun = frame.openRun;
    return frame.next;
  }

  #isSame(a: State, b: State): boolean {
    return a === b || this.#model.identity(a) === this.#model.identity(b);
  }

  #stateId(state: State): number {
    const identity = this.#model.identity(state);
    let id = this.#stateIds.get(identity);
    if (id === undefined) {
      id = this.#stateIds.size;
      this.#stateIds.set(identity, id);
    }
    return id;
  }

  #order(): O[] {
    return this.#frames.map(
      ({ placed }) => (placed >= 0 ? this.#done[placed] : this.#open[-1 - placed]) as O,
    );
  }

  #result(verdict: SearchVerdict): SearchResult<O> {
    const order =
      verdict === "linearizable" || this.#placedCount > this.#bestCount ? this.#order() : this.#best;
    return { verdict, steps: this.#steps, order };
  }
}
