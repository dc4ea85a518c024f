// `npm run jepsen`: the door of the harness.
import { readFileSync } from "node:fs";
import yargs from "yargs";
import { addCheckCommand, check } from "./check/command.js";
import { run } from "./run/command.js";
import { addRunCommand } from "./run/options.js";

const EXIT_USAGE = 2;
const LEFT_MS_MAX = 10_000;
const HELP_COLUMNS_MAX = 110;
const OUTPUT = {
  out: (line: string) => process.stdout.write(`${line}\n`),
  error: (line: string) => process.stderr.write(`${line}\n`),
};

function version(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

let chosen: (() => Promise<number>) | null = null as (() => Promise<number>) | null;
const parser = yargs()
  .parserConfiguration({ "duplicate-arguments-array": false })
  .scriptName("npm run jepsen --")
  .detectLocale(false)
  .usage("$0 [command]\n\nReal processes, real faults, checked histories.");
addRunCommand(parser, (arguments_) => {
  chosen = async () => (await run(arguments_, OUTPUT.out)).exitCode;
});
addCheckCommand(parser, (arguments_) => {
  chosen = () => check(arguments_, OUTPUT);
})
  .strict()
  .help()
  .alias("help", "h")
  .version(version())
  .wrap(Math.min(HELP_COLUMNS_MAX, process.stdout.columns ?? HELP_COLUMNS_MAX))
  .exitProcess(false)
  .fail((message, error) => {
    throw error ?? new Error(message);
  });

try {
  await parser.parseAsync(process.argv.slice(2));
} catch (error) {
  OUTPUT.error(`error: ${(error as Error).message}`);
  process.exitCode = EXIT_USAGE;
}
if (chosen !== null) process.exitCode = await chosen();
// What a run gave up may hang for good, and keeps nobody waiting.
setTimeout(() => process.exit(), LEFT_MS_MAX).unref();
