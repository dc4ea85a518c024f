import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The sources stand with the others; what is compiled is beside this file's output. */
const SOURCES = fileURLToPath(new URL("../../src/power-loss/shim", import.meta.url));

/** Compiles the shim into `target`. Returns why it cannot be had here, or null. */
export function compileShim(target: string): string | null {
  if (process.platform !== "linux") return `LD_PRELOAD is for Linux, this is ${process.platform}`;
  const sources = readdirSync(SOURCES)
    .filter((name) => name.endsWith(".c"))
    .sort()
    .map((name) => join(SOURCES, name));
  const flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-pthread"];
  const { error, status, stderr } = spawnSync("cc", [...flags, "-o", target, ...sources, "-ldl"], {
    encoding: "utf8",
  });
  if (error !== undefined) return "there is no C compiler (Debian: apt-get install gcc libc6-dev)";
  return status === 0 ? null : `the C compiler failed: ${stderr.trim()}`;
}
