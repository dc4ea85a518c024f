// Loaded by .mocharc.json into every test run. mocha lets go of a promise that nobody awaited: the run exits 0 (J).
// Here such a rejection fails the test that it came out of; one that belongs to no test fails the run.
import { getActiveResourcesInfo } from "node:process";

/** A run whose tests are done but whose process stays alive holds a handle that a test forgot to close. */
const EXIT_GRACE_MS = Number(process.env.RAFTKV_TEST_EXIT_GRACE_MS ?? 15_000);

/** By promise, because mocha emits the event a second time for every listener. */
const strays = new Map();
const watched = new WeakSet();
let keptAlive = false;

process.on("unhandledRejection", (reason, promise) => strays.set(promise, reason));
process.on("exit", () => {
  if (strays.size > 0) console.error(strayError("outside of any test").message);
  else if (!keptAlive) return;
  // Not exitCode: mocha's own listener comes later and would set it back to 0.
  process.exit(1);
});

/** Node.js reports an unhandled rejection once the microtasks have run; two turns later it has. */
function settle(next) {
  setImmediate(() => setImmediate(() => next()));
}

function strayError(where) {
  const reasons = [...strays.values()];
  strays.clear();
  const lines = reasons.map((reason) => (reason instanceof Error ? reason.stack : String(reason)));
  const error = new Error(`${reasons.length} unhandled rejection(s) ${where}:\n${lines.join("\n")}`);
  error.stack = error.message;
  return error;
}

/** Puts the check behind the test's own body: a failing afterEach hook would end the whole run instead. */
function watch(test) {
  if (test.fn === undefined || watched.has(test.fn)) return;
  const body = test.fn;
  const found = () => (strays.size > 0 ? strayError("in this test") : undefined);
  const checked =
    body.length > 0
      ? function (done) {
          return body.call(this, (error) => settle(() => done(error ?? found())));
        }
      : async function () {
          await body.call(this);
          await new Promise(settle);
          const stray = found();
          if (stray !== undefined) throw stray;
        };
  watched.add(checked);
  test.fn = checked;
}

export const mochaHooks = {
  beforeEach() {
    watch(this.currentTest);
  },

  async afterAll() {
    await new Promise(settle);
    setTimeout(() => {
      console.error(
        `the tests are done, but something keeps the process alive: ${getActiveResourcesInfo().join(", ")}`,
      );
      keptAlive = true;
      process.exit();
    }, EXIT_GRACE_MS).unref();
    if (strays.size > 0) throw strayError("outside of any test");
  },
};
