// What .ci/run runs: install, build, all tests, lint. The last line is `N passed, N failed`, whatever came before it:
// each test counts, lint is one check, and an install or a build that fails is one failure.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const totals = { passed: 0, failed: 0 };

/** mocha's own counts; a run that ended without them, or badly in spite of them, is one failure more. */
async function countTests() {
  const { test } = await import("./test.mjs");
  const folder = mkdtempSync(join(tmpdir(), "raftkv-ci-"));
  const path = join(folder, "totals.json");
  try {
    const code = await test(["--forbid-only"], { ...process.env, RAFTKV_TEST_TOTALS: path });
    if (existsSync(path)) {
      const { passes, failures } = JSON.parse(readFileSync(path, "utf8"));
      totals.passed += passes;
      totals.failed += failures;
    }
    if (code !== 0 && totals.failed === 0) totals.failed = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function countLint() {
  const { lint } = await import("./lint.mjs");
  if ((await lint()) === 0) totals.passed++;
  else totals.failed++;
}

async function checkEverything() {
  await import("./node-version.mjs");
  const { install } = await import("./install.mjs");
  const { build } = await import("./build.mjs");
  if ((await install()) !== 0) {
    totals.failed++;
    return;
  }
  if ((await build()) === 0) await countTests();
  else totals.failed++;
  // Also after a build that failed: lint says in words which import is not allowed.
  await countLint();
}

try {
  await checkEverything();
} catch (error) {
  console.error(error);
  totals.failed++;
}
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 ? 0 : 1;
