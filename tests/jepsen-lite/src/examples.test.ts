import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";
import { TestCluster } from "./harness/cluster.js";

const run = promisify(execFile);

function programOf(name: string): string {
  return fileURLToPath(new URL(`../../../examples/dist/${name}.js`, import.meta.url));
}

describe("the examples", () => {
  let cluster: TestCluster;

  before(async function () {
    this.timeout(60_000);
    cluster = await TestCluster.start();
  });
  after(() => cluster.stop());

  const examples: readonly (readonly [string, RegExp])[] = [
    ["hello", /put at revision \d+/],
    ["retry", /order\/17 is paid/],
    ["leader-election", /anna crashes\n(?:.*\n)*.*wakes up too late, and writes nothing\n/],
    ["work-queue", /30 jobs finished, 30 results, 0 jobs left\n$/],
    ["config-watcher", /the last one of \d+ is color=green\n$/],
    ["transfer", /together they have 300, as they had at first\n$/],
  ];
  for (const [name, said] of examples) {
    it(`${name} runs against a cluster and does what it says`, async function () {
      this.timeout(60_000);
      const { stdout } = await run(process.execPath, [programOf(name), cluster.endpoints.join(",")]);
      expect(stdout).to.match(said);
    });
  }

  it("counter.test passes without a cluster that runs", async function () {
    this.timeout(60_000);
    // A test runner that finds itself within another one reports in another way.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { stdout } = await run(process.execPath, ["--test", programOf("counter.test")], { env });
    expect(stdout)
      .to.match(/pass 3\n/)
      .and.to.match(/fail 0\n/);
  });
});
