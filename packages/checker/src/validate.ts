import { HistoryError } from "./errors.js";
import { count, operationFields, text } from "./fields.js";
import type { Check } from "./fields.js";
import type { Operation } from "./history.js";

const outcomes: readonly unknown[] = ["ok", "fail", "unknown"];

/**
 * Checks that these objects are operations, of the given kinds, and that each process asked one thing at a time.
 * @param lines the line of each entry, when they come from a text.
 * @throws {HistoryError} names the first entry that is none, the field, and what is allowed there.
 */
export function validateHistory(
  history: readonly Operation[],
  kinds: readonly Operation["op"][] = Object.keys(operationFields) as Operation["op"][],
  lines: readonly number[] | null = null,
): void {
  const placeOf = (index: number): number => lines?.[index] ?? index + 1;
  for (const [index, operation] of history.entries()) validateOperation(operation, kinds, placeOf(index));
  const busyUntil = new Map<number, { end: number; at: number }>();
  const order = history.map((operation, index) => ({ operation, at: placeOf(index) }));
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

function show(value: unknown): string {
  return value === undefined ? "missing" : JSON.stringify(value);
}
