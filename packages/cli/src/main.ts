// The command's process. `bin/raftkv.cjs` has set what must be set before anything is loaded.
import { runCommandLine } from "./command-line.js";
import { EXIT } from "./exit-codes.js";
import { standardInput } from "./standard-input.js";

// Whoever read our output has seen enough (`raftkv kv get k | head -c 1`): no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  process.stderr.write(`error: standard output: ${error.message} (${error.code ?? "EIO"})\n`);
  process.exit(EXIT.refused);
});

// Nobody reads what is said about it, which is no reason to stop: the exit code tells as well.
process.stderr.on("error", () => undefined);

// Node.js would end with 1, which is an answer here. A node has a handler of its own, with more to tell apart.
if (process.argv[2] !== "node") {
  process.on("uncaughtException", (error) => {
    process.stderr.write(`error: ${error.stack ?? error.message} (INTERNAL)\n`);
    process.exit(EXIT.brokenInvariant);
  });
}

/** npm and npx tell what they run in: there, `raftkv` alone would not be found. */
const commandName = process.env["npm_config_user_agent"] === undefined ? "raftkv" : "npx --no-install raftkv";

process.exitCode = await runCommandLine(process.argv.slice(2), {
  out: process.stdout,
  err: process.stderr,
  input: standardInput(),
  env: process.env,
  cwd: process.cwd(),
  commandName,
});
