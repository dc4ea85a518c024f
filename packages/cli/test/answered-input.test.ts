import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestCluster } from "@raftkv/node";
import { expect } from "chai";
import { raftkv } from "./support/captured.js";
import type { World } from "./support/captured.js";
import { answeredLines } from "./support/cli-table.js";
import type { AnsweredLine } from "./support/cli-table.js";

async function check({ args, exit, input, prints }: AnsweredLine, world: World): Promise<void> {
  const { code, err, out } = await raftkv(args, { ...world, ...(input === null ? {} : { input }) });
  expect(code, err).to.equal(exit);
  const all = Buffer.concat([out, Buffer.from(err)]);
  expect(all.includes(prints), `${all.toString("latin1")} has ${prints.toString("latin1")}`).to.equal(true);
}

describe("what docs/cli.md says of", function () {
  this.timeout(60_000);
  let cluster: Awaited<ReturnType<typeof startTestCluster>>;
  let cwd = "";
  before(async () => {
    cwd = mkdtempSync(join(tmpdir(), "raftkv-cli-test-"));
    cluster = await startTestCluster({ nodes: 3 });
  });
  after(async () => {
    await cluster?.close();
    rmSync(cwd, { recursive: true, force: true });
  });

  describe("a follower as the only endpoint:", () => {
    let endpoint: string;
    before(async () => {
      const leader = await cluster.leader();
      endpoint = cluster.endpoint(cluster.names.find((name) => name !== leader) ?? leader);
    });
    for (const line of answeredLines("With a follower as the only endpoint")) {
      it(line.typed, () => check(line, { cwd, env: { RAFTKV_ENDPOINTS: endpoint } }));
    }
  });

  describe("bytes and pipes:", () => {
    for (const line of answeredLines("Bytes and pipes")) {
      it(line.typed, () => check(line, { cwd, env: { RAFTKV_ENDPOINTS: cluster.endpoints.join() } }));
    }
  });
});
