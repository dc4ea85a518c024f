import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MOCHA = join(ROOT, "node_modules", "mocha", "bin", "mocha.js");

/** Runs a spec in a mocha of its own, with the root hook that every run has. */
function runSpec(source, env = {}) {
  const folder = mkdtempSync(join(tmpdir(), "raftkv-root-hook-test-"));
  try {
    const spec = join(folder, "child.test.mjs");
    writeFileSync(spec, source);
    const { status, stdout, stderr } = spawnSync(process.execPath, [MOCHA, spec], {
      cwd: ROOT,
      encoding: "utf8",
      env: { ...process.env, RAFTKV_TEST_TOTALS: join(folder, "totals.json"), ...env },
    });
    return { status, output: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const REJECT = 'void Promise.reject(new Error("stray one"))';

describe("the root hook (J: nothing that fails may vanish)", function () {
  this.timeout(60_000);

  it("lets a clean run pass", () => {
    const { status, output } = runSpec(
      'it("a", () => {}); it("b", async () => {}); it("c", (done) => done());',
    );
    expect(output).to.contain("3 passing");
    expect(status).to.equal(0);
  });

  const inTest = {
    "a test that returns": `it("guilty", () => { ${REJECT}; });`,
    "an async test": `it("guilty", async () => { ${REJECT}; });`,
    "a test with a callback": `it("guilty", (done) => { ${REJECT}; done(); });`,
  };
  for (const [what, source] of Object.entries(inTest)) {
    it(`fails ${what} that leaves a rejected promise behind, and goes on with the next one`, () => {
      const { status, output } = runSpec(`${source} it("innocent", () => {});`);
      expect(output).to.contain("1 passing").and.to.contain("1 failing").and.to.contain("stray one");
      expect(output).to.match(/1\) guilty/);
      expect(status).not.to.equal(0);
    });
  }

  const elsewhere = {
    "a hook": `after(() => { ${REJECT}; }); it("a", () => {});`,
    "a timer after the last test": `it("a", () => { setTimeout(() => { ${REJECT}; }, 20); });`,
    "the loading of the file": `${REJECT}; it("a", () => {});`,
  };
  for (const [what, source] of Object.entries(elsewhere)) {
    it(`fails the run when a promise is rejected in ${what}`, () => {
      const { status, output } = runSpec(source);
      expect(output).to.contain("stray one");
      expect(status).not.to.equal(0);
    });
  }

  it("fails the run on an exception that nobody catches", () => {
    const thrown = 'throw new Error("stray two")';
    for (const delay of ["setImmediate", "process.nextTick"]) {
      const { status, output } = runSpec(
        `it("a", () => { ${delay}(() => { ${thrown}; }); }); it("b", () => {});`,
      );
      expect(output).to.contain("stray two");
      expect(status).not.to.equal(0);
    }
  });

  it("ends a run that is done but kept alive, and says by what", () => {
    const source = 'import net from "node:net"; it("a", () => { net.createServer().listen(0); });';
    const { status, output } = runSpec(source, { RAFTKV_TEST_EXIT_GRACE_MS: "200" });
    expect(output).to.contain("TCPServerWrap");
    expect(status).to.equal(1);
  });
});
