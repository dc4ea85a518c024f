import { readFileSync } from "node:fs";
import type { Argv } from "yargs";
import { recoverBytes, shieldPositionals, unescapeText } from "./arguments.js";
import { COMMANDS, loadNamed } from "./commands.js";
import type { Chosen, Context } from "./context.js";
import { reportOf, usageError } from "./errors.js";
import { EXIT, EXIT_MEANINGS } from "./exit-codes.js";
import { Examples } from "./example-text.js";
import { sayError } from "./output.js";

const HELP_COLUMNS_MAX = 110;

/** What others have as commands of their own. */
const KEY_COMMANDS = new Set(["put", "get", "del", "range", "watch", "txn"]);

/** Arguments are texts: `007` is no number, `--a.b` no object, and the last of two equal options counts. */
const PARSING = {
  "parse-numbers": false,
  "parse-positional-numbers": false,
  "dot-notation": false,
  "boolean-negation": false,
  "duplicate-arguments-array": false,
};

function version(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

function exitCodeHelp(): string {
  const lines = Object.entries(EXIT_MEANINGS).map(([code, meaning]) => `  ${code.padStart(2)}  ${meaning}`);
  return ["Exit codes:", ...lines].join("\n");
}

function helpColumns(): number {
  return Math.min(HELP_COLUMNS_MAX, process.stdout.columns ?? HELP_COLUMNS_MAX);
}

function asksForHelp(args: readonly string[]): boolean {
  return args.some((arg) => arg === "help" || arg === "--help" || /^-[a-z]*h/.test(arg));
}

/** Only what the command line may need is loaded: whoever types `kv get` waits for it every time. */
async function buildParser(
  args: readonly string[],
  context: Context,
  chosen: Chosen,
  examples: Examples,
): Promise<Argv> {
  const { default: yargs } = await import("yargs");
  const named = await loadNamed(args);
  let parser: Argv = yargs();
  examples.takeFrom(parser);
  parser = parser
    .parserConfiguration(PARSING)
    .scriptName("raftkv")
    .detectLocale(false)
    .usage("$0 <command>\n\nA key-value cluster replicated with Raft.");
  for (const [name, heading] of Object.entries(COMMANDS)) {
    const build = named?.name === name ? named.build : undefined;
    const { describe, isGroup, usage } = heading;
    if (build === undefined) parser = parser.command(usage, describe, (command) => command);
    else if (!isGroup) parser = build(parser, context, chosen, heading);
    else parser = parser.command(usage, describe, (command) => build(command, context, chosen, heading));
  }
  return (
    parser
      .completion(
        "completion",
        "print the completion script of bash or zsh: put it into your .bashrc or .zshrc",
      )
      .demandCommand(
        1,
        `say which command: ${Object.keys(COMMANDS).join(", ")} or completion; \`raftkv --help\` tells more`,
      )
      .strict()
      .help()
      .alias("help", "h")
      .version(version())
      .epilogue(exitCodeHelp())
      // The parser writes the help text of every command that it runs, and throws it away: at least it need not break its lines.
      .wrap(asksForHelp(args) ? helpColumns() : null)
      .exitProcess(false)
  );
}

/** Flags that are there or not; the parser would quietly read `--json=yes` as false. */
const FLAGS = new Set(
  "json detach init join insecure witness prefix from-key keys-only count-only prev put delete once learner force yes".split(
    " ",
  ),
);

function checkFlags(args: readonly string[]): void {
  for (const arg of args) {
    const match = /^--([a-z-]+)=(.*)$/s.exec(arg);
    if (match === null || !FLAGS.has(match[1] ?? "") || match[2] === "true" || match[2] === "false") continue;
    throw usageError(
      `--${match[1]} is "${unescapeText(match[2] ?? "")}", but takes no value, or true or false`,
    );
  }
}

/** The arguments as they were typed among those that the parser, without their dashes, does not know. */
function typedAs(names: string, args: readonly string[]): string {
  const unknown = new Set(names.split(", "));
  const typed = args.filter((arg) => unknown.has(arg.replace(/^--?/, "").replace(/=.*$/s, "")));
  return unescapeText(typed.length > 0 ? [...new Set(typed)].join(", ") : names);
}

/** `KEY and VALUE are`: of the arguments that the usage names, those behind the number that were given. */
function missingNames(message: string, usage: string): string {
  const given = Number(/got (\d+)/.exec(message)?.[1] ?? 0);
  const names = [...usage.matchAll(/<([\w-]+)>/g)]
    .map((match) => (match[1] ?? "").toUpperCase())
    .slice(given);
  if (names.length === 0) return "an argument is";
  return names.length === 1 ? `${names[0]} is` : `${names.join(" and ")} are`;
}

/** What those are likely to want who know other tools: null when there is nothing to guess. */
function instead(command: string, unknown: string): string | null {
  const [first = ""] = unknown.split(", ");
  if (command === "raftkv" && KEY_COMMANDS.has(first)) return `; say \`raftkv kv ${first}\``;
  const isWord = unknown.split(", ").some((argument) => !argument.startsWith("-"));
  return command === "raftkv lock" && isWord
    ? "; COMMAND goes behind --: raftkv lock NAME -- COMMAND…"
    : null;
}

/** The parser's complaint in words that name what was typed. `help` is the text that goes with it. */
function explain(message: string, help: string, args: readonly string[]): string {
  const first = help.split("\n", 1)[0] ?? "";
  // The help of `completion` is the script itself.
  const usage = first.startsWith("raftkv") ? first : "raftkv completion";
  const command = usage.replace(/ [<[].*$/, "");
  const more = `; \`${command} --help\` shows what there is`;
  const unknown = /^Unknown (?:argument|command)s?: (.*)$/s.exec(message)?.[1];
  if (unknown !== undefined) {
    const typed = typedAs(unknown, args);
    return `unknown argument: ${typed}${instead(command, typed) ?? more}`;
  }
  const valueless = /^Not enough arguments following: (.*)$/s.exec(message)?.[1];
  if (valueless !== undefined) return `--${valueless} needs a value${more}`;
  const missing = /^Missing required arguments?: (.*)$/s.exec(message)?.[1];
  if (missing !== undefined) return `--${missing.replaceAll(", ", " and --")} is missing${more}`;
  const invalid = /Argument: (\S+), Given: (.*), Choices: (.*)$/m.exec(message);
  if (invalid !== null) {
    const [, option = "", given = "", choices = ""] = invalid;
    const allowed = choices.replaceAll('"', "");
    return `--${option} is ${unescapeText(given)}, but must be one of ${allowed}${more}`;
  }
  if (!message.startsWith("Not enough non-option arguments")) return message;
  const dashed = args.find((arg) => /^-[^-]/.test(arg));
  const hint =
    dashed === undefined ? "" : ` (a key or value that begins with a dash, as ${dashed}, goes behind --)`;
  return `${missingNames(message, usage)} missing: ${usage}${hint}`;
}

/** What the parser gets to see. */
function shielding(typed: readonly string[], dashes: number): readonly string[] {
  // The words of a line that is being typed: they may end with `--`.
  if (typed[0] === "--get-yargs-completions") return typed;
  return shieldPositionals(typed[0] === "lock" ? typed.slice(0, dashes) : typed);
}

/**
 * Finds out what the command line asks for. Null when it was answered here: with a help text, or the version.
 * @throws {CliError} USAGE.
 */
async function choose(args: readonly string[], context: Context): Promise<Chosen["action"]> {
  // Asked for by scripts and by people in a hurry; the parser takes longer to load than all else.
  if (args.length === 1 && args[0] === "--version") {
    context.out.write(`${version()}\n`);
    return null;
  }
  const typed = recoverBytes(args);
  const dashes = typed.includes("--") ? typed.indexOf("--") : typed.length;
  const chosen: Chosen = { action: null, behind: typed.slice(dashes + 1) };
  const shielded = shielding(typed, dashes);
  checkFlags(shielded);
  let failure: string | null = null;
  let text = "";
  const examples = new Examples();
  const parser = await buildParser(shielded, context, chosen, examples);
  await parser.parseAsync(shielded, {}, (error: Error | undefined, _argv: unknown, output: string) => {
    failure = error?.message ?? null;
    text = output;
  });
  if (failure !== null) throw usageError(explain(failure, text, shielded));
  if (text !== "") context.out.write(`${examples.putInto(text, helpColumns())}\n`);
  return chosen.action;
}

/** Runs one command line to its end; every error is reported, none is thrown. Returns the exit code. */
export async function runCommandLine(args: readonly string[], context: Context): Promise<number> {
  try {
    const action = await choose(args, context);
    return action === null ? EXIT.done : await action();
  } catch (error) {
    const report = reportOf(error);
    const options = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
    sayError(context, report, options.includes("--json") || options.includes("--json=true"));
    return report.exitCode;
  }
}
