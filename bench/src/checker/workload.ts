import { HistoryRecorder } from "@raftkv/checker";
import type { Answer, Element, Invocation, Operation, Step } from "@raftkv/checker";
import type { CheckerBenchOptions } from "./options.js";

/** The numbers of a seed. (xorshift32: what is drawn need not be good, only the same again.) */
export class Draws {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed ^ 0x9e37_79b9) >>> 0 || 1;
  }

  /** At least 0, below 1. */
  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }
}

/** A correct object, or store of them: what its clients ask, and what they are told. */
export interface Service {
  ask(draws: Draws): Invocation;
  /** Takes effect in one step. */
  apply(asked: Invocation): Answer;
}

interface Running {
  readonly id: number;
  readonly asked: Invocation;
  readonly isUnknown: boolean;
  answer: Answer | null;
}

/**
 * What the clients of a correct service see: each operation takes effect at some time between its call and its answer; of the unknown
 * ones half take effect, some much later.
 */
export function record(service: Service, options: CheckerBenchOptions, draws: Draws): Operation[] {
  const recorder = new HistoryRecorder();
  const running = new Map<number, Running>();
  const late: Running[] = [];
  let called = 0;
  while (called < options.operations || running.size > 0) {
    if (late.length > 0 && draws.next() < 0.1) {
      const [one] = late.splice(draws.below(late.length), 1);
      if (one !== undefined) service.apply(one.asked);
    }
    const process = draws.below(options.processes);
    const current = running.get(process);
    if (current === undefined) {
      if (called === options.operations) continue;
      called += 1;
      const asked = service.ask(draws);
      const isUnknown = draws.next() < options.unknown;
      running.set(process, { id: recorder.call(process, asked), asked, isUnknown, answer: null });
    } else if (current.isUnknown) {
      running.delete(process);
      recorder.unknown(current.id);
      if (draws.next() < 0.5) late.push(current);
    } else if (current.answer === null) {
      current.answer = service.apply(current.asked);
    } else {
      running.delete(process);
      recorder.ok(current.id, current.answer);
    }
  }
  return recorder.history();
}

export function registerService({ cas, keys, values }: CheckerBenchOptions): Service {
  const held = new Map<string, number>();
  let last = 0;
  return {
    ask(draws) {
      const key = String(draws.below(keys));
      const value = values === 0 ? (last += 1) : draws.below(values);
      const kind = draws.next();
      if (kind < cas) {
        const expected = values === 0 ? (held.get(key) ?? null) : draws.below(values);
        return { op: "cas", key, expected, value };
      }
      return kind < cas + (1 - cas) / 2 ? { op: "read", key } : { op: "write", key, value };
    },
    apply(asked) {
      const value = held.get(asked.key) ?? null;
      if (asked.op === "read") return { value };
      if (asked.op === "cas" && value !== asked.expected) return { swapped: false };
      if (asked.op === "cas" || asked.op === "write") held.set(asked.key, asked.value as number);
      return asked.op === "cas" ? { swapped: true } : {};
    },
  };
}

/** A store with revisions and versions. */
export function kvService({ keys, values }: CheckerBenchOptions): Service {
  interface Held {
    readonly value: string;
    readonly modRevision: number;
    readonly createRevision: number;
    readonly version: number;
  }
  const held = new Map<string, Held>();
  let revision = 0;
  let last = 0;
  return {
    ask(draws) {
      const key = String(draws.below(keys));
      const kind = draws.next();
      if (kind < 0.5) return { op: "get", key };
      const value = String(values === 0 ? (last += 1) : draws.below(values));
      return kind < 0.9 ? { op: "put", key, value } : { op: "delete", key };
    },
    apply(asked) {
      const current = held.get(asked.key);
      if (asked.op === "get") return current ?? { value: null };
      if (asked.op === "delete") {
        if (current !== undefined) revision += 1;
        held.delete(asked.key);
        return { deleted: current !== undefined, revision };
      }
      revision += 1;
      if (asked.op === "put")
        held.set(asked.key, {
          value: asked.value,
          modRevision: revision,
          createRevision: current?.createRevision ?? revision,
          version: (current?.version ?? 0) + 1,
        });
      return { revision };
    },
  };
}

/** Strings that are added to, and put anew now and then. */
export function stringService({ keys }: CheckerBenchOptions): Service {
  const held = new Map<string, string>();
  let last = 0;
  return {
    ask(draws) {
      const key = String(draws.below(keys));
      const kind = draws.next();
      if (kind < 0.5) return { op: "get", key };
      last += 1;
      return { op: kind < 0.98 ? "append" : "put", key, value: `x ${last} y` };
    },
    apply(asked) {
      const value = held.get(asked.key) ?? "";
      if (asked.op === "append") held.set(asked.key, value + asked.value);
      else if (asked.op === "put") held.set(asked.key, asked.value);
      return asked.op === "get" ? { value } : {};
    },
  };
}

/** Transactions over lists. */
export function listService({ keys }: CheckerBenchOptions): Service {
  const held = new Map<string, Element[]>();
  let last = 0;
  return {
    ask(draws) {
      const steps: Step[] = [];
      for (let count = 1 + draws.below(4); count > 0; count -= 1) {
        const key = String(draws.below(keys));
        steps.push(draws.next() < 0.5 ? ["read", key, null] : ["append", key, (last += 1)]);
      }
      return { op: "txn", key: "store", steps };
    },
    apply(asked) {
      if (asked.op !== "txn") return {};
      const steps = asked.steps.map((step): Step => {
        const [kind, key, element] = step;
        const list = held.get(key) ?? [];
        if (kind === "read") return ["read", key, list];
        held.set(key, [...list, element]);
        return step;
      });
      return { steps };
    },
  };
}
