import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../../bin/raftkv.cjs", import.meta.url));
const WAIT_LIMIT_MS = 40_000;

/** The command as a process of its own. */
export interface CommandProcess {
  readonly child: ChildProcess;
  /** Everything that it has printed, on either stream. */
  readonly output: () => string;
  /** Waits until the output matches; rejects when the process ends or the limit passes first. */
  readonly printed: (pattern: RegExp) => Promise<void>;
  readonly ended: () => Promise<number | null>;
}

export function startCommand(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
  input: string | null = null,
): CommandProcess {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: [input === null ? "ignore" : "pipe", "pipe", "pipe"],
  });
  child.stdin?.end(input);
  let output = "";
  const watchers = new Set<() => void>();
  const changed = (): void => {
    for (const watcher of watchers) watcher();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      changed();
    });
  }
  const ended = new Promise<number | null>((resolve) => {
    child.once("close", (code) => {
      resolve(code);
      changed();
    });
  });
  const printed = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const settle = (error: Error | null): void => {
        clearTimeout(timer);
        watchers.delete(look);
        if (error === null) resolve();
        else reject(error);
      };
      const look = (): void => {
        if (pattern.test(output)) settle(null);
        else if (child.exitCode !== null || child.signalCode !== null) {
          settle(new Error(`it ended before it printed ${pattern}:\n${output}`));
        }
      };
      const timer = setTimeout(
        () => settle(new Error(`it did not print ${pattern} within ${WAIT_LIMIT_MS} ms:\n${output}`)),
        WAIT_LIMIT_MS,
      );
      watchers.add(look);
      look();
    });
  return { child, output: () => output, printed, ended: () => ended };
}
