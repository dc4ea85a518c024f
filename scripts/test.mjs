import { existsSync } from "node:fs";
import { join } from "node:path";
import { run } from "./child.mjs";

const SPECS = [
  "packages/*/dist-test/**/*.test.js",
  "tests/*/dist/**/*.test.js",
  "tests/support/*.test.mjs",
  "scripts/*.test.mjs",
];

/** `packages/raft/test/frame.test.ts` -> the file that mocha can run. */
function compiledPath(argument) {
  if (!argument.endsWith(".ts") || !existsSync(argument)) return argument;
  return argument
    .replace(/(^|\/)test\//, "$1dist-test/")
    .replace(/(^|\/)src\//, "$1dist/")
    .replace(/\.ts$/, ".js");
}

/**
 * Runs all tests, or those that the arguments name: test files (source or compiled), mocha's own options.
 * Resolves with mocha's exit code.
 */
export function test(args, env = process.env) {
  const given = args.map(compiledPath);
  const namesFiles = given.some((argument) => /\.[cm]?js$/.test(argument) && existsSync(argument));
  const mocha = join("node_modules", "mocha", "bin", "mocha.js");
  return run(process.execPath, [mocha, ...given, ...(namesFiles ? [] : SPECS)], { env });
}
