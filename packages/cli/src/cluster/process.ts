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
 * Whether `pid` is the node with that data directory. Numbers of processes are used again: a pid from a file alone is
 * neither to be trusted nor to be killed.
 */
export function isNodeProcess(pid: number, dataDir: string): boolean {
  if (!isAlive(pid)) return false;
  const commandLine = commandLineOf(pid);
  return commandLine !== null && ` ${commandLine} `.includes(` node start --data-dir ${dataDir} `);
}

/** Sends a signal; a process that is gone already is no error. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
