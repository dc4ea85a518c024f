import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The source stands with the others; what is compiled is beside this file's output. */
const SOURCE = fileURLToPath(new URL("../../src/failing-sync/fail-sync.c", import.meta.url));

/** Compiles the shim into `target`. Returns why it cannot be had here, or null. */
export function compileShim(target: string): string | null {
  if (process.platform !== "linux") return `LD_PRELOAD is for Linux, this is ${process.platform}`;
  const { error, status, stderr } = spawnSync(
    "cc",
    ["-shared", "-fPIC", "-O1", "-o", target, SOURCE, "-ldl"],
    { encoding: "utf8" },
  );
  if (error !== undefined) return "there is no C compiler (Debian: apt-get install gcc libc6-dev)";
  return status === 0 ? null : `the C compiler failed: ${stderr.trim()}`;
}
