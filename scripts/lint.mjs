import { join } from "node:path";
import { run } from "./child.mjs";
import { styleProblems } from "./style.mjs";

const binary = (name) => join("node_modules", ".bin", name);

/** Lint with types, then the formatter's check, then the rules of our own. Runs all three; 0 when all pass. */
export async function lint() {
  const linted = await run(binary("oxlint"), ["--type-aware", "--deny-warnings"]);
  const formatted = await run(binary("oxfmt"), ["--check"]);
  const problems = styleProblems();
  for (const problem of problems) console.error(`style: ${problem}`);
  return linted || formatted || (problems.length > 0 ? 1 : 0);
}
