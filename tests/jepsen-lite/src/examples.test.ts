import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";
import { TestCluster } from "./harness/cluster.js";

const run = promisify(execFile);

describe("the examples", () => {
  let cluster: TestCluster;

  before(async function () {
    this.timeout(60_000);
    cluster = await TestCluster.start();
  });
  after(() => cluster.stop());

  for (const name of ["hello", "retry"]) {
    it(`${name} runs against a cluster and ends well`, async () => {
      const program = fileURLToPath(new URL(`../../../examples/dist/${name}.js`, import.meta.url));
      const { stdout } = await run(process.execPath, [program, cluster.endpoints.join(",")]);
      expect(stdout).not.to.equal("");
    });
  }
});
