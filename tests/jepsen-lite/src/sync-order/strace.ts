import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { until } from "../harness/until.js";

const CALLS = "openat,pwrite64,write,writev,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync";

/** One finished system call. Times in seconds since the epoch, all from this machine's clock. */
export interface SystemCall {
  readonly thread: string;
  readonly name: string;
  /** As strace shows them. */
  readonly args: string;
  /** What the file descriptor stands for: a path, or a socket with both its ends. */
  readonly target: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly result: number;
}

/** Why the check cannot run here, or null. */
export function straceMissing(): string | null {
  if (process.platform !== "linux") return `strace is for Linux, this is ${process.platform}`;
  const found = (process.env["PATH"] ?? "").split(delimiter).some((dir) => existsSync(join(dir, "strace")));
  return found ? null : "strace is not installed (Debian: apt-get install strace)";
}

/** Every thread, with clocks, durations and what file descriptors stand for, without the bytes. */
function straceArgs(calls: string, file: string): string[] {
  return ["-f", "-ttt", "-yy", "-T", "-s", "0", "-e", `trace=${calls}`, "-o", file];
}

/** Runs a command to its end. Every other call than `calls` is passed over. @throws it ended with another status than 0. */
export async function straceRun(
  command: readonly string[],
  file: string,
  calls: string,
): Promise<SystemCall[]> {
  const child = spawn("strace", [...straceArgs(calls, file), ...command], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (exitCode !== 0) throw new Error(`${command.join(" ")} under strace ended with ${exitCode}: ${said}`);
  return parseStrace(readFileSync(file, "utf8"));
}

/** Watches the system calls of one process and all its threads. */
export class Strace {
  readonly #child: ChildProcess;
  readonly #file: string;

  private constructor(child: ChildProcess, file: string) {
    this.#child = child;
    this.#file = file;
  }

  /** Resolves once the process is being watched. Every other call than `calls` is passed over, but not for free. */
  static async attach(pid: number, file: string, calls = CALLS): Promise<Strace> {
    const args = [...straceArgs(calls, file), "-p", String(pid)];
    const child = spawn("strace", args, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
    await until(
      "strace watches the process",
      async () => {
        if (child.exitCode !== null) throw new Error(`strace ended: ${said.trim()}`);
        return said.includes("attached") ? true : null;
      },
      { limitMs: 10_000 },
    );
    return new Strace(child, file);
  }

  /** What the process has done so far. */
  calls(): SystemCall[] {
    return parseStrace(readFileSync(this.#file, "utf8"));
  }

  /** Lets the process go, and returns what it did meanwhile. */
  async detach(): Promise<SystemCall[]> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGINT");
    await ended;
    return this.calls();
  }
}

const WHOLE = /^(\d+) +([\d.]+) (\w+)\((.*)\) += +(-?\d+)\b.* <([\d.]+)>$/;
const UNFINISHED = /^(\d+) +([\d.]+) (\w+)\((.*) <unfinished \.\.\.>$/;
const RESUMED = /^(\d+) +([\d.]+) <\.\.\. (\w+) resumed>(.*)\) += +(-?\d+)\b.* <([\d.]+)>$/;

/** Reads strace's text; a call that another thread interrupted stands in two lines. */
export function parseStrace(text: string): SystemCall[] {
  const calls: SystemCall[] = [];
  const open = new Map<
    string,
    { readonly name: string; readonly args: string; readonly startedAt: number }
  >();
  for (const line of text.split("\n")) {
    const whole = WHOLE.exec(line);
    if (whole !== null) {
      const [, thread = "", at = "", name = "", args = "", result = "", took = ""] = whole;
      const startedAt = Number(at);
      calls.push({
        thread,
        name,
        args,
        target: targetOf(args),
        startedAt,
        endedAt: startedAt + Number(took),
        result: Number(result),
      });
      continue;
    }
    const unfinished = UNFINISHED.exec(line);
    if (unfinished !== null) {
      const [, thread = "", at = "", name = "", args = ""] = unfinished;
      open.set(thread, { name, args, startedAt: Number(at) });
      continue;
    }
    const resumed = RESUMED.exec(line);
    if (resumed === null) continue;
    const [, thread = "", at = "", name = "", , result = ""] = resumed;
    const begun = open.get(thread);
    open.delete(thread);
    if (begun?.name !== name) continue;
    const { args, startedAt } = begun;
    calls.push({
      thread,
      name,
      args,
      target: targetOf(args),
      startedAt,
      endedAt: Number(at),
      result: Number(result),
    });
  }
  return calls.sort((a, b) => a.startedAt - b.startedAt);
}

/** `23</data/wal/1.wal>, …` -> `/data/wal/1.wal`; sockets have arrows inside, so it is the last bracket of the first argument. */
function targetOf(args: string): string {
  const match = /^\d+<(.*?)>(?:,|$)/.exec(args);
  return match?.[1] ?? "";
}
