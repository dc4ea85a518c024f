import { HistoryError } from "./errors.js";
import { operationFields } from "./fields.js";
import type { Operation } from "./history.js";
import { validateHistory } from "./validate.js";

/** An operation to a line, in the given order. */
export function formatHistory(history: readonly Operation[]): string {
  return history.map((operation) => `${JSON.stringify(operation)}\n`).join("");
}

/**
 * Reads a history from JSON lines: either operations, one whole one a line, or events, whose order is that of the lines:
 * `{"type":"invoke","process":0,"op":"put","key":"a","value":"1"}` and later
 * `{"type":"ok","process":0,"revision":7}` (or `fail`, or `unknown`). Empty lines are passed over. Answer fields that may
 * be "not told" may be left out.
 * @throws {HistoryError} names the first line that is wrong.
 */
export function parseHistory(text: string): Operation[] {
  const records = parseLines(text);
  const events = records.filter(({ record }) => "type" in record).length;
  if (events !== 0 && events !== records.length)
    throw new HistoryError(
      "operations and events are mixed; a history is written in one of the two forms",
      null,
    );
  const history = events === 0 ? records.map(({ record }) => complete(record)) : pairEvents(records);
  validateHistory(history);
  return history;
}

interface Line {
  readonly at: number;
  readonly record: Readonly<Record<string, unknown>>;
}

function parseLines(text: string): Line[] {
  const lines: Line[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const record = parseJson(line, index + 1);
    if (typeof record !== "object" || record === null || Array.isArray(record))
      throw new HistoryError("is not a JSON object", index + 1);
    lines.push({ at: index + 1, record: record as Readonly<Record<string, unknown>> });
  }
  return lines;
}

function parseJson(line: string, at: number): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new HistoryError(`is not JSON: ${(error as Error).message}`, at);
  }
}

function pairEvents(lines: readonly Line[]): Operation[] {
  const history: Record<string, unknown>[] = [];
  const running = new Map<unknown, Record<string, unknown>>();
  for (const { at, record } of lines) {
    const { type, ...fields } = record;
    if (type === "invoke") {
      if (running.has(record["process"]))
        throw new HistoryError(
          `process ${JSON.stringify(record["process"])} is still waiting for an answer`,
          at,
        );
      const operation = { ...complete(fields), call: at, return: null, outcome: "unknown" };
      history.push(operation);
      running.set(record["process"], operation);
    } else if (type === "ok" || type === "fail" || type === "unknown") {
      const operation = running.get(record["process"]);
      if (operation === undefined)
        throw new HistoryError(`process ${JSON.stringify(record["process"])} waits for no answer`, at);
      running.delete(record["process"]);
      if (type === "unknown") continue;
      Object.assign(operation, type === "ok" ? fields : {}, { return: at, outcome: type });
    } else {
      throw new HistoryError(`type is ${JSON.stringify(type)}; allowed: invoke, ok, fail, unknown`, at);
    }
  }
  return history as unknown as Operation[];
}

/** Fills in `null` for answer fields that the line leaves out, so that every operation of a kind has one shape. */
function complete(record: Readonly<Record<string, unknown>>): Operation {
  const fields = operationFields[record["op"] as Operation["op"]] as
    | (typeof operationFields)[Operation["op"]]
    | undefined;
  const told = Object.keys(fields?.told ?? {}).map((name) => [name, null] as const);
  return { ...Object.fromEntries(told), ...record } as unknown as Operation;
}
