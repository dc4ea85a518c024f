import { HistoryRecorder } from "@raftkv/checker";
import type { Element, Step, Transaction } from "@raftkv/checker";
import type { Random } from "./random.js";

/**
 * Strict serializability by its definition: tries every order of every choice of transactions of unknown outcome, and runs
 * each one. For a handful of transactions.
 */
export function isStrictSerializable(history: readonly Transaction[]): boolean {
  return continues(
    history.filter(({ outcome }) => outcome !== "fail"),
    new Map(),
  );
}

type Lists = ReadonlyMap<string, readonly Element[]>;

function continues(left: readonly Transaction[], lists: Lists): boolean {
  const finished = left.filter(({ outcome }) => outcome === "ok");
  if (finished.length === 0) return true;
  return left.some((next) => {
    if (finished.some((other) => other !== next && (other.return ?? 0) < next.call)) return false;
    const after = run(next, lists);
    const rest = left.filter((other) => other !== next);
    return after !== null && continues(rest, after);
  });
}

/** The lists after the transaction; `null` when it cannot have been answered as it was. */
function run({ steps, outcome }: Transaction, lists: Lists): Lists | null {
  const after = new Map(lists);
  for (const [kind, key, told] of steps) {
    const list = after.get(key) ?? [];
    if (kind === "append") after.set(key, [...list, told]);
    else if (outcome === "ok" && JSON.stringify(list) !== JSON.stringify(told)) return null;
  }
  return after;
}

export interface TransactionShape {
  readonly transactions: number;
  readonly processes: number;
  readonly keys: number;
  readonly stepsMax: number;
  readonly unknown: number;
  readonly fail: number;
  /** Chance that a step runs on lists of its own time instead of in one piece with the others: a broken store. */
  readonly torn: number;
}

interface Running {
  readonly id: number;
  readonly steps: readonly Step[];
  readonly fate: "ok" | "fail" | "unknown" | "never";
  told: Step[];
}

/** What clients of a store of lists were told: strictly serializable when nothing is torn. */
export function generateTransactions(random: Random, shape: TransactionShape): Transaction[] {
  const recorder = new HistoryRecorder();
  const lists = new Map<string, Element[]>();
  const running = new Map<number, Running>();
  const late: Running[] = [];
  let called = 0;
  let element = 0;
  const apply = (one: Running, count: number): void => {
    for (const step of one.steps.slice(one.told.length, one.told.length + count)) {
      const [kind, key, value] = step;
      const list = lists.get(key) ?? [];
      if (kind === "append") lists.set(key, [...list, value]);
      one.told.push(kind === "append" ? step : ["read", key, list]);
    }
  };
  while (called < shape.transactions || running.size > 0) {
    if (late.length > 0 && random.chance(0.1)) {
      const [one] = late.splice(random.below(late.length), 1);
      if (one !== undefined) apply(one, one.steps.length);
    }
    const process = random.below(shape.processes);
    const current = running.get(process);
    if (current === undefined) {
      if (called === shape.transactions) continue;
      called += 1;
      const steps: Step[] = [];
      for (let count = 1 + random.below(shape.stepsMax); count > 0; count -= 1) {
        const key = `k${random.below(shape.keys)}`;
        steps.push(random.chance(0.5) ? ["read", key, null] : ["append", key, (element += 1)]);
      }
      const fate = random.chance(shape.unknown)
        ? random.pick(["unknown", "never"] as const)
        : random.chance(shape.fail)
          ? "fail"
          : "ok";
      running.set(process, {
        id: recorder.call(process, { op: "txn", key: "store", steps }),
        steps,
        fate,
        told: [],
      });
    } else if (current.fate === "ok" && current.told.length < current.steps.length) {
      apply(current, random.chance(shape.torn) ? 1 : current.steps.length);
    } else {
      running.delete(process);
      if (current.fate === "ok") recorder.ok(current.id, { steps: current.told });
      else if (current.fate === "fail") recorder.fail(current.id);
      else recorder.unknown(current.id);
      if (current.fate === "unknown") late.push(current);
    }
  }
  return recorder.history() as Transaction[];
}

/** Changes one list that was read, which mostly, but not always, makes the history impossible. */
export function tamperWithRead(random: Random, history: readonly Transaction[]): Transaction[] {
  const readers = history.filter(
    ({ outcome, steps }) =>
      outcome === "ok" && steps.some(([kind, , told]) => kind === "read" && told !== null),
  );
  if (readers.length === 0) return [...history];
  const victim = random.pick(readers);
  const places = victim.steps.flatMap(([kind], at) => (kind === "read" ? [at] : []));
  const place = random.pick(places);
  const steps = victim.steps.map((step, at): Step => {
    if (at !== place || step[0] !== "read") return step;
    return ["read", step[1], tamperWithList(random, step[2] ?? [], history.length)];
  });
  return history.map((transaction) => (transaction === victim ? { ...transaction, steps } : transaction));
}

function tamperWithList(random: Random, list: readonly Element[], highest: number): Element[] {
  const at = random.below(Math.max(list.length, 1));
  switch (random.below(5)) {
    case 0:
      return list.slice(0, at);
    case 1:
      return [...list, 1 + random.below(highest)];
    case 2:
      return list.filter((_, index) => index !== at);
    case 3:
      return [
        ...list.slice(0, at),
        ...list.slice(at + 1, at + 2),
        ...list.slice(at, at + 1),
        ...list.slice(at + 2),
      ];
    default:
      return [];
  }
}
