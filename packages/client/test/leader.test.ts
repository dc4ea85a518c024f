import { Op } from "@raftkv/protocol";
import { expect } from "chai";
import { FakeNode, followingScript, refusal, servingScript } from "./support/fake-node.js";
import { cleanUp, connected, deadAddress, failure, until } from "./support/help.js";

/** A leader n1 and followers, which know it. */
async function cluster(followers: number): Promise<{ leader: FakeNode; followers: FakeNode[] }> {
  const leader = await FakeNode.start({ name: "n1", script: servingScript() });
  leader.leader = leader.asLeader(1);
  const others: FakeNode[] = [];
  for (let i = 0; i < followers; i += 1) {
    others.push(
      await FakeNode.start({ name: `n${i + 2}`, leader: leader.leader, script: followingScript() }),
    );
  }
  return { leader, followers: others };
}

describe("finding the leader", () => {
  afterEach(cleanUp);

  it("the leader that a welcome names is used, also when it is not among the endpoints", async () => {
    const { leader, followers } = await cluster(2);
    const client = await connected({ endpoints: followers.map((node) => node.address) });
    await client.put("k", "v");
    expect((await client.get("k"))?.text()).to.equal("v");
    expect(leader.requests.length).to.equal(2);
    expect(followers.flatMap((node) => node.requests)).to.deep.equal([]);
  });

  it("with the leader found, one more connection is kept, and those to the others are dropped", async () => {
    const { leader, followers } = await cluster(3);
    const client = await connected({ endpoints: followers.map((node) => node.address) });
    await client.put("k", "v");
    expect(followers.some((node) => node.hellos.length > 0)).to.equal(true);
    const connections = (): number => followers.reduce((sum, node) => sum + node.connected, 0);
    await until("all but one are left alone", () => connections() === 1);
    expect(leader.connected).to.equal(1);
  });

  it("a refusal with a hint is followed, and the write keeps its number", async () => {
    const { leader, followers } = await cluster(1);
    const [follower] = followers;
    const hint = leader.leader;
    follower!.leader = null; // it learns of the leader only after the welcome
    follower!.script = (request) => refusal(request, "NOT_LEADER", { leader: hint });
    const client = await connected({ endpoints: [follower!.address] });
    await client.put("k", "v");
    expect(follower!.requests.map((request) => request.requestId)).to.deep.equal([1]);
    expect(leader.requests.map((request) => request.requestId)).to.deep.equal([1]);
  });

  it("a node whose cluster has not formed yet does not decide which cluster it is", async () => {
    const { leader } = await cluster(0);
    const forming = await FakeNode.start({ name: "n2", clusterId: "" });
    forming.script = (request) => refusal(request, "UNAVAILABLE", { leader: leader.leader });
    const client = await connected({ endpoints: [forming.address] });
    await client.put("k", "v");
    expect(leader.hellos.map((hello) => hello.clusterId)).to.deep.equal([null]);
    const late = await FakeNode.start({ name: "n3", clusterId: "", leader: leader.asLeader(2) });
    const other = await connected({ endpoints: [leader.address, late.address] });
    await other.put("k", "w");
    expect(leader.requests.length).to.equal(2);
  });

  it("a follower that is the only endpoint serves the gets, while puts follow its hint", async () => {
    const { leader, followers } = await cluster(1);
    const [follower] = followers;
    follower!.script = followingScript(servingScript());
    const client = await connected({ endpoints: [follower!.address] });
    await client.put("k", "v");
    await client.get("k");
    await client.get("k", { consistency: "serializable" });
    expect(leader.requests.map((request) => request.op)).to.deep.equal([1]);
    expect(follower!.requests.map((request) => request.op)).to.deep.equal([2, 2]);
    expect(follower!.connected).to.equal(1);
  });

  it("when that follower goes away, its gets go to the leader", async () => {
    const { leader, followers } = await cluster(1);
    const client = await connected({ endpoints: [followers[0]!.address] });
    await client.put("k", "v");
    await followers[0]!.stop();
    expect((await client.get("k"))?.text()).to.equal("v");
    expect(leader.requests.length).to.equal(2);
  });

  it("when its connection breaks, it is made again, and serves the gets again", async () => {
    const { leader, followers } = await cluster(1);
    const [follower] = followers;
    follower!.script = followingScript(servingScript());
    const client = await connected({ endpoints: [follower!.address] });
    await client.put("k", "v");
    follower!.cut();
    await until("it is connected again", () => follower!.dialled === 2 && follower!.connected === 1);
    await until("a get arrives there", () => {
      client.get("k").catch(() => {});
      return follower!.requests.length > 0;
    });
    expect(leader.dialled).to.equal(1);
  });

  it("while nobody leads, a write waits, and goes out when a leader is announced", async () => {
    const nodes = [
      await FakeNode.start({ name: "n1", script: followingScript() }),
      await FakeNode.start({ name: "n2", script: followingScript() }),
    ];
    const client = await connected({ endpoints: nodes.map((node) => node.address) });
    const put = client.put("k", "v");
    await until("both were asked", () => nodes.every((node) => node.requests.length > 0));
    const [winner, other] = nodes;
    winner!.script = servingScript();
    winner!.leader = winner!.asLeader(2);
    other!.notice(winner!.leader);
    expect(await put).to.deep.equal({ revision: 1 });
  });

  it("without an announcement, the nodes are asked again", async () => {
    const node = await FakeNode.start({ script: followingScript() });
    const client = await connected({ endpoints: [node.address] });
    const put = client.put("k", "v");
    await until("it was asked thrice", () => node.requests.length >= 3);
    node.script = servingScript();
    expect(await put).to.deep.equal({ revision: 1 });
    expect(new Set(node.requests.map((request) => request.requestId)).size).to.equal(1);
  });

  it("a transfer of leadership to nobody in particular is not asked for again at the next leader, which would hand it on", async () => {
    const { leader, followers } = await cluster(1);
    const [next] = followers;
    const client = await connected({ endpoints: [leader.address, next!.address] });
    await client.put("k", "v");
    await until("the follower is connected", () => next!.connected > 0);
    leader.script = () => null;
    const asked = leader.requests.length;
    const transfer = failure(client.members.transferLeadership({ timeoutMs: 1_000 }), "OUTCOME_UNKNOWN");
    await until("the leader is asked", () => leader.requests.length > asked);
    next!.script = servingScript();
    next!.leader = next!.asLeader(2);
    next!.notice(next!.leader);
    await client.put("k", "w");
    await transfer;
    expect(next!.requests.filter((request) => request.op === Op.leaderTransfer)).to.have.lengthOf(0);
  });

  it("a hint of an older term is stale, and not followed", async () => {
    const { leader, followers } = await cluster(1);
    leader.leader = leader.asLeader(5);
    followers[0]!.leader = leader.leader;
    const old = await FakeNode.start({ name: "n9", script: servingScript() });
    const client = await connected({ endpoints: [leader.address, followers[0]!.address] });
    await client.put("k", "v");
    leader.notice(old.asLeader(4));
    await client.put("k", "v");
    expect(old.dialled).to.equal(0);
    leader.notice(old.asLeader(6));
    await until("the newer one is followed", () => old.connected === 1);
    await client.put("k", "v");
    expect(old.requests.length).to.equal(1);
  });

  it("when the leader dies, the one that the others name takes over", async () => {
    const { leader, followers } = await cluster(2);
    const client = await connected({ endpoints: [leader, ...followers].map((node) => node.address) });
    await client.put("k", "v");
    const [winner, other] = followers;
    const before = winner!.dialled + other!.dialled;
    await leader.stop();
    winner!.script = servingScript();
    winner!.leader = winner!.asLeader(2);
    other!.leader = winner!.leader;
    await until("the client has noticed", () => winner!.dialled + other!.dialled > before);
    await client.put("k", "v");
    expect(winner!.requests.length).to.equal(1);
  });

  it("a leader that steps down is asked no more, once another is known", async () => {
    const { leader, followers } = await cluster(1);
    const client = await connected({ endpoints: [leader.address, followers[0]!.address] });
    await client.put("k", "v");
    followers[0]!.script = servingScript();
    const hint = followers[0]!.asLeader(2);
    leader.script = (request) => refusal(request, "NOT_LEADER", { leader: hint });
    await client.put("k", "v");
    await client.put("k", "v");
    expect(leader.requests.length).to.equal(2);
    expect(followers[0]!.requests.length).to.equal(2);
  });

  it("a leader whose address cannot be reached: UNAVAILABLE, naming it", async () => {
    const address = await deadAddress();
    const follower = await FakeNode.start({
      name: "n2",
      leader: { name: "n1", address, term: 3 },
      script: (request, self) =>
        refusal(request, "NOT_LEADER", { leader: self.leader, retryAfterMs: 10_000 }),
    });
    const client = await connected({ endpoints: [follower.address] });
    const error = await failure(client.put("k", "v", { timeoutMs: 500 }), "UNAVAILABLE");
    expect(error.endpoints.map((report) => report.address)).to.have.members([follower.address, address]);
    expect(error.message).to.include("ECONNREFUSED").and.to.include("NOT_LEADER");
  });

  it("a node under two addresses gets one connection", async () => {
    const { leader } = await cluster(0);
    leader.leader = { name: "n1", address: `localhost:${leader.port}`, term: 1 };
    const client = await connected({ endpoints: [leader.address] });
    await client.put("k", "v");
    await client.put("k", "v");
    expect(leader.dialled).to.equal(1);
  });

  it("an idle client finds the new leader on its own", async () => {
    const { leader, followers } = await cluster(1);
    const client = await connected({ endpoints: [leader.address, followers[0]!.address] });
    await client.put("k", "v");
    followers[0]!.leader = followers[0]!.asLeader(2);
    await leader.stop();
    await until("it is connected again", () => followers[0]!.connected === 1);
  });
});
