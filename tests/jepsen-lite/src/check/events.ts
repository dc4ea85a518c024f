import { HistoryError } from "@raftkv/checker";
import type { Element, Operation, Step, Value } from "@raftkv/checker";
import { EdnName, showEdn, textOf } from "./edn.js";
import type { EdnValue } from "./edn.js";

export type EventType = "invoke" | "ok" | "fail" | "info";

/** One line of a history in somebody else's format. */
export interface Event {
  readonly line: number;
  readonly type: EventType;
  readonly process: number;
  /** What is done, without a colon: `read`, `cas`, `append` … */
  readonly f: string;
  readonly key: string;
  /** `undefined`: not given. */
  readonly value: EdnValue | undefined;
  /** Whether an error is told beside the value. */
  readonly hasError: boolean;
}

interface Running {
  readonly line: number;
  readonly f: string;
  readonly operation: Operation;
}

/** Puts calls and answers of events together. Lines are the order. */
export class EventPairs {
  readonly #history: Operation[] = [];
  readonly #running = new Map<number, Running>();

  /** @throws {HistoryError} an answer that nobody waits for, a process that asks while it waits, a value that does not fit. */
  add(event: Event): void {
    const { line, process, type } = event;
    const current = this.#running.get(process);
    if (type === "invoke") {
      if (current !== undefined)
        throw new HistoryError(
          `process ${process} invokes :${event.f}, but still waits for the answer to what it invoked on line ${current.line}`,
          line,
        );
      const operation = invoked(event);
      this.#history.push(operation);
      this.#running.set(process, { line, f: event.f, operation });
      return;
    }
    if (current === undefined)
      throw new HistoryError(
        `process ${process} has an answer (:${type} :${event.f}), but has invoked nothing before that still waits for one`,
        line,
      );
    if (current.f !== event.f)
      throw new HistoryError(
        `process ${process} has an answer to :${event.f}, but waits for one to the :${current.f} of line ${current.line}`,
        line,
      );
    this.#running.delete(process);
    if (type !== "info") Object.assign(current.operation, completed(event, current.operation));
  }

  /** Everything that was invoked; what has no answer is of unknown outcome. */
  history(): Operation[] {
    return this.#history;
  }
}

/** The operation as it is while nobody has heard of it again. */
function invoked(event: Event): Operation {
  const { key, line, process, value } = event;
  const base = { process, key, call: line, return: null, outcome: "unknown" } as const;
  switch (event.f) {
    case "read":
      return { ...base, op: "read", value: null };
    case "write":
      return { ...base, op: "write", value: scalar(event, value) };
    case "cas": {
      const [expected, next] = pair(event);
      return { ...base, op: "cas", expected, value: next, swapped: null };
    }
    case "get":
      return { ...base, op: "get", value: null, modRevision: null, createRevision: null, version: null };
    case "put":
      return { ...base, op: "put", value: string(event), revision: null };
    case "append":
      return { ...base, op: "append", value: string(event) };
    case "delete":
      return { ...base, op: "delete", deleted: null, revision: null };
    case "txn":
      return { ...base, op: "txn", steps: steps(event, false) };
    default:
      throw wrong(
        event,
        "the operation",
        "one of :read :write :cas :get :put :append :delete :txn",
        `:${event.f}`,
      );
  }
}

function completed(event: Event, operation: Operation): Partial<Operation> {
  const end = { return: event.line, outcome: event.type === "ok" ? "ok" : "fail" } as const;
  if (operation.op === "cas") {
    if (event.type === "ok") return { ...end, swapped: true };
    return isRefusal(event, operation) ? { ...end, outcome: "ok", swapped: false } : end;
  }
  if (event.type === "fail") return end;
  switch (operation.op) {
    case "read":
      return { ...end, value: scalar(event, event.value) };
    case "get":
      return { ...end, value: event.value === null ? null : string(event) };
    case "txn":
      return { ...end, steps: steps(event, true) };
    default:
      return end;
  }
}

/**
 * Whether a failed compare-and-set is the answer that the comparison was false: then the log repeats what was asked, and tells no
 * error. Of any other (`:timed-out`, an error beside the value) it is only known that nothing happened.
 */
function isRefusal(
  { hasError, value }: Event,
  operation: { readonly expected: Value; readonly value: Value },
): boolean {
  if (hasError || !Array.isArray(value) || value.length !== 2) return false;
  const [expected, next] = value as EdnValue[];
  return plain(expected) === operation.expected && plain(next) === operation.value;
}

/** A value of a register; `undefined` for what is none. */
function plain(value: EdnValue | undefined): Value | undefined {
  if (value instanceof EdnName) return value.text;
  return typeof value === "object" && value !== null ? undefined : value;
}

function scalar(event: Event, value: EdnValue | undefined): Value {
  const found = plain(value);
  if (found === undefined) throw wrong(event, "the value", "a number, a string or nil", shown(value));
  return found;
}

function string(event: Event): string {
  const { value } = event;
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw wrong(event, "the value", "a string", shown(value));
}

function pair(event: Event): [Value, Value] {
  const { value } = event;
  const parts = Array.isArray(value) ? (value as EdnValue[]).map(plain) : [];
  const [expected, next] = parts;
  if (parts.length !== 2 || expected === undefined || next === undefined)
    throw wrong(event, "the value", "[expected new]", shown(value));
  return [expected, next];
}

function steps(event: Event, isTold: boolean): Step[] {
  const { value } = event;
  const expected = isTold
    ? "[[:append key element] [:r key [elements]] …]"
    : "[[:append key element] [:r key nil] …]";
  if (!Array.isArray(value)) throw wrong(event, "the value", expected, shown(value));
  return (value as EdnValue[]).map((step) => {
    const found = readStep(step, isTold);
    if (found === null) throw wrong(event, "a step", expected, shown(step));
    return found;
  });
}

function readStep(step: EdnValue, isTold: boolean): Step | null {
  if (!Array.isArray(step) || step.length < 2 || step.length > 3) return null;
  const [kind, key, value = null] = step as EdnValue[];
  if (kind === undefined || key === undefined || key === null) return null;
  const name = textOf(kind).replace(/^:/, "");
  if (name === "append") return isElement(value) ? ["append", textOf(key), value] : null;
  if (name !== "r" && name !== "read") return null;
  if (!isTold) return ["read", textOf(key), null];
  // Jepsen shows a list that is not there yet as nil.
  const list = value === null ? [] : value;
  if (!Array.isArray(list) || !(list as EdnValue[]).every(isElement)) return null;
  return ["read", textOf(key), list as Element[]];
}

function isElement(value: EdnValue | undefined): value is Element {
  return typeof value === "string" || typeof value === "number";
}

function shown(value: EdnValue | undefined): string {
  return value === undefined ? "nothing" : showEdn(value);
}

function wrong(event: Event, what: string, expected: string, found: string): HistoryError {
  const { f, line, process, type } = event;
  return new HistoryError(
    `:${type} :${f} of process ${process}: ${what} must be ${expected}, but is ${found}`,
    line,
  );
}
