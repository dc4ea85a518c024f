import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { run } from "./child.mjs";
import { packageFolders } from "./install.mjs";

/** Where a package's sources are, and where what is compiled from them goes. */
const OUTPUTS = [
  ["src", "dist"],
  ["test", "dist-test"],
];
const COMPILED = /\.(?:js|d\.ts)(?:\.map)?$/;

/**
 * Takes away compiled files whose source is gone: `tsc -b` leaves them, so a deleted test would go on passing, and an
 * import of a deleted module would go on compiling. Returns what was removed.
 */
export function pruneOutputs(folder) {
  const removed = [];
  for (const [from, to] of OUTPUTS) {
    const out = join(folder, to);
    if (!existsSync(out)) continue;
    for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !COMPILED.test(entry.name)) continue;
      const path = join(entry.parentPath, entry.name);
      const source = join(folder, from, relative(out, path).replace(COMPILED, ".ts"));
      if (existsSync(source)) continue;
      rmSync(path);
      removed.push(path);
    }
  }
  return removed;
}

/** Resolves with the compiler's exit code; 0 when everything is compiled. */
export function build() {
  for (const folder of packageFolders()) pruneOutputs(folder);
  return run(process.execPath, [join("node_modules", "typescript", "bin", "tsc"), "-b"]);
}
