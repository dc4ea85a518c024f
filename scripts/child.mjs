import { spawn } from "node:child_process";
import { constants } from "node:os";

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs a program in the foreground and resolves with its exit code (128 + n when signal n ended it).
 * With `onOutput`, what it prints goes there and not to our own output.
 *
 * Signals go through, each once: on a terminal, Ctrl-C reaches the child directly, since it is of the same process
 * group, so an interrupt is passed on only where there is none.
 */
export function run(program, args, { env = process.env, onOutput = null } = {}) {
  return new Promise((resolve) => {
    const stdio = onOutput === null ? "inherit" : ["ignore", "pipe", "pipe"];
    const child = spawn(program, args, { env, stdio });
    child.stdout?.on("data", onOutput);
    child.stderr?.on("data", onOutput);
    const forward = (signal) => {
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    };
    for (const signal of FORWARDED) process.on(signal, forward);
    const finish = (code) => {
      for (const signal of FORWARDED) process.off(signal, forward);
      resolve(code);
    };
    child.once("error", (error) => {
      console.error(`error: cannot run ${program}: ${error.message}`);
      finish(127);
    });
    child.once("close", (code, signal) => finish(code ?? 128 + constants.signals[signal]));
  });
}
