import { readFileSync } from "node:fs";
import yargs from "yargs";
import type { Argv } from "yargs";
import { recoverBytes, shieldPositionals, unescapeText } from "./arguments.js";
import { clusterCommands } from "./commands/cluster.js";
import { kvCommands } from "./commands/kv.js";
import { nodeCommands } from "./commands/node.js";
import { statusCommand } from "./commands/status.js";
import { walCommands } from "./commands/wal.js";
import type { Chosen, Context } from "./context.js";
import { reportOf, usageError } from "./errors.js";
import { EXIT, EXIT_MEANINGS } from "./exit-codes.js";
import type { ExitCode } from "./exit-codes.js";
import { sayError } from "./output.js";

const HELP_COLUMNS_MAX = 110;

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

function buildParser(context: Context, chosen: Chosen): Argv {
  const parser = yargs()
    .parserConfiguration(PARSING)
    .scriptName("raftkv")
    .detectLocale(false)
    .usage("$0 <command>\n\nA key-value cluster replicated with Raft.");
  parser
    .command("cluster", "start, stop and break a cluster on this machine", (parser) =>
      clusterCommands(parser, context, chosen),
    )
    .command("node", "run one node in this process", (parser) => nodeCommands(parser, context, chosen))
    .command("kv", "put, get and delete keys", (parser) => kvCommands(parser, context, chosen))
    .command("wal", "look into a node's log on this machine", (parser) =>
      walCommands(parser, context, chosen),
    );
  return statusCommand(parser, context, chosen)
    .demandCommand(1, "say which command: cluster, node, kv, wal or status; `raftkv --help` tells more")
    .strict()
    .help()
    .alias("help", "h")
    .version(version())
    .epilogue(exitCodeHelp())
    .wrap(Math.min(HELP_COLUMNS_MAX, process.stdout.columns ?? HELP_COLUMNS_MAX))
    .exitProcess(false);
}

/** Flags that are there or not; the parser would quietly read `--json=yes` as false. */
const FLAGS = ["json", "detach", "init", "join", "insecure"];

function checkFlags(args: readonly string[]): void {
  for (const arg of args) {
    const match = /^--([a-z-]+)=(.*)$/s.exec(arg);
    if (match === null || !FLAGS.includes(match[1] ?? "") || match[2] === "true" || match[2] === "false")
      continue;
    throw usageError(
      `--${match[1]} is "${unescapeText(match[2] ?? "")}", but takes no value, or true or false`,
    );
  }
}

/** The arguments as they were typed among those that the parser, without their dashes, does not know. */
function typedAs(names: string, args: readonly string[]): string {
  const unknown = new Set(names.split(", "));
  const typed = args.filter((arg) => unknown.has(arg.replace(/^--?/, "").replace(/=.*$/s, "")));
  return unescapeText(typed.length > 0 ? typed.join(", ") : names);
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

/** The parser's complaint in words that name what was typed. `help` is the text that goes with it. */
function explain(message: string, help: string, args: readonly string[]): string {
  const usage = help.split("\n", 1)[0] ?? "raftkv";
  const command = usage.replace(/ [<[].*$/, "");
  const more = `; \`${command} --help\` shows what there is`;
  const unknown = /^Unknown (?:argument|command)s?: (.*)$/s.exec(message)?.[1];
  if (unknown !== undefined) return `unknown argument: ${typedAs(unknown, args)}${more}`;
  const valueless = /^Not enough arguments following: (.*)$/s.exec(message)?.[1];
  if (valueless !== undefined) return `--${valueless} needs a value${more}`;
  if (!message.startsWith("Not enough non-option arguments")) return message;
  const dashed = args.find((arg) => /^-[^-]/.test(arg));
  const hint =
    dashed === undefined ? "" : ` (a key or value that begins with a dash, as ${dashed}, goes behind --)`;
  return `${missingNames(message, usage)} missing: ${usage}${hint}`;
}

/**
 * Finds out what the command line asks for. Null when it was answered here: with a help text, or the version.
 * @throws {CliError} USAGE.
 */
async function choose(args: readonly string[], context: Context): Promise<Chosen["action"]> {
  const chosen: Chosen = { action: null };
  const shielded = shieldPositionals(recoverBytes(args));
  checkFlags(shielded);
  let failure: string | null = null;
  let text = "";
  const parser = buildParser(context, chosen);
  await parser.parseAsync(shielded, {}, (error: Error | undefined, _argv: unknown, output: string) => {
    failure = error?.message ?? null;
    text = output;
  });
  if (failure !== null) throw usageError(explain(failure, text, shielded));
  if (text !== "") context.out.write(`${text}\n`);
  return chosen.action;
}

/** Runs one command line to its end; every error is reported, none is thrown. Returns the exit code. */
export async function runCommandLine(args: readonly string[], context: Context): Promise<ExitCode> {
  try {
    const action = await choose(args, context);
    return action === null ? EXIT.done : await action();
  } catch (error) {
    const report = reportOf(error);
    sayError(context, report, args.includes("--json") || args.includes("--json=true"));
    return report.exitCode;
  }
}
