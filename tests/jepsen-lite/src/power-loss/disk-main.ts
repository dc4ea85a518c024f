// `npm run power-loss:disk`: the disk that loses power, for any program that is linked dynamically.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { constants } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { compileShim } from "./compile.js";
import { PowerLossDisk, PowerLossError } from "./disk.js";
import { Random } from "./random.js";

const USAGE = `usage: npm run power-loss:disk -- run DIR -- COMMAND [ARGUMENTS]
       npm run power-loss:disk -- cut DIR [--seed S]

  run   runs a command whose changes below DIR are followed; beside it, in DIR.power-loss, is kept what takes them back.
        What is in DIR at the first run counts as synced. Kill the command with SIGKILL, so that it tidies nothing up.
  cut   takes away what was not synced: all of it, or with --seed a random part of it. No command may run.

Exit code of run: the command's, 99 when it did what cannot be followed. Of cut: 0, or 1 when there was nothing to go by.
2: a wrong option. 77: skipped.
`;

const SKIPPED = 77;

class UsageError extends Error {}

function follow(dir: string, command: string, args: readonly string[]): Promise<number> {
  mkdirSync(resolve(dir), { recursive: true });
  const shim = `${resolve(dir)}.power-loss.so`;
  const missing = compileShim(shim);
  if (missing !== null) {
    process.stderr.write(`skipped: ${missing}\n`);
    return Promise.resolve(SKIPPED);
  }
  const disk = new PowerLossDisk(dir, shim);
  const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, ...disk.env() } });
  return new Promise((done, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) =>
      done(signal === null ? (code ?? 1) : 128 + constants.signals[signal]),
    );
  });
}

function cut(dir: string, seed: string | undefined): number {
  if (seed !== undefined && !/^\d{1,9}$/.test(seed))
    throw new UsageError(`--seed is "${seed}", but must be a whole number`);
  const disk = new PowerLossDisk(dir, `${resolve(dir)}.power-loss.so`);
  const { files, names } = disk.cut(seed === undefined ? null : new Random(Number(seed)));
  process.stdout.write(`${files} files had unsynced bytes, ${names} changes of names were undone\n`);
  return 0;
}

async function main(args: readonly string[]): Promise<number> {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const { positionals, values } = parseOwn(args.slice(0, end));
  const [task, dir, ...others] = positionals;
  const [command, ...rest] = args.slice(end + 1);
  if (dir === undefined || others.length > 0) throw new UsageError("say run or cut, and one directory");
  if (task === "cut" && command === undefined) return cut(dir, values.seed);
  if (task === "run" && command !== undefined && values.seed === undefined) return follow(dir, command, rest);
  throw new UsageError(`"${task}" is not run with a command behind --, nor cut without one`);
}

function parseOwn(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { seed: { type: "string" } },
      allowPositionals: true,
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`error: ${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  } else if (error instanceof PowerLossError || (error as NodeJS.ErrnoException).code === "ENOENT") {
    process.stderr.write(`error: ${(error as Error).message}\n`);
    process.exitCode = 1;
  } else throw error;
}
