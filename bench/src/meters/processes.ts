import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

export interface ProcessUse {
  /** CPU seconds, user and system, since the process began. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

/** What a process has used up to now; `null` where there is no /proc, or no such process. */
export function readProcessUse(pid: number): ProcessUse | null {
  try {
    // The command's name, in parentheses, may hold spaces: the fields are counted behind it.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    return {
      cpuSeconds: ticks / ticksPerSecond(),
      residentBytes: residentBytes(pid),
    };
  } catch {
    return null;
  }
}

/** VmRSS; 0 where there is no such process. */
export function residentBytes(pid: number): number {
  try {
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return Number(found?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

let ticks: number | null = null;

function ticksPerSecond(): number {
  ticks ??= Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
  return ticks;
}
