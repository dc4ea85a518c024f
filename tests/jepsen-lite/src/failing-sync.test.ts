import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@raftkv/client";
import { expect } from "chai";
import { compileShim } from "./failing-sync/shim.js";
import { NodeProcesses } from "./harness/node-processes.js";
import { until } from "./harness/until.js";

describe("a node process whose disk fails to sync the log (W1)", () => {
  let dir: string;
  let nodes: NodeProcesses | null = null;

  before(() => {
    dir = mkdtempSync(join(tmpdir(), "raftkv-fail-sync-"));
  });
  afterEach(() => nodes?.stop());
  after(() => rmSync(dir, { recursive: true, force: true }));

  it("exits with 74 and one line on stderr; nothing acknowledged is lost, and it may start again on a sound disk", async function () {
    const shim = join(dir, "fail-sync.so");
    const missing = compileShim(shim);
    if (missing !== null) {
      process.stderr.write(`skipped: ${missing}\n`);
      this.skip();
    }
    this.timeout(120_000);
    nodes = await NodeProcesses.start({ nodes: 3, env: { LD_PRELOAD: shim } });
    const client = await connect({ endpoints: nodes.endpoints });
    for (let i = 0; i < 50; i += 1) await client.put(`k${i}`, `v${i}`);
    const { name } = await nodes.leader();
    const mark = join(nodes.dataDir(name), "FAIL_SYNC");
    writeFileSync(mark, "");
    const kept = new Set(Array.from({ length: 50 }, (_, i) => i));
    for (let i = 50; i < 100; i += 1) {
      try {
        await client.put(`k${i}`, `v${i}`);
        kept.add(i);
      } catch (error) {
        // In flight when the process went: sent, and not answered any more.
        expect((error as { code: string }).code).to.equal("OUTCOME_UNKNOWN");
      }
    }
    const { code, stderr } = await nodes.ended(name);
    expect(code).to.equal(74);
    expect(stderr).to.equal("error: the log failed and takes nothing more: EIO: i/o error, fdatasync\n");
    expect(kept.size, "only what was in flight in that moment is unknown").to.be.at.least(99);
    expect((await nodes.leader()).name).not.to.equal(name);
    rmSync(mark);
    nodes.spawn(name);
    const all = nodes;
    const hashes = await until("the replicas are equal", async () => {
      const each = await Promise.all(all.names.map((one) => all.status(one, true)));
      return new Set(each.map(({ revision, hash }) => `${revision} ${hash}`)).size === 1 ? each : null;
    });
    expect(hashes[0]?.revision).to.be.at.least(kept.size + 1);
    for (const i of kept) expect((await client.get(`k${i}`))?.text(), `k${i}`).to.equal(`v${i}`);
    await client.close();
  });
});
