// The command's process. `bin/raftkv.cjs` has set what must be set before anything is loaded.
import { runCommandLine } from "./command-line.js";

// Whoever read our output has seen enough (`raftkv kv get k | head -c 1`): no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

/** npm and npx tell what they run in: there, `raftkv` alone would not be found. */
const commandName = process.env["npm_config_user_agent"] === undefined ? "raftkv" : "npx --no-install raftkv";

process.exitCode = await runCommandLine(process.argv.slice(2), {
  out: process.stdout,
  err: process.stderr,
  input: process.stdin,
  env: process.env,
  cwd: process.cwd(),
  commandName,
});
