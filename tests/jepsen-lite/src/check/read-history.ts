import { createReadStream } from "node:fs";
import { HistoryError, HistoryParser } from "@raftkv/checker";
import type { Operation } from "@raftkv/checker";
import { EventPairs } from "./events.js";
import { formatOfLine, formatOfName, parseEdnLine, parseLogLine } from "./formats.js";
import type { Format } from "./formats.js";

export interface ReadHistory {
  readonly format: Format;
  readonly history: Operation[];
}

/** Takes lines in one format, gives the history. */
interface LineReader {
  add(text: string, line: number): void;
  finish(): Operation[];
}

/** Lines that may come before the first one that shows the format of a file. */
const LOOKED_AT_MAX = 10_000;

/**
 * Reads a file line by line. Without a `format` it is told by the name, else by the first line that can be.
 * @throws {HistoryError} names the first line that is wrong; or nothing in the file is an operation.
 */
export async function readHistory(path: string, format: Format | null): Promise<ReadHistory> {
  let known = format ?? formatOfName(path);
  let reader = known === null ? null : readerOf(known);
  const waiting: string[] = [];
  let line = 0;
  for await (const text of linesOf(path)) {
    line += 1;
    if (reader !== null) {
      reader.add(text, line);
      continue;
    }
    waiting.push(text);
    known = formatOfLine(text);
    if (known === null && line < LOOKED_AT_MAX) continue;
    if (known === null) break;
    reader = readerOf(known);
    for (const [index, earlier] of waiting.entries()) reader.add(earlier, index + 1);
  }
  if (known === null || reader === null)
    throw new HistoryError(
      "no line shows which format the file has; say it with --format jsonl|jepsen-log|edn",
      null,
    );
  const history = reader.finish();
  if (history.length === 0) throw new HistoryError(`no line is an operation in the format ${known}`, null);
  return { format: known, history };
}

/** Ends of lines may be those of Unix or of Windows; a byte order mark is passed over. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = "";
  let isFirst = true;
  for await (const chunk of createReadStream(path, { encoding: "utf8" })) {
    const text = isFirst ? String(chunk).replace(/^\uFEFF/, "") : String(chunk);
    isFirst = false;
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield line.replace(/\r$/, "");
  }
  if (rest !== "") yield rest.replace(/\r$/, "");
}

function readerOf(format: Format): LineReader {
  if (format === "jsonl") {
    const parser = new HistoryParser();
    return { add: (text) => parser.add(text), finish: () => parser.finish() };
  }
  const parse = format === "edn" ? parseEdnLine : parseLogLine;
  const pairs = new EventPairs();
  return {
    add(text, line) {
      const event = parse(text, line);
      if (event !== null) pairs.add(event);
    },
    finish: () => pairs.history(),
  };
}
