import { connect } from "@raftkv/client";
import { Op, PROTOCOL_VERSION_MAX, decodeHelloAnswer, answerHello, DEFAULT_LIMITS } from "@raftkv/protocol";
import { expect } from "chai";
import { FakeNode, followingScript, refusal, servingScript } from "./support/fake-node.js";
import type { Script } from "./support/fake-node.js";
import { blackHole, cleanUp, connected, deadAddress, failure, until } from "./support/help.js";

async function lone(options: { name?: string; clusterId?: string } = {}): Promise<FakeNode> {
  const node = await FakeNode.start({ ...options, script: servingScript() });
  node.leader = node.asLeader(1);
  return node;
}

describe("endpoints", () => {
  afterEach(cleanUp);

  it("two that refuse connections and a live one: works", async () => {
    const node = await lone();
    const client = await connected({ endpoints: [await deadAddress(), await deadAddress(), node.address] });
    expect(await client.put("k", "v")).to.deep.equal({ revision: 1 });
  });

  it("two that take connections and never answer, and a live one: works, without waiting for their timeout", async () => {
    const node = await lone();
    const holes = [await blackHole(), await blackHole()];
    const endpoints = [...holes.map((hole) => hole.address), node.address];
    // The attempts' own timeout is longer than the whole time there is: only racing can succeed.
    const client = await connected({
      endpoints,
      connectTimeoutMs: 60_000,
      timeoutMs: 5_000,
      headStartMs: 20,
    });
    expect(await client.put("k", "v")).to.deep.equal({ revision: 1 });
  });

  it("all dead: UNAVAILABLE when the time is over, with what each said", async () => {
    const endpoints = [await deadAddress(), await deadAddress(), await deadAddress()];
    const error = await failure(connect({ endpoints, timeoutMs: 150 }), "UNAVAILABLE");
    expect(error).to.include({ retryable: true, outcomeKnown: true, exitCode: 3 });
    expect(error.endpoints.map((report) => report.address)).to.have.members(endpoints);
    for (const { said } of error.endpoints) expect(said).to.include("ECONNREFUSED");
  });

  it("all silent: UNAVAILABLE, saying so", async () => {
    const hole = await blackHole();
    const options = { endpoints: [hole.address], timeoutMs: 200, connectTimeoutMs: 50 };
    const error = await failure(connect(options), "UNAVAILABLE");
    expect(error.endpoints[0]?.said).to.equal("no welcome within 50 ms");
    expect(hole.taken()).to.be.greaterThan(1);
  });

  it("a node that comes up while connect waits is found", async () => {
    const address = await deadAddress();
    const connecting = connected({ endpoints: [address] });
    const node = await FakeNode.start({ script: servingScript(), port: Number(address.split(":")[1]) });
    node.leader = node.asLeader(1);
    await (await connecting).put("k", "v");
  });

  it("one that fails again and again is dialled with growing pauses", async () => {
    const node = await FakeNode.start({ answer: () => "garbage" });
    await failure(connect({ endpoints: [node.address], timeoutMs: 500 }), "UNAVAILABLE");
    expect(node.dialled).to.be.within(2, 12);
  });

  it("connect succeeds without a leader, and serializable gets are served; others end UNAVAILABLE", async () => {
    const serve = servingScript();
    const script: Script = (request, self, origin) =>
      request.op === Op.get
        ? serve(request, self, origin)
        : refusal(request, "NOT_LEADER", { retryAfterMs: 10_000 });
    const node = await FakeNode.start({ script });
    const other = await FakeNode.start({ name: "n2", script });
    const client = await connected({ endpoints: [node.address, other.address] });
    expect(await client.get("k", { consistency: "serializable" })).to.equal(null);
    const error = await failure(client.put("k", "v", { timeoutMs: 500 }), "UNAVAILABLE");
    expect(error.message).to.include("NOT_LEADER");
  });

  it("a connection that is lost is made again, before anybody asks", async () => {
    const node = await lone();
    const client = await connected({ endpoints: [node.address] });
    for (let round = 1; round <= 3; round += 1) {
      node.cut();
      await until("it is connected again", () => node.dialled === round + 1 && node.connected === 1);
    }
    await client.put("k", "v");
  });

  it("a node that vanished without a word is given up after the silence timeout", async () => {
    const node = await lone();
    const other = await FakeNode.start({ name: "n2", leader: node.leader, script: followingScript() });
    const client = await connected({
      endpoints: [node.address, other.address],
      silenceTimeoutMs: 100,
      timeoutMs: 10_000,
    });
    await client.put("k", "v");
    node.freeze();
    other.script = servingScript();
    const put = failure(client.put("k", "v"), "OUTCOME_UNKNOWN");
    const get = client.get("k");
    other.leader = other.asLeader(2);
    expect((await put).cause).to.include({ code: "UNAVAILABLE" });
    expect(await get).to.equal(null);
    await client.put("k", "v");
    expect(other.requests.length).to.equal(2);
  });

  it("when this process itself stood still, the node is not blamed for the silence", async () => {
    const node = await lone();
    const client = await connected({ endpoints: [node.address], silenceTimeoutMs: 40 });
    for (let round = 0; round < 5; round += 1) {
      const end = performance.now() + 100;
      while (performance.now() < end);
      await client.put("k", "v");
    }
    expect(node.dialled).to.equal(1);
  });

  it("an idle connection is kept alive by pings", async () => {
    const node = await lone();
    const client = await connected({ endpoints: [node.address], silenceTimeoutMs: 40 });
    await until("several silence timeouts went by", () => node.pings >= 8);
    expect(node.dialled).to.equal(1);
    await client.put("k", "v");
  });
});

