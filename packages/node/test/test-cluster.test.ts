import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect } from "chai";
import { connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { ConfigurationError, startNode, startTestCluster } from "@raftkv/node";
import type { RawNodeOptions, TestCluster } from "@raftkv/node";

function temporaryDirectories(): readonly string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith("raftkv-test-"));
}

describe("startTestCluster()", function () {
  this.timeout(60_000);
  let before: readonly string[] = [];
  let cluster: TestCluster;
  let client: Client;
  beforeEach(async () => {
    before = temporaryDirectories();
    cluster = await startTestCluster();
    client = await connect({ endpoints: [...cluster.endpoints] });
  });
  afterEach(async () => {
    await client.close();
    await cluster.close();
  });

  it("starts three nodes that serve; the leader killed and restarted loses nothing", async () => {
    expect(cluster.names).to.deep.equal(["n1", "n2", "n3"]);
    await client.put("a", "1");
    const leader = await cluster.leader();
    await cluster.kill(leader);
    expect(cluster.node(leader)).to.equal(null);
    await client.put("b", "2");
    expect(await cluster.leader()).not.to.equal(leader);
    await cluster.restart(leader);
    const own = await connect({ endpoints: [cluster.endpoint(leader)] });
    expect((await own.get("a"))?.text()).to.equal("1");
    expect((await own.get("b"))?.text()).to.equal("2");
    await own.close();
  });

  it("keeps what was acknowledged when all nodes are killed at once", async () => {
    await Promise.all(Array.from({ length: 100 }, (_, at) => client.put(`k/${at}`, String(at))));
    await Promise.all(cluster.names.map((name) => cluster.kill(name)));
    await Promise.all(cluster.names.map((name) => cluster.restart(name)));
    let found = 0;
    for await (const { key } of client.range({ prefix: "k/" })) if (key !== "") found += 1;
    expect(found).to.equal(100);
  });

  it("frees everything when it is closed: addresses, and the directory; and can be closed twice", async () => {
    const made = temporaryDirectories().filter((name) => !before.includes(name));
    expect(made.length).to.be.at.least(1);
    const node = cluster.node("n1");
    await Promise.all([cluster.close(), cluster.close()]);
    await node?.ended;
    expect(cluster.node("n1")).to.equal(null);
    for (const endpoint of cluster.endpoints) {
      const error = await fetch(`http://${endpoint}/health`).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(TypeError);
    }
    expect(made.some((name) => !existsSync(`${tmpdir()}/${name}`))).to.equal(true);
  });

  it("refuses what it cannot do, and leaves nothing behind", async () => {
    expect(() => cluster.endpoint("n4")).to.throw(RangeError, "there is no node n4: there are n1, n2, n3");
    const failed = async (nodes: number, settings: RawNodeOptions) =>
      startTestCluster({ nodes, settings }).then(
        () => null,
        (error: unknown) => error,
      );
    expect(await failed(0, {})).to.be.instanceOf(RangeError);
    expect(await failed(1, { tickMs: 5_000 })).to.be.instanceOf(ConfigurationError);
    expect(await failed(1, { tickMs: "x" })).to.be.instanceOf(ConfigurationError);
  });
});

describe("startNode()", function () {
  this.timeout(60_000);

  it("without options is a cluster of its own that serves, and is gone when it is closed", async () => {
    const node = await startNode();
    const client = await connect({ endpoints: [node.endpoint] });
    await client.put("a", "1");
    expect((await client.get("a"))?.text()).to.equal("1");
    await client.close();
    expect((await node.status()).role).to.equal("leader");
    await node.close();
    await node.ended;
  });
});
