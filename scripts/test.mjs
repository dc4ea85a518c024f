import { existsSync } from "node:fs";
import { join } from "node:path";
import { run } from "./child.mjs";

/** Most of these start nodes, and wait for them. */
const NODE_SPECS = [
  "packages/@(node|cli)/dist-test/**/*.test.js",
  "tests/*/dist/**/*.test.js",
  "bench/dist/**/*.test.js",
  "tests/support/*.test.mjs",
  "scripts/*.test.mjs",
];
/** Most of these compute, in one thread. */
const PART_SPECS = ["packages/!(node|cli)/dist-test/**/*.test.js"];

/** All tests, in two halves that can run at the same time. */
export const HALVES = [NODE_SPECS, PART_SPECS];

/** `packages/raft/test/core/election.test.ts` -> the file that mocha can run. */
function compiledPath(argument) {
  if (!argument.endsWith(".ts")) return argument;
  return argument
    .replace(/(^|\/)test\//, "$1dist-test/")
    .replace(/(^|\/)src\//, "$1dist/")
    .replace(/\.ts$/, ".js");
}

/** Options of mocha behind which a value stands as an argument of its own: that is no file of ours. */
const TAKES_VALUE =
  /^(?:-[gfrRtusjnO]|--(?!.*=)(?:f?grep|require|reporter|reporter-options?|timeout|ui|slow|retries|jobs|config|ignore|exclude|import|extension|package|node-option))$/;
const LOOKS_LIKE_PATH = /\/|\.[cm]?[jt]s$/;
const IS_PATTERN = /[*?{[]/;

/**
 * What mocha is to be given: all tests, or those that the arguments name.
 * @throws {Error} an argument looks like a path, and nothing is there: all tests would run, and hide the mistake.
 */
export function mochaArguments(args) {
  const isPath = (argument, index) =>
    !argument.startsWith("-") && LOOKS_LIKE_PATH.test(argument) && !TAKES_VALUE.test(args[index - 1] ?? "");
  const missing = args.filter(
    (argument, index) => isPath(argument, index) && !IS_PATTERN.test(argument) && !existsSync(argument),
  );
  if (missing.length > 0) throw new Error(`there is no file ${missing.join(", ")}`);
  const bare = args.filter(
    (argument, index) =>
      !argument.startsWith("-") && !isPath(argument, index) && !TAKES_VALUE.test(args[index - 1] ?? ""),
  );
  if (bare.length > 0) {
    throw new Error(
      `"${bare.join('", "')}" names no file: give a path, or -g for a part of the tests' titles`,
    );
  }
  const given = args.map((argument, index) => (isPath(argument, index) ? compiledPath(argument) : argument));
  return args.some(isPath) ? given : [...given, ...HALVES.flat()];
}

/**
 * Runs all tests, or those that the arguments name: test files (source or compiled), mocha's own options.
 * Resolves with mocha's exit code, or with 2 when a file is named that is not there. The options are those of `run`.
 */
export async function test(args, options = {}) {
  let given;
  try {
    given = mochaArguments(args);
  } catch (error) {
    console.error(`error: ${error.message}`);
    return 2;
  }
  const mocha = join("node_modules", "mocha", "bin", "mocha.js");
  return run(process.execPath, [mocha, ...given], options);
}
