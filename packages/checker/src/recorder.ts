import { HistoryError } from "./errors.js";
import type { Balances, Operation, Outcome, Step, WatchMessage } from "./history.js";

/** What is known when an operation is called: everything but its place in the order, its end and its answer. */
export type Invocation = DistributiveInvocation<Operation>;
type DistributiveInvocation<O> = O extends Operation
  ? Omit<O, "process" | "call" | "return" | "outcome" | AnswerOf<O>>
  : never;
type AnswerOf<O> = O extends { op: "read" | "get" }
  ? "value" | "modRevision" | "createRevision" | "version"
  : O extends { op: "release" | "guarded" }
    ? "accepted"
    : Exclude<keyof Answer, "value" | "steps">;

/** What the client was told. Fields that are left out are "not told". */
export interface Answer {
  readonly value?: string | number | boolean | null;
  readonly swapped?: boolean;
  readonly modRevision?: number | null;
  readonly createRevision?: number | null;
  readonly version?: number | null;
  readonly revision?: number | null;
  readonly deleted?: boolean | null;
  readonly values?: readonly (string | number)[];
  readonly total?: number | null;
  /** Of a transaction: all steps again, the reads with what they read. */
  readonly steps?: readonly Step[];
  readonly done?: boolean | null;
  readonly balances?: Balances | null;
  readonly entries?: readonly (readonly [string, number])[] | null;
  readonly token?: number | null;
  readonly accepted?: boolean | null;
  readonly found?: boolean | null;
  readonly alive?: boolean | null;
  readonly returnMs?: number | null;
  readonly received?: readonly WatchMessage[] | null;
}

/** The answer fields of each kind, not told yet. */
const untold: Readonly<Record<Operation["op"], Answer>> = {
  read: { value: null },
  write: {},
  cas: { swapped: false },
  get: { value: null, modRevision: null, createRevision: null, version: null },
  put: { revision: null },
  delete: { deleted: null, revision: null },
  add: {},
  members: { values: [] },
  increment: { total: null },
  total: { total: null },
  append: {},
  txn: {},
  transfer: { done: null },
  balances: { balances: null },
  submit: {},
  log: { entries: null },
  acquire: { token: null },
  release: {},
  guarded: { accepted: null },
  grant: { returnMs: null },
  renew: { found: null, returnMs: null },
  revoke: { returnMs: null },
  alive: { alive: null, returnMs: null },
  change: { revision: null },
  watch: { received: null },
};

interface Slot {
  process: number;
  call: number;
  return: number | null;
  outcome: Outcome;
  ended: boolean;
  readonly fields: Invocation;
  answer: Answer;
}

/**
 * Writes a history down while it happens. It gives out the positions itself, so what is recorded as an order is the
 * order in which this one thread saw calls leave and answers come: an answer must be recorded before the process asks
 * again, and a call before the request leaves.
 */
export class HistoryRecorder {
  readonly #slots: Slot[] = [];
  #position = 0;

  /** Records a call; the number it returns names the operation in `ok`, `fail` and `unknown`. */
  call(process: number, invocation: Invocation): number {
    this.#position += 1;
    this.#slots.push({
      process,
      call: this.#position,
      return: null,
      outcome: "unknown",
      ended: false,
      fields: invocation,
      answer: untold[invocation.op],
    });
    return this.#slots.length - 1;
  }

  ok(id: number, answer: Answer = {}): void {
    const slot = this.#end(id);
    this.#answered(slot, "ok");
    slot.answer = { ...slot.answer, ...answer };
  }

  /** Only for what certainly had no effect. */
  fail(id: number): void {
    this.#answered(this.#end(id), "fail");
  }

  /** The client gave up without an answer. What never ended at all has an unknown outcome as well. */
  unknown(id: number): void {
    this.#end(id);
  }

  /** Everything called so far; what has not ended is `unknown`. */
  history(): Operation[] {
    return this.#slots.map((slot) => ({
      process: slot.process,
      ...slot.fields,
      ...slot.answer,
      call: slot.call,
      return: slot.return,
      outcome: slot.outcome,
    })) as Operation[];
  }

  #end(id: number): Slot {
    const slot = this.#slots[id];
    if (slot === undefined) throw new HistoryError(`there is no operation ${id}`, null);
    if (slot.ended) throw new HistoryError(`operation ${id} has ended before`, null);
    slot.ended = true;
    return slot;
  }

  #answered(slot: Slot, outcome: Outcome): void {
    this.#position += 1;
    slot.return = this.#position;
    slot.outcome = outcome;
  }
}
