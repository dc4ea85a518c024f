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
 * be "not told" may be left out, and so may the key of a history of one object.
 * @throws {HistoryError} names the first line that is wrong.
 */
export function parseHistory(text: string): Operation[] {
  const parser = new HistoryParser();
  for (const line of text.split("\n")) parser.add(line);
  return parser.finish();
}

type Fields = Readonly<Record<string, unknown>>;

/** The same for lines that come one after the other, as from a file that is too large to be one text. */
export class HistoryParser {
  readonly #history: Fields[] = [];
  /** The line of each operation: of its call, when it has one of its own. */
  readonly #lines: number[] = [];
  readonly #running = new Map<unknown, { operation: Record<string, unknown>; line: number }>();
  #line = 0;
  #form: "operations" | "events" | null = null;

  /** @throws {HistoryError} the line is wrong. */
  add(line: string): void {
    this.#line += 1;
    if (line.trim() === "") return;
    const record = parseLine(line, this.#line);
    const form = "type" in record ? "events" : "operations";
    if (this.#form !== null && this.#form !== form)
      throw new HistoryError(
        "operations and events are mixed; a history is written in one of the two forms",
        this.#line,
      );
    this.#form = form;
    if (form === "events") this.#addEvent(record);
    else this.#push(complete(record));
  }

  /** @throws {HistoryError} names the first line whose operation is none. */
  finish(): Operation[] {
    const history = this.#history as unknown as Operation[];
    validateHistory(history, undefined, this.#lines);
    return history;
  }

  #addEvent({ type, ...fields }: Fields): void {
    const { process } = fields;
    const current = this.#running.get(process);
    const who = `process ${JSON.stringify(process) ?? "(none given)"}`;
    if (type === "invoke") {
      if (current !== undefined)
        throw new HistoryError(
          `${who} is still waiting for an answer to what it asked on line ${current.line}`,
          this.#line,
        );
      const operation = { ...complete(fields), call: this.#line, return: null, outcome: "unknown" };
      this.#push(operation);
      this.#running.set(process, { operation, line: this.#line });
    } else if (type === "ok" || type === "fail" || type === "unknown" || type === "info") {
      if (current === undefined) throw new HistoryError(`${who} waits for no answer`, this.#line);
      this.#running.delete(process);
      if (type === "unknown" || type === "info") return;
      const answer = type === "ok" ? withoutAsked(rename(fields), current.operation) : {};
      Object.assign(current.operation, answer, { return: this.#line, outcome: type });
    } else {
      throw new HistoryError(
        `type is ${JSON.stringify(type)}; allowed: invoke, ok, fail, unknown`,
        this.#line,
      );
    }
  }

  #push(operation: Fields): void {
    this.#history.push(operation);
    this.#lines.push(this.#line);
  }
}

function parseLine(line: string, at: number): Fields {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch (error) {
    throw new HistoryError(`is not JSON: ${(error as Error).message}`, at);
  }
  if (typeof record !== "object" || record === null || Array.isArray(record))
    throw new HistoryError("is not a JSON object", at);
  return record as Fields;
}

/** Fills in `null` for answer fields that the line leaves out, so that every operation of a kind has one shape. */
function complete(record: Fields): Fields {
  const renamed = rename(record);
  const fields = operationFields[renamed["op"] as Operation["op"]] as
    | (typeof operationFields)[Operation["op"]]
    | undefined;
  const told = Object.keys(fields?.told ?? {}).map((name) => [name, null] as const);
  return { ...Object.fromEntries(told), key: "", ...renamed };
}

/** The names that Jepsen uses for the same things. */
function rename(record: Fields): Fields {
  const { f, ...rest } = record;
  const renamed: Record<string, unknown> =
    f === undefined || "op" in record ? { ...record } : { ...rest, op: f };
  const { key, outcome, value } = renamed;
  if (typeof key === "number") renamed["key"] = String(key);
  if (outcome === "info") renamed["outcome"] = "unknown";
  if (renamed["op"] === "cas" && Array.isArray(value) && !("expected" in renamed)) {
    const [expected, next] = value as unknown[];
    Object.assign(renamed, { expected, value: next });
  }
  if (renamed["op"] === "txn" && Array.isArray(value) && !("steps" in renamed)) {
    delete renamed["value"];
    renamed["steps"] = value;
  }
  if (Array.isArray(renamed["steps"])) renamed["steps"] = renamed["steps"].map(renameStep);
  return renamed;
}

function renameStep(step: unknown): unknown {
  if (!Array.isArray(step)) return step;
  const [kind, key, ...rest] = step as unknown[];
  return [kind === "r" ? "read" : kind, typeof key === "number" ? String(key) : key, ...rest];
}

/** An answer says again what was asked, or leaves it out; it cannot change it. */
function withoutAsked(answer: Fields, operation: Fields): Fields {
  const fields = operationFields[operation["op"] as Operation["op"]] as
    | (typeof operationFields)[Operation["op"]]
    | undefined;
  const told = Object.keys(fields?.told ?? {});
  return Object.fromEntries(Object.entries(answer).filter(([name]) => told.includes(name)));
}
