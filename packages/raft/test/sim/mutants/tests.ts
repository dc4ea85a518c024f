import { execFile } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./build.js";

/** Generous: the tests that are run here take seconds. */
const TIMEOUT_MILLIS = 300_000;

interface Report {
  readonly stats: { readonly tests: number };
  readonly failures: readonly { readonly fullTitle: string }[];
}

/** Runs compiled tests of the package in `folder`. Resolves with the title of the first that failed; null when all passed. */
export async function firstFailure(
  folder: string,
  files: readonly string[],
  output: string = join(folder, "tests.json"),
): Promise<string | null> {
  rmSync(output, { force: true });
  const args = [
    join(ROOT, "node_modules", "mocha", "bin", "mocha.js"),
    "--no-config",
    "--bail",
    "--exit",
    "--fail-zero",
    `--require=${join(ROOT, "tests", "support", "root-hook.mjs")}`,
    "--timeout=20000",
    "--reporter=json",
    `--reporter-option=output=${output}`,
    ...files.map((file) => join(folder, "dist-test", file)),
  ];
  const code = await new Promise<number | string | null | undefined>((resolve) => {
    execFile(process.execPath, args, { cwd: folder, timeout: TIMEOUT_MILLIS }, (error) =>
      resolve(error === null ? 0 : error.code),
    );
  });
  if (code === 0) return null;
  if (!existsSync(output)) return `the tests of ${files.join(", ")} come to no end`;
  const { failures } = JSON.parse(readFileSync(output, "utf8")) as Report;
  return failures[0]?.fullTitle ?? `mocha ends with ${code}`;
}
