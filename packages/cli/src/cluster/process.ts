import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Whether a process of this number exists, whoever's it is. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not ours to signal, but there.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The arguments of a process, joined by spaces; null when there is none or it is only waiting to be reaped. */
export function commandLineOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return text === "" ? null : text.replaceAll("\0", " ").trim();
  } catch {
    return process.platform === "linux" ? null : commandLineFromPs(pid);
  }
}

function commandLineFromPs(pid: number): string | null {
  try {
    const args = ["-ww", "-o", "command=", "-p", String(pid)];
    const text = execFileSync("ps", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    return text === "" ? null : text;
  } catch {
    return null;
  }
}

/**
 * Whether every thread of a process without arguments is through. The kernel takes the arguments away first and closes
 * the files, ports among them, last: what has no arguments may still hold a port for a moment.
 */
function hasEnded(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Behind the name, which may hold anything, in parentheses: state is the first field, the threads are the 18th.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return (fields[0] === "Z" || fields[0] === "X") && Number(fields[17]) <= 1;
  } catch {
    return true;
  }
}

/** `ending`: it is on its way out, and may still hold its ports and its directory. */
export type NodeProcessState = "running" | "ending" | "gone";

/**
 * What became of the node with that data directory whose process was `pid`. Numbers of processes are used again: a pid
 * from a file alone is neither to be trusted nor to be killed.
 */
export function nodeProcessState(pid: number, dataDir: string): NodeProcessState {
  if (!isAlive(pid)) return "gone";
  const commandLine = commandLineOf(pid);
  if (commandLine === null) return hasEnded(pid) ? "gone" : "ending";
  return ` ${commandLine} `.includes(` node start --data-dir ${dataDir} `) ? "running" : "gone";
}

/** Sends a signal; a process that is gone already is no error. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
