import { expect } from "chai";
import { logIndex, serverId, term } from "../../dist/core/index.js";
import { Cluster, ELECTION_TICKS, HEARTBEAT_TICKS, configurationOf } from "./support/cluster.js";

const transfer = (cluster: Cluster, from: string, to: string | null): void =>
  cluster.get(from).step({ kind: "transferLeadership", to: to === null ? null : serverId(to) });

describe("leadership transfer (thesis §3.10, R20)", () => {
  it("an up-to-date target takes over at once, without a pre-vote and although the leader is heard (R4)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    transfer(cluster, "a", "b");
    cluster.settle();
    expect(cluster.leader?.id).to.equal("b");
    expect(cluster.get("b").status.currentTerm).to.equal(2);
    expect(cluster.get("a").refused).to.deep.equal([]);
  });

  it("a target that lags is brought up to date first", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    cluster.heldDisks.add("b");
    cluster.propose("a", "x");
    cluster.settle();
    transfer(cluster, "a", "b");
    cluster.settle();
    expect(cluster.leader?.id).to.equal("a");
    cluster.heldDisks.clear();
    cluster.settle();
    expect(cluster.leader?.id).to.equal("b");
    expect(cluster.get("b").applied).to.deep.equal(["", "x", ""]);
  });

  it("proposals are refused meanwhile", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    transfer(cluster, "a", "b");
    cluster.propose("a", "x");
    expect(a.rejected.map(({ reason }) => reason)).to.deep.equal(["transferring"]);
    expect(a.status.lastIndex).to.equal(1);
  });

  it("the members are not changed meanwhile: the log keeps the end at which the target takes over", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    cluster.settle();
    transfer(cluster, "a", "b");
    const { lastIndex } = a.status;
    const change = { members: [{ kind: "demote", id: serverId("c") }], joint: "auto" } as const;
    a.step({ kind: "changeMembership", change });
    expect(a.refused.map(({ reason }) => reason)).to.deep.equal(["changeInFlight"]);
    expect(a.status.lastIndex).to.equal(lastIndex);
    cluster.settle();
    expect(cluster.leader?.id).to.equal("b");
  });

  it("is given up after one election timeout, and the leader leads on", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    cluster.cut("a", "b");
    transfer(cluster, "a", "b");
    cluster.round(ELECTION_TICKS - 1);
    expect(a.status.transfer?.to).to.equal("b");
    cluster.round();
    expect(a.status.transfer).to.equal(null);
    expect(a.refused).to.deep.equal([{ command: "transferLeadership", reason: "expired", leader: "a" }]);
    cluster.propose("a", "x");
    cluster.settle();
    expect(a.applied.at(-1)).to.equal("x");
  });

  it("a stale TimeoutNow is ignored: of an earlier term, of another log end, or not from the leader", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    cluster.cut("a", "b");
    transfer(cluster, "a", "b");
    const stale = cluster.network.map(({ message }) => message).find(({ kind }) => kind === "timeoutNow");
    expect(stale).to.deep.equal({ kind: "timeoutNow", from: "a", to: "b", term: 1, lastLogIndex: 1 });
    cluster.network = [];
    cluster.mend();
    cluster.round(ELECTION_TICKS);
    cluster.propose("a", "x");
    cluster.settle();
    const b = cluster.get("b");
    if (stale?.kind === "timeoutNow") {
      b.step({ kind: "receive", message: stale });
      expect(b.status.role, "the log went on").to.equal("follower");
      b.step({ kind: "receive", message: { ...stale, lastLogIndex: logIndex(2), from: serverId("c") } });
      expect(b.status.role, "not from the leader").to.equal("follower");
      b.step({ kind: "receive", message: { ...stale, lastLogIndex: logIndex(2), term: term(0) } });
      expect(b.status.role, "of an earlier term").to.equal("follower");
      b.step({ kind: "receive", message: { ...stale, lastLogIndex: logIndex(2) } });
      expect(b.status.role).to.equal("candidate");
    }
  });

  it("any step-down ends it (hashicorp/raft #696)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    cluster.isolate("a");
    transfer(cluster, "a", "b");
    cluster.until("c or b leads", () => cluster.leader !== null && cluster.leader.id !== a.id);
    expect(a.status.transfer).to.equal(null);
    cluster.mend();
    cluster.round(HEARTBEAT_TICKS);
    expect(a.status.leader).to.equal(cluster.leader?.id);
  });

  it("goes to voters with data only; a second one to another target is refused", () => {
    const cluster = new Cluster(["a", "b", "w", "l"], {
      configuration: configurationOf(["a", "b", "w"], { learners: ["l"], witnesses: ["w"] }),
    });
    const a = cluster.elect("a");
    for (const target of ["l", "w", "a", "nobody"]) transfer(cluster, "a", target);
    expect(a.refused.map(({ reason }) => reason)).to.deep.equal([
      "noTarget",
      "noTarget",
      "noTarget",
      "noTarget",
    ]);
    transfer(cluster, "b", "a");
    expect(cluster.get("b").refused).to.deep.equal([
      { command: "transferLeadership", reason: "notLeader", leader: "a" },
    ]);
    transfer(cluster, "a", null);
    expect(a.status.transfer?.to).to.equal("b");
  });

  it("left to the core, it goes to the voter that lacks the least", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    cluster.cut("a", "b");
    cluster.propose("a", "x");
    cluster.settle();
    transfer(cluster, "a", null);
    cluster.settle();
    expect(cluster.leader?.id).to.equal("c");
  });
});
