import { assert } from "chai";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./command.js";

const TIME_MS = 30_000;

describe("a run against real processes", function () {
  this.timeout(600_000);
  let out = "";

  before(() => {
    out = mkdtempSync(join(tmpdir(), "raftkv-run-"));
  });
  after(() => rmSync(out, { recursive: true, force: true }));

  it("keeps what was promised under kill -9, partitions, pauses, changes of the members and leases: registers and transactions", async () => {
    const seed = Number(process.env["RAFTKV_SEED"] ?? 1 + Math.floor(Math.random() * 1_000_000));
    const again = `RAFTKV_SEED=${seed} npm test -- tests/jepsen-lite/src/run/run.test.ts`;
    // At once: nothing else tells of it when the whole test is ended from outside.
    process.stdout.write(`      ${again}\n`);
    const lines: string[] = [];
    const { dir, verdict } = await run(
      {
        timeMs: TIME_MS,
        workloads: ["register", "append"],
        nemeses: ["kill", "partition", "pause", "stall", "leases", "member", "replace", "churn"],
        seed,
        nodes: 3,
        pauseMs: 40,
        floor: 0,
        out,
      },
      (line) => lines.push(line),
    );
    const told = `${lines.join("\n")}\n${again}`;
    assert.isTrue(verdict.ok, told);
    assert.isAbove(verdict.answered, 0, told);
    assert.deepEqual(
      verdict.workloads.map(({ name }) => name),
      ["register", "append"],
    );
    assert.include(readFileSync(join(dir, "report.html"), "utf8"), verdict.command);
    assert.equal(
      readFileSync(join(dir, "history.jsonl"), "utf8").trim().split("\n").length,
      verdict.operations,
      told,
    );
  });
});