describe("the handshake", () => {
  afterEach(cleanUp);

  it("a node of another cluster than the wanted one is refused with both ids (R25)", async () => {
    const node = await lone();
    const error = await failure(
      connect({ endpoints: [node.address], clusterId: "cluster-b" }),
      "WRONG_CLUSTER",
    );
    expect(error.message).to.include("cluster-a").and.to.include("cluster-b");
    await connected({ endpoints: [node.address], clusterId: "cluster-a" });
  });

  it("the first node decides on the cluster: an endpoint or a hint of another one is not used", async () => {
    const node = await lone();
    const stranger = await lone({ name: "s1", clusterId: "cluster-b" });
    const client = await connected({ endpoints: [node.address] });
    node.notice(stranger.asLeader(9));
    await until("the stranger was asked", () => stranger.hellos.length > 0);
    expect(stranger.hellos[0]?.clusterId).to.equal("cluster-a");
    await client.put("k", "v");
    expect(stranger.requests).to.deep.equal([]);
  });

  it("no version in common: refused at once, naming those of both", async () => {
    const node = await FakeNode.start({
      // A node from the future, in whose eyes this client is one that speaks only older versions.
      answer: (hello) => answerHello({ ...hello, versionMin: 0, versionMax: 0 }, identity).bytes,
    });
    const error = await failure(connect({ endpoints: [node.address] }), "UNSUPPORTED_VERSION");
    expect(error.message).to.match(/versions 0 to 0.*speaks 1 to 1/);
  });

  it("a node whose frames are larger than maxFrameBytes is not used", async () => {
    const node = await lone();
    const options = { endpoints: [node.address], maxFrameBytes: 1_000_000, timeoutMs: 100 };
    const error = await failure(connect(options), "UNAVAILABLE");
    expect(error.endpoints[0]?.said).to.include("maxFrameBytes is 1000000");
  });

  for (const [what, bytes] of Object.entries({
    "random bytes": Buffer.from("c1ffee00c0de", "hex"),
    nothing: Buffer.alloc(0),
    text: "hello",
    "a welcome cut short": Buffer.from("96a67261", "hex"),
    "another protocol's array": Buffer.from("93a568656c6c6f0102", "hex"),
    "a version that was not offered": Buffer.from(
      "97a67261 66746b76 c363a161 a162c094010101ff".replaceAll(" ", ""),
      "hex",
    ),
  })) {
    it(`a node that greets with ${what} is cut off and reported (C6)`, async () => {
      const node = await FakeNode.start({ answer: () => bytes });
      const error = await failure(connect({ endpoints: [node.address], timeoutMs: 100 }), "UNAVAILABLE");
      expect(error.endpoints[0]?.said).to.not.equal("no answer yet");
      expect(node.hellos[0]?.versionMax).to.equal(PROTOCOL_VERSION_MAX);
    });
  }

  it("the support's welcome is one (the tests above would pass for a wrong reason)", () => {
    const hello = { versionMin: 1, versionMax: 1, clusterId: null, clientName: "x" };
    expect(decodeHelloAnswer(answerHello(hello, identity).bytes)).to.include({ accepted: true });
  });
});

const identity = {
  clusterId: "cluster-a",
  nodeName: "n1",
  leader: null,
  limits: DEFAULT_LIMITS,
  members: [],
};
