// The door of every root script: `npm start`, `npm test` … work in a fresh clone that has only Node.js and npm.
// Installs when the lockfile or a package.json changed, builds what changed, then runs the task. No dependencies.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

try {
  await import("./node-version.mjs");
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exit(2);
}
const { install } = await import("./install.mjs");
const { build } = await import("./build.mjs");
const { run } = await import("./child.mjs");

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

/** What each task runs once everything is installed and built. Resolves with its exit code. */
const TASKS = {
  build: () => 0,
  start: (args) => run(process.execPath, ["packages/cli/bin/raftkv.cjs", "cluster", "start", ...args]),
  demo: (args) => compiled("packages/cli/dist/demo.js", args),
  bench: (args) => compiled("bench/dist/bench.js", args),
  "bench:failover": (args) => compiled("bench/dist/failover.js", args),
  "bench:growth": (args) => compiled("bench/dist/growth.js", args),
  "bench:report": (args) => compiled("bench/dist/report.js", args),
  "bench:wal": (args) => compiled("bench/dist/wal.js", args),
  "bench:store": (args) => compiled("bench/dist/store.js", args),
  sim: (args) => compiled("packages/raft/dist-test/sim/main.js", args),
  "sim:mutants": (args) => compiled("packages/raft/dist-test/sim/mutants/main.js", args),
  "store:mutants": async (args) => (await import("./mutants.mjs")).mutants("store", args),
  "fsm:histories": (args) => compiled("packages/fsm/dist-test/histories/main.js", args),
  "fsm:mutants": async (args) => (await import("./mutants.mjs")).mutants("fsm", args),
  "bench:core": (args) => compiled("packages/raft/dist-test/bench/core.js", args),
  "bench:checker": (args) => compiled("bench/dist/checker.js", args),
  jepsen: (args) => compiled("tests/jepsen-lite/dist/jepsen.js", args),
  "jepsen:controls": (args) => compiled("tests/jepsen-lite/dist/run/controls/main.js", args),
  "check:appender": (args) => compiled("tests/jepsen-lite/dist/check-appender.js", args),
  "check:crash": (args) => compiled("tests/jepsen-lite/dist/check-crash.js", args),
  "check:exactly-once": (args) => compiled("tests/jepsen-lite/dist/check-exactly-once.js", args),
  "check:hostile": (args) => compiled("tests/jepsen-lite/dist/check-hostile.js", args),
  "check:members": (args) => compiled("tests/jepsen-lite/dist/check-members.js", args),
  "check:rolling": (args) => compiled("tests/jepsen-lite/dist/check-rolling.js", args),
  "check:snapshot": (args) => compiled("tests/jepsen-lite/dist/check-snapshot.js", args),
  "check:watches": (args) => compiled("tests/jepsen-lite/dist/check-watches.js", args),
  "check:sync-order": (args) => compiled("tests/jepsen-lite/dist/check-sync-order.js", args),
  "check:group-commit": (args) => compiled("tests/jepsen-lite/dist/check-group-commit.js", args),
  "power-loss": (args) => compiled("tests/jepsen-lite/dist/power-loss/main.js", args),
  "power-loss:disk": (args) => compiled("tests/jepsen-lite/dist/power-loss/disk-main.js", args),
  "check:packages": async () => (await import("./check-packages.mjs")).checkPackages(),
  pack: async (args) => (await import("./check-packages.mjs")).packPackages(args),
  test: async (args) => (await import("./test.mjs")).test(args),
  lint: async () => (await import("./lint.mjs")).lint(),
  format: (args) => run(join("node_modules", ".bin", "oxfmt"), args),
};

function compiled(path, args) {
  if (existsSync(path)) return run(process.execPath, [path, ...args]);
  console.error(`error: ${path} is not there although the build passed`);
  return 2;
}

const [task = "", ...args] = process.argv.slice(2);
if (!Object.hasOwn(TASKS, task)) {
  console.error(`error: no task "${task}"; there are ${Object.keys(TASKS).join(", ")}`);
  process.exit(2);
}
// The first time it takes a while without a word.
if (!existsSync("packages/cli/dist")) console.error("building …");
process.exitCode = (await install()) || (await build()) || (await TASKS[task](args));
