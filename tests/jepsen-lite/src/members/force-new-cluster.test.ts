import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "@raftkv/client";
import { exitCodeOf, forceNewCluster, startNode } from "@raftkv/node";
import type { Survivor } from "@raftkv/node";
import { expect } from "chai";
import { until } from "../harness/until.js";
import { LiveNodes, member } from "./live-nodes.js";

describe("a cluster that lost its majority for good (R21, R23, R25)", function () {
  this.timeout(60_000);
  let nodes: LiveNodes;

  afterEach(() => nodes.close());

  it("goes on as a cluster of one from what a survivor has, which no old member can join, and grows again", async () => {
    nodes = await LiveNodes.start();
    const before = await connect({ endpoints: [nodes.endpoint("n1")] });
    for (const name of ["n2", "n3"]) {
      await before.members.add(name, { peer: await nodes.prepare(name) });
      await nodes.run(name);
      await until(`${name} votes`, async () =>
        member(await before.members.list(), name)?.role === "voter" ? true : null,
      );
    }
    for (let at = 0; at < 50; at += 1) await before.put(`k${at}`, "v");
    const { revision } = await before.put("last", "v");
    await until("n3 has it all", async () =>
      (await nodes.running.get("n3")?.status())?.revision === revision ? true : null,
    );
    const { clusterId } = await nodes.leader();
    await before.close();

    const { dataDir } = nodes.option("n3");
    const running = await forceNewCluster(dataDir, () => true).catch((error: unknown) => exitCodeOf(error));
    expect(running, "while the node runs").to.equal(75);
    for (const name of ["n1", "n2", "n3"]) await nodes.stop(name);

    let seen: Survivor | null = null;
    const look = (survivor: Survivor): boolean => {
      seen = survivor;
      return false;
    };
    expect(await forceNewCluster(dataDir, look)).to.equal(null);
    expect(seen).to.deep.include({ name: "n3", clusterId, members: ["n1", "n2", "n3"], revision });
    const forced = await forceNewCluster(dataDir, () => true);
    expect(forced?.newClusterId)
      .to.match(/^[0-9a-f]{32}$/)
      .and.not.equal(clusterId);

    await nodes.run("n3");
    const client = await connect({ endpoints: [nodes.endpoint("n3")] });
    try {
      expect((await client.get("last"))?.text()).to.equal("v");
      expect((await client.put("after", "v")).revision).to.be.above(revision);
      expect((await client.members.list()).map(({ name }) => name)).to.deep.equal(["n3"]);

      // The old members find nobody: they are of another cluster, and no majority of that is left.
      await nodes.run("n1");
      await nodes.run("n2");
      await client.members.add("n4", { peer: await nodes.prepare("n4") });
      await nodes.run("n4");
      await until("n4 votes", async () =>
        member(await client.members.list(), "n4")?.role === "voter" ? true : null,
      );
      const own = (await nodes.statuses()).filter(({ clusterId: id }) => id === forced?.newClusterId);
      expect(own.map(({ name }) => name)).to.deep.equal(["n3", "n4"]);
      await client.put("last", "w");
      expect((await client.get("last"))?.text()).to.equal("w");
    } finally {
      await client.close();
    }
  });

  it("says that a member was removed, and takes it all the same; one that differs from the others it does not", async () => {
    nodes = await LiveNodes.start();
    await nodes.stop("n1");
    const { dataDir } = nodes.option("n1");
    const path = `${dataDir}/node.json`;
    const record = JSON.parse(readFileSync(path, "utf8")) as object;
    writeFileSync(path, JSON.stringify({ ...record, removed: true }));
    const quarantine = `${dataDir}/quarantine.json`;
    writeFileSync(quarantine, "{}");
    const refusal = await forceNewCluster(dataDir, () => true).catch((error: unknown) => error as Error);
    expect(refusal).to.have.property("code", "DAMAGED");
    rmSync(quarantine);
    expect(await forceNewCluster(dataDir, () => true)).to.deep.include({ name: "n1", removed: true });
    await nodes.run("n1");
    await nodes.leader();
  });

  it("refuses a directory that holds no member with data, and one in which it was interrupted does not start", async () => {
    nodes = await LiveNodes.start();
    const empty = await forceNewCluster(nodes.dir, () => true).catch((error: unknown) => error as Error);
    expect(empty).to.have.property("code", "NO_DATA");
    await nodes.stop("n1");
    const { dataDir } = nodes.option("n1");
    const path = `${dataDir}/node.json`;
    const record = JSON.parse(readFileSync(path, "utf8")) as object;
    writeFileSync(path, JSON.stringify({ ...record, unfinished: true }));
    expect(await startNode(nodes.option("n1")).catch((error: unknown) => exitCodeOf(error))).to.equal(2);
    expect(await forceNewCluster(dataDir, () => true)).to.deep.include({ name: "n1" });
    await nodes.run("n1");
    await nodes.leader();
  });
});
