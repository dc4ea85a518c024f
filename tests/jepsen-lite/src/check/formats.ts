import { HistoryError } from "@raftkv/checker";
import { EdnError, EdnMap, EdnName, parseEdn, parseEdnSequence, showEdn, textOf } from "./edn.js";
import type { EdnValue } from "./edn.js";
import type { Event, EventType } from "./events.js";

export type Format = "jsonl" | "jepsen-log" | "edn";
export const FORMATS: readonly Format[] = ["jsonl", "jepsen-log", "edn"];

const TYPES: readonly string[] = ["invoke", "ok", "fail", "info"];
/** `INFO  jepsen.util - 3 :invoke :cas [1 2]`: whatever stands before is the logger's. Newer ones leave the dash out. */
const LOG_LINE =
  /\bjepsen\.util(?:\s+-)?\s+(?<process>\S+)\s+:(?<type>\w+)\s+:(?<f>[\w-]+)(?:\s+(?<value>\S.*))?$/;
const NUMBER = /^\d+$/;

/**
 * One line of Jepsen's text log. `null`: it is no operation of a client, but the nemesis or something else that was logged.
 * @throws {HistoryError}
 */
export function parseLogLine(text: string, line: number): Event | null {
  const found = LOG_LINE.exec(text.trimEnd())?.groups;
  if (found === undefined) return null;
  const { f = "", process = "", type = "", value } = found;
  if (!NUMBER.test(process) || !TYPES.includes(type)) return null;
  const values = value === undefined ? [] : attempt(() => parseEdnSequence(value), line);
  return {
    line,
    type: type as EventType,
    process: Number(process),
    f,
    key: "",
    value: values[0],
    hasError: values.length > 1,
  };
}

/**
 * One line of `edn`: a map. `null`: it is blank, a comment, or no operation of a client.
 * @throws {HistoryError}
 */
export function parseEdnLine(text: string, line: number): Event | null {
  if (/^[\s,]*(?:;.*)?$/.test(text)) return null;
  const map = attempt(() => parseEdn(text), line);
  if (!(map instanceof EdnMap))
    throw new HistoryError(
      `is ${showEdn(map)}; a map such as {:process 0, :type :invoke, …} is expected`,
      line,
    );
  const { entries } = map;
  const process = entries.get(":process");
  if (process instanceof EdnName) return null;
  if (typeof process !== "number" || !Number.isSafeInteger(process) || process < 0)
    throw new HistoryError(`:process must be a number of 0 or more, but is ${shown(process)}`, line);
  const type = nameOf(entries.get(":type"));
  if (type === null || !TYPES.includes(type))
    throw new HistoryError(
      `:type must be :invoke, :ok, :fail or :info, but is ${shown(entries.get(":type"))}`,
      line,
    );
  const value = entries.get(":value");
  const f = nameOf(entries.get(":f"));
  if (f === null) throw new HistoryError(`:f must be a keyword, but is ${shown(entries.get(":f"))}`, line);
  const key = entries.get(":key");
  const hasError = (entries.get(":error") ?? null) !== null;
  return {
    line,
    type: type as EventType,
    process,
    f,
    key: key === undefined ? "" : textOf(key),
    value,
    hasError,
  };
}

/** `:ok` and `"ok"` are both ok. */
function nameOf(value: EdnValue | undefined): string | null {
  if (value instanceof EdnName) return value.text.replace(/^:/, "");
  return typeof value === "string" ? value : null;
}

function shown(value: EdnValue | undefined): string {
  return value === undefined ? "not there" : showEdn(value);
}

function attempt<T>(parse: () => T, line: number): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof EdnError) throw new HistoryError(error.message, line);
    throw error;
  }
}

const EXTENSIONS: Readonly<Record<string, Format>> = {
  jsonl: "jsonl",
  ndjson: "jsonl",
  json: "jsonl",
  edn: "edn",
};

/** The format that a file's name promises, if it does: `.log` and `.txt` can be anything. */
export function formatOfName(path: string): Format | null {
  return EXTENSIONS[/\.(?<end>\w+)$/.exec(path)?.groups?.["end"]?.toLowerCase() ?? ""] ?? null;
}

/** The format that a line is in, if it can be told. */
export function formatOfLine(line: string): Format | null {
  if (LOG_LINE.test(line.trimEnd())) return "jepsen-log";
  if (/^\s*\{\s*(?:"|\})/.test(line)) return "jsonl";
  return /^\s*\{\s*:/.test(line) ? "edn" : null;
}
