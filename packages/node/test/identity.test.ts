import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { exitCodeOf, freePorts, startNode } from "@raftkv/node";
import { getRequest, putRequest } from "@raftkv/protocol";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

async function failure(start: Promise<unknown>): Promise<Error & { readonly code: string }> {
  try {
    await start;
  } catch (error) {
    return error as Error & { readonly code: string };
  }
  throw new Error("it started");
}

describe("who a node is (R25)", () => {
  let nodes: TestNodes;

  afterEach(() => nodes.close());

  it("creates a directory only when told to", async () => {
    nodes = await TestNodes.create(1);
    const options = { ...nodes.option("n1"), start: "resume" as const };
    const error = await failure(startNode(options));
    expect(error.code).to.equal("NO_DATA");
    expect(exitCodeOf(error)).to.equal(2);
    expect(error.message).to.contain("--init").and.to.contain("--join");
    expect(existsSync(options.dataDir), "nothing was written").to.equal(false);
  });

  it("resumes what is there, whatever flag is given, and refuses another name", async () => {
    nodes = await TestNodes.create(1);
    await nodes.startAll();
    const { serverId, clusterId } = await nodes.leader();
    await nodes.stop("n1");
    const error = await failure(startNode({ ...nodes.option("n1"), name: "other" }));
    expect(exitCodeOf(error)).to.equal(2);
    expect(error.message).to.contain("n1");
    await nodes.start("n1");
    expect(await nodes.leader()).to.deep.include({ serverId, clusterId });
  });

  it("a directory without node.json but with data is damaged, not new", async () => {
    nodes = await TestNodes.create(1);
    await nodes.startAll();
    await nodes.leader();
    await nodes.stop("n1");
    const { dataDir } = nodes.option("n1");
    rmSync(join(dataDir, "node.json"));
    expect(exitCodeOf(await failure(startNode(nodes.option("n1"))))).to.equal(76);
    rmSync(join(dataDir, "groups"), { recursive: true });
    expect(
      exitCodeOf(await failure(startNode(nodes.option("n1")))),
      "the log still knows the group",
    ).to.equal(76);
  });

  it("a directory whose log is gone is damaged: its promises went with it", async () => {
    nodes = await TestNodes.create(1);
    await nodes.startAll();
    await nodes.leader();
    await nodes.stop("n1");
    const { dataDir } = nodes.option("n1");
    rmSync(join(dataDir, "wal"), { recursive: true });
    // The store alone does not tell either: it may never have made a checkpoint.
    rmSync(join(dataDir, "groups"), { recursive: true });
    for (const attempt of ["first", "second"]) {
      const node = await nodes.start("n1");
      const error = await failure(node.ended);
      expect(exitCodeOf(error), attempt).to.equal(76);
      expect(error.message, attempt).to.contain("no log");
      await nodes.stop("n1");
    }
  });

  it("a log that ends before the store's checkpoint is damaged (S3)", async () => {
    nodes = await TestNodes.create(1);
    await nodes.startAll();
    await nodes.leader();
    await nodes.stop("n1");
    const { dataDir } = nodes.option("n1");
    cpSync(join(dataDir, "wal"), join(nodes.dir, "older"), { recursive: true });
    await nodes.start("n1");
    await nodes.leader();
    const client = await RawClient.greeted(nodes.endpoint("n1"));
    await client.ask([putRequest(1, 0, Buffer.from("k"), Buffer.from("v"))]);
    client.close();
    await nodes.stop("n1");
    rmSync(join(dataDir, "wal"), { recursive: true });
    cpSync(join(nodes.dir, "older"), join(dataDir, "wal"), { recursive: true });
    const error = await failure((await nodes.start("n1")).ended);
    expect(exitCodeOf(error)).to.equal(76);
    expect(error.message).to.contain("before the store's checkpoint");
  });

  it("a node that comes back with another client address is found there", async () => {
    nodes = await TestNodes.create(1);
    await nodes.startAll();
    await nodes.leader();
    await nodes.stop("n1");
    const [port = 0] = await freePorts(1);
    const address = { host: "127.0.0.1", port };
    nodes.options[0] = { ...nodes.option("n1"), listenClient: address, advertiseClient: address };
    await nodes.start("n1");
    expect((await nodes.leader()).leaderClient).to.equal(`127.0.0.1:${port}`);
  });

  it("a node that has nothing to show yet refuses a serializable get: that is not 'no such key'", async () => {
    nodes = await TestNodes.create(3);
    await nodes.start("n1");
    const client = await RawClient.greeted(nodes.endpoint("n1"));
    const replies = await client.ask([getRequest(1, 0, Buffer.from("k"), false)]);
    expect(replies.get(1)).to.deep.include({ op: 0, code: "UNAVAILABLE" });
    client.close();
  });

  it("a damaged node.json, or one of a newer format, is named", async () => {
    nodes = await TestNodes.create(1);
    const { dataDir } = nodes.option("n1");
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(join(dataDir, "node.json"), "{");
    expect((await failure(startNode(nodes.option("n1")))).message).to.contain("node.json");
    writeFileSync(join(dataDir, "node.json"), JSON.stringify({ format: 2 }));
    expect((await failure(startNode(nodes.option("n1")))).message).to.contain("format 2");
  });

  it("a second process on the directory is refused, naming the holder", async () => {
    nodes = await TestNodes.create(1);
    await nodes.startAll();
    const error = await failure(startNode(nodes.option("n1")));
    expect(exitCodeOf(error)).to.equal(75);
    expect(error.message).to.contain(String(process.pid));
  });

  it("a port in use is named", async () => {
    nodes = await TestNodes.create(2);
    await nodes.start("n1");
    const taken = { ...nodes.option("n2"), listenClient: nodes.option("n1").listenClient };
    const error = await failure(startNode(taken));
    expect(exitCodeOf(error)).to.equal(2);
    expect(error.message).to.contain(nodes.endpoint("n1"));
  });

  it("a cluster forms once every member was reached, and all agree on its id", async () => {
    nodes = await TestNodes.create(3);
    await nodes.start("n1");
    await nodes.start("n2");
    await until("n1 and n2 know each other", async () => {
      const known = (await nodes.statuses()).map(
        (status) => status.members.filter((m) => m.serverId !== null).length,
      );
      return known.every((count) => count === 2) ? true : null;
    });
    expect((await nodes.statuses()).map((status) => status.role)).to.deep.equal(["forming", "forming"]);
    await nodes.start("n3");
    await nodes.leader();
    const ids = (await nodes.statuses()).map((status) => status.clusterId);
    expect(new Set(ids).size).to.equal(1);
    expect(ids[0]).to.match(/^[0-9a-f]{32}$/);
  });

  it("a member whose directory was wiped is refused by all: it cannot come back under its old name", async () => {
    nodes = await TestNodes.create(3);
    await nodes.startAll();
    const before = await nodes.leader();
    const victim = before.name === "n1" ? "n2" : "n1";
    await nodes.stop(victim);
    rmSync(nodes.option(victim).dataDir, { recursive: true });
    const wiped = await nodes.start(victim);
    const rest = nodes.options.map((options) => options.name).filter((name) => name !== victim);
    for (const name of rest) {
      const record = JSON.parse(readFileSync(join(nodes.option(name).dataDir, "node.json"), "utf8")) as {
        members: { name: string; serverId: string }[];
      };
      const known = record.members.find((member) => member.name === victim)?.serverId;
      expect(known).to.equal(before.members.find((member) => member.name === victim)?.serverId);
      expect(known).not.to.equal((await wiped.status()).serverId);
    }
    expect(await wiped.status()).to.deep.include({ clusterId: null, role: "forming" });
  });
});
