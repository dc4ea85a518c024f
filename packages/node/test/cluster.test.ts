import { expect } from "chai";
import { deleteRequest, getRequest, putRequest } from "@raftkv/protocol";
import type { Reply } from "@raftkv/protocol";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

const bytes = (text: string): Buffer => Buffer.from(text);

function only(replies: ReadonlyMap<number, Reply>): Reply {
  expect(replies.size).to.equal(1);
  return [...replies.values()][0] as Reply;
}

describe("a cluster of three nodes", () => {
  let nodes: TestNodes;

  beforeEach(async () => {
    nodes = await TestNodes.create(3);
    await nodes.startAll();
  });
  afterEach(() => nodes.close());

  it("answers a put, and a linearizable get from every node shows it (R18)", async () => {
    const leader = await nodes.leader();
    const writer = await RawClient.greeted(nodes.endpoint(leader.name));
    const put = only(await writer.ask([putRequest(1, 0, bytes("k"), bytes("v"))]));
    expect(put).to.deep.include({ op: 1, revision: 2 });
    for (const endpoint of nodes.endpoints) {
      const reader = await RawClient.greeted(endpoint);
      const read = await until("the node serves a linearizable read", async () => {
        const reply = only(await reader.ask([getRequest(1, 0, bytes("k"), true)]));
        return reply.op === 2 ? reply : null;
      });
      expect(read).to.deep.include({ revision: 2, createRevision: 2, modRevision: 2, version: 1 });
      expect(read.value?.toString()).to.equal("v");
      reader.close();
    }
    writer.close();
  });

  it("answers many requests of one frame, each by its own number", async () => {
    const leader = await nodes.leader();
    const client = await RawClient.greeted(nodes.endpoint(leader.name));
    const puts = Array.from({ length: 200 }, (_, i) => putRequest(i + 1, 0, bytes(`k${i}`), bytes(`v${i}`)));
    const replies = await client.ask(puts);
    const revisions = [...replies.values()].map((reply) => (reply.op === 1 ? reply.revision : 0));
    expect([...revisions].sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 200 }, (_, i) => i + 2));
    const removed = only(await client.ask([deleteRequest(300, 0, bytes("k7"))]));
    expect(removed).to.deep.include({ op: 3, deleted: 1, revision: 202 });
    const again = only(await client.ask([deleteRequest(301, 0, bytes("k7"))]));
    expect(again).to.deep.include({ op: 3, deleted: 0, revision: 202 });
    client.close();
  });

  it("refuses a write on a follower and names the leader, having done nothing", async () => {
    const leader = await nodes.leader();
    const follower = nodes.options.find((options) => options.name !== leader.name)?.name ?? "";
    const client = await RawClient.greeted(nodes.endpoint(follower));
    const refused = await until("the follower knows the leader", async () => {
      const reply = only(await client.ask([putRequest(1, 0, bytes("k"), bytes("v"))]));
      return reply.op === 0 && reply.leader !== null ? reply : null;
    });
    expect(refused).to.deep.include({ code: "NOT_LEADER", retryable: true });
    expect(refused.leader).to.deep.include({ name: leader.name, address: nodes.endpoint(leader.name) });
    expect((await nodes.leader()).revision).to.equal(1);
    client.close();
  });

  it("goes on without one node, and that one catches up to equal bytes when it is back", async () => {
    const leader = await nodes.leader();
    const follower = nodes.options.find((options) => options.name !== leader.name)?.name ?? "";
    await nodes.stop(follower);
    const client = await RawClient.greeted(nodes.endpoint(leader.name));
    await client.ask(Array.from({ length: 50 }, (_, i) => putRequest(i + 1, 0, bytes(`k${i}`), bytes("v"))));
    client.close();
    await nodes.start(follower);
    const equal = await until("all nodes have the same contents", async () => {
      const all = await nodes.statuses();
      return all.length === 3 && new Set(all.map((status) => `${status.revision} ${status.hash}`)).size === 1
        ? all
        : null;
    });
    expect(equal.map((status) => status.revision)).to.deep.equal([51, 51, 51]);
  });

  it("keeps what was acknowledged when all nodes stop and start again", async () => {
    const leader = await nodes.leader();
    const client = await RawClient.greeted(nodes.endpoint(leader.name));
    await client.ask([putRequest(1, 0, bytes("k"), bytes("v")), putRequest(2, 0, bytes("k"), bytes("w"))]);
    client.close();
    for (const { name } of nodes.options) await nodes.stop(name);
    await nodes.startAll();
    const now = await nodes.leader();
    const reader = await RawClient.greeted(nodes.endpoint(now.name));
    const read = await until("the read is served", async () => {
      const reply = only(await reader.ask([getRequest(1, 0, bytes("k"), true)]));
      return reply.op === 2 ? reply : null;
    });
    expect(read.value?.toString()).to.equal("w");
    expect(read).to.deep.include({ createRevision: 2, modRevision: 3, version: 2 });
    reader.close();
  });

  it("without a majority it refuses reads and takes no write, and says so in time (C1)", async () => {
    const leader = await nodes.leader();
    for (const { name } of nodes.options) if (name !== leader.name) await nodes.stop(name);
    const client = await RawClient.greeted(nodes.endpoint(leader.name));
    const write = only(await client.ask([putRequest(1, 300, bytes("k"), bytes("v"))]));
    expect(write.op).to.equal(0);
    // Appended while it still believed that it leads: nobody knows. Asked after it stepped down: refused.
    expect((write as { code: string }).code).to.be.oneOf(["OUTCOME_UNKNOWN", "UNAVAILABLE", "NOT_LEADER"]);
    const read = await until("the read is refused", async () => {
      const reply = only(await client.ask([getRequest(2, 300, bytes("k"), true)]));
      return reply.op === 0 ? reply : null;
    });
    expect(read.code).to.equal("UNAVAILABLE");
    const stale = only(await client.ask([getRequest(3, 0, bytes("k"), false)]));
    expect(stale.op, "a serializable read is served all the same").to.equal(2);
    client.close();
  });
});

describe("a node whose times are no whole ticks", () => {
  it("rounds them so that an election timeout is still three heartbeats", async () => {
    const nodes = await TestNodes.create(1, { heartbeatMs: "25", electionTimeoutMs: "75" });
    try {
      await nodes.startAll();
      await nodes.leader();
    } finally {
      await nodes.close();
    }
  });
});
