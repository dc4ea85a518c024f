import { HistoryError } from "./errors.js";
import type { Operation } from "./history.js";

type Check = readonly [accepts: (value: unknown) => boolean, expected: string];

const scalar: Check = [
  (v) => v === null || typeof v === "string" || typeof v === "boolean" || isNumber(v),
  "a string, a number, a boolean or null",
];
const text: Check = [(v) => typeof v === "string", "a string"];
const textOrNull: Check = [(v) => v === null || typeof v === "string", "a string or null"];
const flag: Check = [(v) => typeof v === "boolean", "true or false"];
const flagOrNull: Check = [(v) => v === null || typeof v === "boolean", "true, false or null"];
const element: Check = [isElement, "a string or a number"];
const elements: Check = [(v) => Array.isArray(v) && v.every(isElement), "an array of strings or numbers"];
const count: Check = [(v) => isPosition(v), "an integer of 0 or more"];
const countOrNull: Check = [(v) => v === null || isPosition(v), "an integer of 0 or more, or null"];
const integer: Check = [(v) => Number.isSafeInteger(v), "an integer"];
const integerOrNull: Check = [(v) => v === null || Number.isSafeInteger(v), "an integer or null"];
const step: Check = [(v) => Number.isSafeInteger(v) && v !== 0, "an integer that is not 0"];

interface Fields {
  /** What the client asked: needed whatever the outcome. */
  readonly asked: Readonly<Record<string, Check>>;
  /** What it was told: judged when the outcome is `ok`. */
  readonly told: Readonly<Record<string, Check>>;
}

/** Every kind of operation, and the fields that it has beside those that all have. */
export const operationFields: Readonly<Record<Operation["op"], Fields>> = {
  read: { asked: {}, told: { value: scalar } },
  write: { asked: { value: scalar }, told: {} },
  cas: { asked: { expected: scalar, value: scalar }, told: { swapped: flag } },
  get: {
    asked: {},
    told: { value: textOrNull, modRevision: countOrNull, createRevision: countOrNull, version: countOrNull },
  },
  put: { asked: { value: text }, told: { revision: countOrNull } },
  delete: { asked: {}, told: { deleted: flagOrNull, revision: countOrNull } },
  add: { asked: { value: element }, told: {} },
  members: { asked: {}, told: { values: elements } },
  increment: { asked: { by: step }, told: { total: integerOrNull } },
  total: { asked: {}, told: { total: integer } },
};

const outcomes: readonly unknown[] = ["ok", "fail", "unknown"];

/**
 * Checks that these objects are operations, of the given kinds, and that each process asked one thing at a time.
 * @throws {HistoryError} names the first entry that is none, the field, and what is allowed there.
 */
export function validateHistory(
  history: readonly Operation[],
  kinds: readonly Operation["op"][] = Object.keys(operationFields) as Operation["op"][],
): void {
  for (const [position, operation] of history.entries()) validateOperation(operation, kinds, position + 1);
  const busyUntil = new Map<number, { end: number; at: number }>();
  const order = history.map((operation, index) => ({ operation, at: index + 1 }));
  order.sort((a, b) => a.operation.call - b.operation.call);
  for (const { operation, at } of order) {
    const previous = busyUntil.get(operation.process);
    if (previous !== undefined && previous.end > operation.call) {
      const what = `process ${operation.process} calls at ${operation.call} while its entry ${previous.at} still runs`;
      throw new HistoryError(what, at);
    }
    busyUntil.set(operation.process, { end: operation.return ?? operation.call, at });
  }
}

function validateOperation(operation: Operation, kinds: readonly Operation["op"][], at: number): void {
  const record = operation as unknown as Readonly<Record<string, unknown>>;
  if (typeof operation !== "object" || operation === null) throw new HistoryError("is not an object", at);
  if (!kinds.includes(operation.op))
    throw new HistoryError(`op is ${show(operation.op)}; allowed here: ${kinds.join(", ")}`, at);
  expect(record, "process", count, at);
  expect(record, "key", text, at);
  expect(record, "call", count, at);
  if (!outcomes.includes(operation.outcome))
    throw new HistoryError(`outcome is ${show(operation.outcome)}; allowed: ok, fail, unknown`, at);
  if (operation.outcome === "unknown") {
    if (operation.return !== null)
      throw new HistoryError("return is set, but an unknown outcome stays open: null", at);
  } else {
    expect(record, "return", count, at);
    if ((operation.return ?? 0) <= operation.call)
      throw new HistoryError(`returned at ${operation.return}, called at ${operation.call}`, at);
  }
  const fields = operationFields[operation.op];
  for (const [name, check] of Object.entries(fields.asked)) expect(record, name, check, at);
  if (operation.outcome !== "ok") return;
  for (const [name, check] of Object.entries(fields.told)) expect(record, name, check, at);
}

function expect(
  record: Readonly<Record<string, unknown>>,
  name: string,
  [accepts, expected]: Check,
  at: number,
): void {
  if (!accepts(record[name]))
    throw new HistoryError(`${name} is ${show(record[name])}; it must be ${expected}`, at);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && !Number.isNaN(value);
}

function isElement(value: unknown): boolean {
  return typeof value === "string" || isNumber(value);
}

function isPosition(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function show(value: unknown): string {
  return value === undefined ? "missing" : JSON.stringify(value);
}
