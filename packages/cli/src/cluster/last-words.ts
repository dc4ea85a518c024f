import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const TAIL_BYTES = 16_000;
const LINE_CHARACTERS_MAX = 300;
const PINO_ERROR_LEVEL = 50;

interface Word {
  readonly text: string;
  readonly isError: boolean;
}

/** A line of a node's log: pino's JSON, or a plain `error: what happened (CODE)` of the command. */
function wordIn(line: string): Word {
  if (line.startsWith("error: ")) return { text: line.slice("error: ".length), isError: true };
  try {
    const { level, msg } = JSON.parse(line) as { level?: unknown; msg?: unknown };
    if (typeof msg === "string") return { text: msg, isError: Number(level) >= PINO_ERROR_LEVEL };
  } catch {
    // Whatever else wrote it, Node.js itself perhaps: it is shown as it is.
  }
  return { text: line, isError: /^\w*Error\b/.test(line) };
}

function readFrom(path: string, from: number): string {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const start = Math.max(from, size - TAIL_BYTES);
    const bytes = Buffer.alloc(Math.max(0, size - start));
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, start)).toString("utf8");
  } finally {
    closeSync(file);
  }
}

/**
 * Why a node ended, in one line: the last error in its log from byte `from` on, where its last start began, else the
 * last line; null when it wrote nothing.
 */
export function lastWords(path: string, from: number): string | null {
  let text: string;
  try {
    text = readFrom(path, from);
  } catch {
    return null;
  }
  const words = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map(wordIn);
  const last = words.findLast(({ isError }) => isError) ?? words.at(-1);
  return last === undefined ? null : last.text.trim().slice(0, LINE_CHARACTERS_MAX);
}
