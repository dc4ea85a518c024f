import { readFileSync } from "node:fs";

/** One row of a table of docs/cli.md: what is typed, and what comes of it. */
export interface WrongLine {
  /** Arguments behind `raftkv`. */
  readonly args: readonly string[];
  readonly typed: string;
  /** What is piped in. */
  readonly input: string | null;
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
  return { args, input: piped?.["text"]?.replaceAll("\\n", "\n") ?? null };
}

/** The rows of the table below a heading. @throws {Error} a row is none, or there is none: nothing would be tested. */
export function wrongLines(heading: string): readonly WrongLine[] {
  const section = readFileSync(DOCS, "utf8").split(`\n### ${heading}\n`)[1]?.split("\n#", 1)[0] ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("| `"));
  if (lines.length === 0) throw new Error(`docs/cli.md has no table below "${heading}"`);
  return lines.map((line) => {
    const found = ROW.exec(line)?.groups;
    if (found === undefined) throw new Error(`a row of docs/cli.md is none: ${line}`);
    const { code = "", exit = "", says = "", typed = "" } = found;
    return { ...parse(typed), typed, says: says.replaceAll("`", ""), code, exit: Number(exit) };
  });
}
