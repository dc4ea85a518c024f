// What .ci/run runs: install, build, all tests, lint. The last line is `N passed, N failed`, whatever came before it:
// each test counts, lint is one check, and an install or a build that fails is one failure.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HALVES, test } from "./test.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const totals = { passed: 0, failed: 0 };

/**
 * Both halves of the tests at the same time, since one waits a lot and the other computes: a third of the time less on two
 * cores. What the second prints comes behind the first.
 */
async function countTests() {
  const folder = mkdtempSync(join(tmpdir(), "raftkv-ci-"));
  const held = [];
  try {
    await Promise.all(
      HALVES.map((specs, at) =>
        countHalf(specs, join(folder, `totals-${at}.json`), at === 0 ? null : (chunk) => held.push(chunk)),
      ),
    );
  } finally {
    process.stdout.write(Buffer.concat(held));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** mocha's own counts; a run that ended without them, or badly in spite of them, is one failure more. */
async function countHalf(specs, path, onOutput) {
  const env = { ...process.env, RAFTKV_TEST_TOTALS: path };
  const code = await test(["--forbid-only", ...specs], { env, onOutput });
  const counted = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : { passes: 0, failures: 0 };
  totals.passed += counted.passes;
  totals.failed += counted.failures;
  if (code !== 0 && counted.failures === 0) totals.failed += 1;
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
