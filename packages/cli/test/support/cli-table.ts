import { readFileSync } from "node:fs";

/** One row of a table of docs/cli.md: what is typed, and what comes of it. */
export interface WrongLine {
  /** Arguments behind `raftkv`. */
  readonly args: readonly string[];
  readonly typed: string;
  /** What is piped in. */
  readonly input: Buffer | null;
  /** What the message holds. */
  readonly says: string;
  readonly code: string;
  readonly exit: number;
}

const DOCS = new URL("../../../../docs/cli.md", import.meta.url);
const ROW = /^\| `(?<typed>.*)` \| (?<says>.*) \| (?<code>[A-Z_]+) \| (?<exit>\d+) \|$/;

/** `printf 'a\n'` is the one way to pipe something in; words are split at spaces, but within quotes. */
function parse(typed: string) {
  const piped = /^printf '(?<text>[^']*)' \\\| raftkv (?<rest>.*)$/.exec(typed)?.groups;
  const rest = piped?.["rest"] ?? typed.replace(/^raftkv ?/, "");
  const args = (rest.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll(/^'|'$/g, ""));
  const text = piped?.["text"];
  return { args, input: text === undefined ? null : unescape(text) };
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\", n: "\n", t: "\t" };

/** As printf takes it: `\\`, `\n`, `\t`, `\xHH`. */
function unescape(text: string): Buffer {
  const parts = text.split(/(\\x[0-9a-f]{2}|\\[\\nt])/);
  return Buffer.concat(
    parts.map((part, at) => {
      if (at % 2 === 0) return Buffer.from(part);
      return part[1] === "x" ? Buffer.from(part.slice(2), "hex") : Buffer.from(ESCAPES[part[1] ?? ""] ?? "");
    }),
  );
}

/** One row of a table of what is answered. */
export interface AnsweredLine {
  readonly args: readonly string[];
  readonly typed: string;
  readonly input: Buffer | null;
  /** Stands in what is printed. */
  readonly prints: Buffer;
  readonly exit: number;
}

const ANSWERED_ROW = /^\| `(?<typed>.*)` \| (?:`(?<prints>.*)`)? ?\| (?<exit>\d+) \|$/;

/** @throws {Error} there is none: nothing would be tested. */
function rowsBelow(heading: string): string[] {
  const section = readFileSync(DOCS, "utf8").split(`\n### ${heading}\n`)[1]?.split("\n#", 1)[0] ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("| `"));
  if (lines.length === 0) throw new Error(`docs/cli.md has no table below "${heading}"`);
  return lines;
}

function groupsOf(line: string, row: RegExp): Readonly<Record<string, string | undefined>> {
  const found = row.exec(line)?.groups;
  if (found === undefined) throw new Error(`a row of docs/cli.md is none: ${line}`);
  return found;
}

/** The rows of the table below a heading. @throws {Error} a row is none, or there is none. */
export function wrongLines(heading: string): readonly WrongLine[] {
  return rowsBelow(heading).map((line) => {
    const { code = "", exit = "", says = "", typed = "" } = groupsOf(line, ROW);
    return { ...parse(typed), typed, says: says.replaceAll("`", ""), code, exit: Number(exit) };
  });
}

/** The same of a table of what is answered. */
export function answeredLines(heading: string): readonly AnsweredLine[] {
  return rowsBelow(heading).map((line) => {
    const { exit = "", prints = "", typed = "" } = groupsOf(line, ANSWERED_ROW);
    return { ...parse(typed), typed, prints: unescape(prints), exit: Number(exit) };
  });
}
