import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import type { Lock } from "@raftkv/client";
import type { Argv } from "yargs";
import { bytesOf } from "../arguments.js";
import { withClient } from "../cluster-request.js";
import type { ClusterOptions } from "../cluster-request.js";
import type { Heading } from "../commands.js";
import type { Chosen, Context } from "../context.js";
import { parseDuration } from "../duration.js";
import { CliError, usageError } from "../errors.js";
import { EXIT } from "../exit-codes.js";
import { textOf } from "../output.js";
import { clusterOptions, textOption, timeoutOption } from "./options.js";

interface LockArguments extends ClusterOptions {
  readonly name: string;
  readonly ttl: string;
  readonly wait: string | undefined;
  readonly grace: string;
}

/** What a shell ends with when there is no such command, and when it cannot be run. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
/** Ctrl-C reaches the command by itself, as a member of the terminal's group; the others are handed on. */
const HANDED_ON = ["SIGTERM", "SIGHUP"] as const;

/** @throws {CliError} USAGE: the system hands over arguments as bytes, Node.js only text. */
function textArgument(what: string, shielded: string): string {
  const text = textOf(bytesOf(shielded));
  if (text === null) throw usageError(`${what} is no UTF-8 text`);
  return text;
}

/** Its exit code, or as a shell has it 128 + the number of the signal that ended it. */
function ended(child: ChildProcess, program: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("exit", (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") resolve(NOT_FOUND);
      else if (error.code === "EACCES") resolve(NOT_EXECUTABLE);
      else reject(error);
      if (error.code === "ENOENT" || error.code === "EACCES")
        process.stderr.write(`error: ${program} cannot be run: ${error.message} (${error.code})\n`);
    });
  });
}

/** Runs the command. When the lock is lost it is told with SIGTERM, and killed when it has not ended `graceMs` later. */
async function runHolding(lock: Lock, command: readonly string[], context: Context, graceMs: number) {
  const [program = "", ...args] = command;
  const env = {
    ...context.env,
    RAFTKV_LOCK_NAME: lock.name,
    RAFTKV_LOCK_TOKEN: String(lock.token),
    RAFTKV_LOCK_KEY: lock.key,
  };
  const child = spawn(program, args, { stdio: "inherit", cwd: context.cwd, env });
  let killTimer: NodeJS.Timeout | null = null;
  const onLost = (): void => {
    context.err.write(`lock ${JSON.stringify(lock.name)} is lost: telling ${program} with SIGTERM\n`);
    child.kill("SIGTERM");
    killTimer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  };
  const ignore = (): void => undefined;
  const handOn = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on("SIGINT", ignore);
  for (const signal of HANDED_ON) process.on(signal, handOn);
  lock.signal.addEventListener("abort", onLost);
  try {
    if (lock.signal.aborted) onLost();
    return await ended(child, program);
  } finally {
    if (killTimer !== null) clearTimeout(killTimer);
    lock.signal.removeEventListener("abort", onLost);
    process.off("SIGINT", ignore);
    for (const signal of HANDED_ON) process.off(signal, handOn);
  }
}

async function run(context: Context, argv: LockArguments, behind: readonly string[]): Promise<number> {
  const name = textArgument("NAME", argv.name);
  if (name === "") throw usageError("NAME is empty");
  if (behind.length === 0) throw usageError("COMMAND is missing: raftkv lock NAME -- COMMAND…");
  const command = behind.map((word, index) => textArgument(`word ${index + 1} of COMMAND`, word));
  const ttlSeconds = parseDuration("--ttl", argv.ttl) / 1000;
  const graceMs = parseDuration("--grace", argv.grace);
  const wait = argv.wait === undefined ? {} : { timeoutMs: parseDuration("--wait", argv.wait) };
  return withClient(context, argv, async (client) => {
    const lock = await client.lock(name, { ttlSeconds, ...wait });
    const code = await runHolding(lock, command, context, graceMs);
    if (lock.signal.aborted) {
      const { message } = lock.signal.reason as Error;
      const said = `the lock was lost while ${command[0]} ran, which ended with ${code}: ${message}`;
      throw new CliError("LOCK_LOST", EXIT.refused, said);
    }
    // If that cannot be said now, the cluster lets it go when its time has passed: the command has done its work.
    await lock.release().catch((error: unknown) => {
      context.err.write(`warning: the lock was not released: ${(error as Error).message}\n`);
    });
    return code;
  });
}

export function lockCommand(parser: Argv, context: Context, chosen: Chosen, heading: Heading): Argv {
  return parser.command(
    heading.usage,
    heading.describe,
    (command) =>
      clusterOptions(command, "how long to try to connect; see --wait")
        .usage("$0 lock <name> -- COMMAND…\n\nRuns a command while a lock is held.")
        .positional("name", { type: "string", demandOption: true, describe: "of the lock" })
        .option(
          "wait",
          textOption("how long to wait until the lock is free: 500ms, 5s, 1m", "as long as it takes"),
        )
        .option("ttl", timeoutOption("10s", "how long the lock outlives its holder when that falls silent"))
        .option(
          "grace",
          timeoutOption("10s", "how long the command may go on when the lock is lost, before it is killed"),
        )
        .epilogue(
          "The command has the fencing token in RAFTKV_LOCK_TOKEN, the key that stands for the lock in RAFTKV_LOCK_KEY, and its " +
            "name in RAFTKV_LOCK_NAME. The exit code is the command's own, 128 and the signal's number when one ended it, 127 when " +
            "there is no such command, 126 when it cannot be run. " +
            "When the lock is lost the command gets SIGTERM, and this one ends with 5 (LOCK_LOST).",
        )
        .example("$0 lock backup -- ./backup.sh --full", "one at a time, over all machines")
        .example("$0 lock job --wait 5s -- sh -c 'echo $RAFTKV_LOCK_TOKEN'", "the fencing token"),
    (argv) => {
      chosen.action = () => run(context, argv, chosen.behind);
    },
  );
}
