import { existsSync } from "node:fs";
import { join } from "node:path";
import { connect } from "@raftkv/client";
import { expect } from "chai";
import { NodeProcesses } from "./harness/node-processes.js";
import { until } from "./harness/until.js";

const PUTS = 100;

describe("two processes with data and one witness (R24)", () => {
  let nodes: NodeProcesses;

  beforeEach(async function () {
    this.timeout(60_000);
    nodes = await NodeProcesses.start({ nodes: 3, witnesses: 1 });
  });
  afterEach(() => nodes.stop());

  const other = (name: string): string => (name === "n1" ? "n2" : "n1");

  it("either one with data is killed, and the other serves; the witness has no store", async function () {
    this.timeout(120_000);
    const client = await connect({ endpoints: nodes.endpoints, timeoutMs: 20_000 });
    const kept: string[] = [];
    const write = async (prefix: string): Promise<void> => {
      for (let i = 0; i < PUTS; i += 1) {
        await client.put(`${prefix}/${i}`, `${prefix}/${i}`);
        kept.push(`${prefix}/${i}`);
      }
    };
    await write("all");
    for (const victim of ["n1", "n2"]) {
      await nodes.kill(victim);
      await until("a member with data leads", async () =>
        (await nodes.leader()).name === other(victim) ? true : null,
      );
      await write(`without ${victim}`);
      for (const key of kept) expect((await client.get(key))?.text()).to.equal(key);
      nodes.spawn(victim);
      await until("the one that was killed has caught up", async () => {
        const [back, led] = await Promise.all([
          nodes.status(victim, true),
          nodes.status(other(victim), true),
        ]);
        return back.hash === led.hash ? true : null;
      });
    }
    expect(existsSync(join(nodes.dataDir("n3"), "wal"))).to.equal(true);
    expect(existsSync(join(nodes.dataDir("n3"), "groups")), "the witness's store").to.equal(false);
    await client.close();
  });

  it("the witness alone has the newest entries: it wins, brings the other one up to date, and hands over to it", async function () {
    this.timeout(120_000);
    const leader = (await nodes.leader()).name;
    const behind = other(leader);
    await nodes.kill(behind);
    const client = await connect({ endpoints: nodes.endpoints, timeoutMs: 20_000 });
    for (let i = 0; i < PUTS; i += 1) await client.put(`k${i}`, `v${i}`);
    await nodes.kill(leader);
    nodes.spawn(behind);
    await until("the one that was behind leads", async () =>
      (await nodes.leader()).name === behind ? true : null,
    );
    for (let i = 0; i < PUTS; i += 1) expect((await client.get(`k${i}`))?.text()).to.equal(`v${i}`);
    await client.put("and", "on");
    expect((await client.get("and"))?.text()).to.equal("on");
    await client.close();
  });
});
