import { KeyValue, connect } from "@raftkv/client";
import { Op, encodeReplies, memberChangeReply, memberListReply } from "@raftkv/protocol";
import { expect } from "chai";
import { FakeNode, keyOf, servingScript } from "./support/fake-node.js";
import { cleanUp, connected, failure, until } from "./support/help.js";

async function leader(limits = {}): Promise<FakeNode> {
  const node = await FakeNode.start({ script: servingScript(), limits });
  node.leader = node.asLeader(1);
  return node;
}

describe("requests", () => {
  afterEach(cleanUp);

  it("put, get and delete give what the node answers", async () => {
    const node = await leader();
    const client = await connected({ endpoints: [node.address] });
    expect(await client.get("k")).to.equal(null);
    expect(await client.put("k", "v1")).to.deep.equal({ revision: 1 });
    expect(await client.put("k", "v2")).to.deep.equal({ revision: 2 });
    const found = await client.get("k");
    expect(found).to.be.instanceOf(KeyValue);
    expect(found).to.include({ key: "k", createRevision: 1, modRevision: 2, version: 2 });
    expect(found?.value).to.deep.equal(new TextEncoder().encode("v2"));
    expect(found?.text()).to.equal("v2");
    expect(await client.delete("k")).to.deep.equal({ revision: 3, deleted: 1 });
    expect(await client.delete("k")).to.deep.equal({ revision: 3, deleted: 0 });
    expect(await client.get("k", { consistency: "serializable" })).to.equal(null);
  });

  it("keys and values are bytes, and come back byte for byte; empty ones are allowed", async () => {
    const node = await leader();
    const client = await connected({ endpoints: [node.address] });
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    for (const key of [bytes, new Uint8Array(0), Uint8Array.of(0), Buffer.from("a\0b")]) {
      await client.put(key, bytes);
      const found = await client.get(key);
      expect(found?.key).to.equal(key);
      expect(found?.value).to.deep.equal(bytes);
    }
    await client.put("", "");
    expect((await client.get(""))?.value.length).to.equal(0);
    await client.put("ключ 🔑", "值");
    expect((await client.get("ключ 🔑"))?.text()).to.equal("值");
    expect((await client.get(new TextEncoder().encode("ключ 🔑")))?.text()).to.equal("值");
  });

  it("a value that was got does not keep the message alive that brought it (J)", async () => {
    const node = await leader();
    const client = await connected({ endpoints: [node.address] });
    await client.put("k", "four");
    expect((await client.get("k"))?.value.buffer.byteLength).to.equal(4);
  });

  it("all requests of one turn of the event loop go in one frame", async () => {
    const node = await leader();
    const client = await connected({ endpoints: [node.address] });
    const wrapped = async (i: number): Promise<void> => {
      await Promise.resolve();
      await client.put(`k${i}`, "v");
    };
    await Promise.all(
      Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? client.get(`k${i}`) : wrapped(i))),
    );
    expect(node.frames.map((frame) => frame.requests.length)).to.deep.equal([100]);
  });

  it("callers woken by one frame of replies ask again in one frame", async () => {
    const node = await leader();
    const client = await connected({ endpoints: [node.address] });
    const put = async (key: string): Promise<number> => (await client.put(key, "v")).revision;
    const caller = async (i: number): Promise<void> => {
      for (let round = 0; round < 5; round += 1) await put(`${i}-${round}`);
    };
    await Promise.all(Array.from({ length: 20 }, (_, i) => caller(i)));
    expect(node.frames.map((frame) => frame.requests.length)).to.deep.equal([20, 20, 20, 20, 20]);
  });

  it("frames keep to the node's limits of requests and bytes (C7)", async () => {
    const node = await leader({ frameRequests: 10, keyBytes: 100, valueBytes: 1000, frameBytes: 3000 });
    const client = await connected({ endpoints: [node.address] });
    await Promise.all(Array.from({ length: 25 }, (_, i) => client.get(`k${i}`)));
    expect(node.frames.map((frame) => frame.requests.length)).to.deep.equal([10, 10, 5]);
    node.frames.length = 0;
    await Promise.all(Array.from({ length: 5 }, (_, i) => client.put(`k${i}`, "v".repeat(1000))));
    expect(node.frames.map((frame) => frame.requests.length)).to.deep.equal([2, 2, 1]);
  });

  it("keys and values over the node's limits are refused before anything is sent (C7)", async () => {
    const node = await leader({ keyBytes: 10, valueBytes: 20 });
    const client = await connected({ endpoints: [node.address] });
    const key = await failure(client.put("k".repeat(11), "v"), "TOO_LARGE");
    expect(key).to.include({ limit: 10, retryable: false, exitCode: 5 });
    expect(key.message).to.equal("the key has 11 bytes, the cluster takes 10");
    const value = await failure(client.put("k", "ü".repeat(11)), "TOO_LARGE");
    expect(value.message).to.equal("the value has 22 bytes, the cluster takes 20");
    await failure(client.get("k".repeat(11)), "TOO_LARGE");
    expect(node.frames).to.deep.equal([]);
    await client.put("k".repeat(10), "v".repeat(20));
  });

  it("arguments of the wrong kind are refused, by a rejection, with what is allowed (C6)", async () => {
    const node = await leader();
    const client = await connected({ endpoints: [node.address] });
    await failure(client.put(7 as unknown as string, "v"), "INVALID_ARGUMENT");
    await failure(client.put("k", null as unknown as string), "INVALID_ARGUMENT");
    await failure(client.get("half of a pair: \ud800"), "INVALID_ARGUMENT");
    await failure(client.get("k", { consistency: "eventual" as "serializable" }), "INVALID_ARGUMENT");
    for (const timeoutMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
      await failure(client.get("k", { timeoutMs }), "INVALID_ARGUMENT");
    }
    expect(node.frames).to.deep.equal([]);
  });

  for (const endpoints of [
    [],
    ["host"],
    ["host:0"],
    ["host:65536"],
    ["a b:1"],
    ["http://host:1"],
    "host:1",
  ]) {
    it(`connect refuses the endpoints ${JSON.stringify(endpoints)}`, async () => {
      await failure(connect({ endpoints: endpoints as string[] }), "INVALID_ARGUMENT");
    });
  }

  it("connect refuses options that are none, as a call from JavaScript may give them", async () => {
    for (const options of [undefined, null, {}, "127.0.0.1:1"])
      await failure(connect(options as Parameters<typeof connect>[0]), "INVALID_ARGUMENT");
  });

  it("the removal of a member and the look who it is have one deadline together", async () => {
    const node = await leader();
    node.script = (request, _node, { send }) => {
      if (request.op !== Op.memberList) return memberChangeReply(request.requestId, []);
      const member = { name: "n2", serverId: "b".repeat(16), peer: "127.0.0.1:7502", client: null };
      const more = {
        role: "voter",
        witness: false,
        willVote: false,
        leader: false,
        alive: true,
        lag: 0,
      } as const;
      const [late] = encodeReplies([memberListReply(request.requestId, [{ ...member, ...more }])], 1000);
      setTimeout(() => send(late!), 300);
      return null;
    };
    const client = await connected({ endpoints: [node.address] });
    await client.members.remove("n2", { timeoutMs: 5_000 });
    const [list, change] = node.requests;
    expect(change).to.include({ op: Op.memberChange });
    expect(change?.deadlineMs).to.be.below((list?.deadlineMs ?? 0) - 200);
  });

  it("the node is told how long the client will wait, less what its last word takes, and how it reads (C1)", async () => {
    const node = await leader();
    const client = await connected({ endpoints: [node.address], timeoutMs: 3000, clientName: "tester" });
    await Promise.all([
      client.get("k", { consistency: "serializable" }),
      client.get("k", { timeoutMs: 500 }),
      client.put("k", "v"),
    ]);
    const [serializable, linearizable, put] = node.requests;
    expect(serializable).to.include({ op: Op.get, linearizable: false });
    expect(linearizable).to.include({ op: Op.get, linearizable: true });
    expect(serializable?.deadlineMs).to.be.within(1, 2900);
    expect(linearizable?.deadlineMs).to.be.within(1, 450);
    expect(put?.deadlineMs).to.be.within(1, 2900);
    expect(new Set(node.requests.map((request) => request.requestId)).size).to.equal(3);
    expect(node.hellos[0]).to.include({ clientName: "tester", clusterId: null });
  });

  it("a full socket makes requests wait unsent, and none is lost (J)", async () => {
    const node = await leader();
    const client = await connected({ endpoints: [node.address], maxBufferedBytes: 1 });
    const value = "v".repeat(100_000);
    const puts: Promise<unknown>[] = [];
    for (let i = 0; i < 20; i += 1) {
      puts.push(client.put(`k${i}`, value));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(puts);
    expect(node.requests.map((request) => keyOf(request).toString())).to.deep.equal(
      puts.map((_, i) => `k${i}`),
    );
  });

  it("a write stuck behind a full socket was not sent: TIMEOUT (C1)", async () => {
    const node = await leader();
    const client = await connected({ endpoints: [node.address], maxBufferedBytes: 1000 });
    node.freeze();
    const sent = failure(
      client.put("sent", new Uint8Array(1_000_000), { timeoutMs: 200 }),
      "OUTCOME_UNKNOWN",
    );
    const more = Array.from({ length: 12 }, () => new Uint8Array(1_000_000));
    const pushed = more.map((value) => client.put("more", value, { timeoutMs: 200 }).catch(() => {}));
    await new Promise((resolve) => setImmediate(resolve));
    const unsent = failure(client.put("unsent", "v", { timeoutMs: 100 }), "TIMEOUT");
    expect((await unsent).outcomeKnown).to.equal(true);
    expect((await sent).outcomeKnown).to.equal(false);
    await Promise.all(pushed);
  });

  it("100,000 requests at once are all answered", async () => {
    const node = await leader();
    const client = await connected({ endpoints: [node.address], timeoutMs: 60_000 });
    const results = await Promise.all(Array.from({ length: 100_000 }, (_, i) => client.put(`k${i}`, "v")));
    expect(new Set(results.map((result) => result.revision)).size).to.equal(100_000);
    await until("everything is answered", () => node.requests.length === 100_000);
  });
});
