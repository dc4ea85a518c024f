import { expect } from "chai";
import { serverId } from "../../dist/core/index.js";
import type { MemberChange, MembershipChange } from "../../dist/core/index.js";
import { Cluster, ELECTION_TICKS, HEARTBEAT_TICKS, configurationOf } from "./support/cluster.js";

const learner = (id: string, witness = false): MemberChange => ({
  kind: "addLearner",
  id: serverId(id),
  witness,
});
const promote = (id: string): MemberChange => ({ kind: "promote", id: serverId(id) });
const demote = (id: string): MemberChange => ({ kind: "demote", id: serverId(id) });
const remove = (id: string): MemberChange => ({ kind: "remove", id: serverId(id) });

function change(
  cluster: Cluster,
  members: readonly MemberChange[],
  { joint = "auto", at = cluster.leader?.id ?? "a" }: { joint?: MembershipChange["joint"]; at?: string } = {},
): void {
  cluster.get(at).step({ kind: "changeMembership", change: { members, joint } });
}

const refusals = (cluster: Cluster, name: string): string[] =>
  cluster.get(name).refused.map(({ reason }) => reason);
const ids = (list: readonly string[] | undefined): string => (list ?? []).join(" ");

describe("membership changes (thesis §4, R21)", () => {
  it("a learner gets the log and has no vote; promoted, it counts (§4.2.1)", () => {
    const cluster = new Cluster(["a", "b", "c"], {
      servers: ["a", "b", "c", "d"],
      configuration: configurationOf(["a", "b", "c"]),
    });
    cluster.elect("a");
    cluster.propose("a", "x");
    cluster.settle();
    change(cluster, [learner("d")]);
    cluster.round(2 * HEARTBEAT_TICKS);
    expect(cluster.get("d").applied.slice(0, 2)).to.deep.equal(["", "x"]);
    expect(cluster.get("d").status.configuration).to.deep.include({ learners: ["d"] });
    change(cluster, [promote("d")]);
    cluster.round(2 * HEARTBEAT_TICKS);
    for (const { status } of cluster.servers.values())
      expect(ids(status.configuration.voters)).to.equal("a b c d");
  });

  it("a configuration is in force as soon as it is in the log, committed or not (§4.1)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    cluster.cut("a", "b");
    cluster.cut("a", "c");
    change(cluster, [remove("c")]);
    expect(ids(a.status.configuration.voters)).to.equal("a b");
    expect(a.status.configurationIndex).to.be.above(a.status.commitIndex);
  });

  it("truncation restores the configuration before (§4.1)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    cluster.isolate("a");
    change(cluster, [remove("c")]);
    a.persist(a.pending.length);
    expect(ids(a.status.configuration.voters)).to.equal("a b");
    cluster.until("another leader", () => cluster.leader !== null && cluster.leader.id !== a.id);
    cluster.mend();
    cluster.until("a follows", () => a.status.leader === cluster.leader?.id);
    cluster.round(2 * HEARTBEAT_TICKS);
    expect(ids(a.status.configuration.voters)).to.equal("a b c");
  });

  it("after a restart the configuration comes from the log, not from what was applied", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    cluster.cut("b", "a");
    change(cluster, [remove("c")]);
    cluster.settle();
    expect(cluster.get("b").status.commitIndex).to.be.below(cluster.get("b").status.configurationIndex);
    cluster.crash("b");
    expect(ids(cluster.restart("b").status.configuration.voters)).to.equal("a b");
  });

  it("one change at a time, and none before an entry of the leader's term is committed", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    cluster.heldDisks.add("b");
    cluster.heldDisks.add("c");
    change(cluster, [demote("c")]);
    change(cluster, [demote("b")]);
    expect(refusals(cluster, "a")).to.deep.equal(["changeInFlight"]);
    cluster.heldDisks.clear();
    cluster.settle();
    cluster.heldDisks.add("a");
    cluster.crash("a");
    cluster.restart("a");
    a.refused.length = 0;
    cluster.timeout("b");
    cluster.heldDisks.clear();
    while (
      cluster.get("b").status.role !== "leader" &&
      (cluster.deliver() || cluster.get("b").pending.length > 0)
    ) {
      cluster.get("b").persist(1);
      cluster.get("a").persist(1);
    }
    expect(cluster.get("b").status.role).to.equal("leader");
    change(cluster, [learner("c")], { at: "b" });
    expect(refusals(cluster, "b")).to.deep.equal(["termNotCommitted"]);
  });

  it("several voters change through a joint configuration that is left on its own (§4.3)", () => {
    const cluster = new Cluster(["a", "b", "c"], {
      servers: ["a", "b", "c", "d", "e"],
      configuration: configurationOf(["a", "b", "c"], { learners: ["d", "e"] }),
    });
    const a = cluster.elect("a");
    cluster.round(2 * HEARTBEAT_TICKS);
    cluster.heldDisks.add("a");
    change(cluster, [promote("d"), promote("e"), remove("b"), remove("c")]);
    expect(ids(a.status.configuration.voters)).to.equal("a d e");
    expect(ids(a.status.configuration.outgoing)).to.equal("a b c");
    cluster.heldDisks.clear();
    cluster.round(HEARTBEAT_TICKS);
    expect(ids(a.status.configuration.voters)).to.equal("a d e");
    expect(a.status.configuration.outgoing).to.deep.equal([]);
    expect(a.status.progress.map(({ id }) => id)).to.deep.equal(["a", "d", "e"]);
  });

  it("a joint configuration needs both majorities to commit (§4.3)", () => {
    const cluster = new Cluster(["a", "b", "c"], {
      servers: ["a", "b", "c", "d", "e"],
      configuration: configurationOf(["a", "b", "c"], { learners: ["d", "e"] }),
    });
    const a = cluster.elect("a");
    cluster.round(2 * HEARTBEAT_TICKS);
    cluster.heldDisks.add("b");
    cluster.heldDisks.add("c");
    change(cluster, [promote("d"), promote("e"), remove("b"), remove("c")]);
    cluster.settle();
    expect(a.status.commitIndex).to.be.below(a.status.configurationIndex);
    cluster.heldDisks.delete("b");
    cluster.settle();
    expect(a.status.configuration.outgoing).to.deep.equal([]);
  });

  it("one joint on demand is left by hand; leaving twice does no harm", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    change(cluster, [demote("c")], { joint: "manual" });
    cluster.round(ELECTION_TICKS);
    expect(ids(a.status.configuration.outgoing)).to.equal("a b c");
    expect(ids(a.status.configuration.learners)).to.equal("c");
    change(cluster, [remove("c")]);
    a.step({ kind: "leaveJoint" }, { kind: "leaveJoint" });
    cluster.settle();
    a.step({ kind: "leaveJoint" });
    expect(refusals(cluster, "a")).to.deep.equal(["changeInFlight", "noChange", "noChange"]);
    expect(ids(a.status.configuration.voters)).to.equal("a b");
    expect(ids(a.status.configuration.learners)).to.equal("c");
  });

  it("a new leader finishes a joint configuration that it finds", () => {
    const cluster = new Cluster(["a", "b", "c"], {
      servers: ["a", "b", "c", "d"],
      configuration: configurationOf(["a", "b", "c"], { learners: ["d"] }),
    });
    cluster.elect("a");
    cluster.round(2 * HEARTBEAT_TICKS);
    change(cluster, [promote("d"), remove("c")]);
    while (cluster.deliver(({ kind }) => kind === "appendRequest"));
    for (const name of ["b", "c", "d"]) cluster.get(name).persist(9);
    cluster.crash("a");
    cluster.until("another leader", () => cluster.leader !== null && cluster.leader.id !== serverId("a"));
    cluster.round(2 * HEARTBEAT_TICKS);
    expect(ids(cluster.leader?.status.configuration.voters)).to.equal("a b d");
    expect(cluster.leader?.status.configuration.outgoing).to.deep.equal([]);
  });

  it("a leader that is removed leads until that is committed, then hands over (§4.2.2)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    cluster.heldDisks.add("b");
    cluster.heldDisks.add("c");
    change(cluster, [remove("a")]);
    cluster.settle();
    expect(a.status.role).to.equal("leader");
    expect(a.status.commitIndex, "its own copy does not count").to.equal(1);
    cluster.heldDisks.clear();
    cluster.settle();
    expect(a.status.role).to.equal("follower");
    expect(cluster.leader?.id).to.be.oneOf(["b", "c"]);
    cluster.tick("a", 5 * ELECTION_TICKS);
    expect(a.status.role, "it never campaigns").to.equal("follower");
  });

  it("a leader that removed itself campaigns again while that is not committed: nobody else can win (§4.2.2)", () => {
    const cluster = new Cluster(["a", "b"]);
    const a = cluster.elect("a");
    cluster.cut("a", "b");
    change(cluster, [remove("a")]);
    a.persist(9);
    cluster.round(2 * ELECTION_TICKS);
    expect(a.status.role).not.to.equal("leader");
    cluster.mend();
    cluster.until("b leads alone", () => cluster.leader?.id === serverId("b"));
    cluster.round(HEARTBEAT_TICKS);
    expect(ids(cluster.get("b").status.configuration.voters)).to.equal("b");
    expect(a.status.role).to.equal("follower");
  });

  it("a removed server that did not hear of it does not disturb (§4.2.3)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    cluster.cut("a", "c");
    change(cluster, [remove("c")]);
    cluster.settle();
    cluster.round(10 * ELECTION_TICKS);
    expect(cluster.leader?.id).to.equal("a");
    expect(cluster.get("a").status.currentTerm).to.equal(1);
    expect(cluster.get("c").status.currentTerm).to.equal(1);
  });

  it("a learner that is far behind is not promoted (R22)", () => {
    const cluster = new Cluster(["a", "b"], {
      servers: ["a", "b", "d"],
      configuration: configurationOf(["a", "b"]),
      options: { promotionLagEntriesMax: 3 },
    });
    cluster.elect("a");
    for (let count = 0; count < 10; count += 1) cluster.propose("a", "x");
    cluster.settle();
    cluster.heldDisks.add("d");
    change(cluster, [learner("d")]);
    cluster.settle();
    change(cluster, [promote("d")]);
    cluster.heldDisks.clear();
    cluster.round(2 * HEARTBEAT_TICKS);
    change(cluster, [promote("d")]);
    expect(refusals(cluster, "a")).to.deep.equal(["notCaughtUp"]);
    expect(ids(cluster.get("a").status.configuration.voters)).to.equal("a b d");
  });

  it("a learner that has answered nothing is not promoted, however short the log is (R22)", () => {
    const cluster = new Cluster(["a", "b"], {
      servers: ["a", "b", "d"],
      configuration: configurationOf(["a", "b"]),
    });
    cluster.elect("a");
    cluster.isolate("d");
    change(cluster, [learner("d")]);
    cluster.settle();
    change(cluster, [promote("d")]);
    expect(refusals(cluster, "a")).to.deep.equal(["notCaughtUp"]);
    cluster.mend();
    cluster.round(2 * HEARTBEAT_TICKS);
    change(cluster, [promote("d")]);
    cluster.settle();
    expect(refusals(cluster, "a")).to.have.lengthOf(1);
    expect(ids(cluster.get("a").status.configuration.voters)).to.equal("a b d");
  });

  it("keeps a member's kind, and refuses what makes no sense (R22)", () => {
    const cluster = new Cluster(["a", "b", "w"], {
      configuration: configurationOf(["a", "b", "w"], { witnesses: ["w"] }),
    });
    const a = cluster.elect("a");
    change(cluster, [learner("b")]);
    change(cluster, [promote("b")]);
    change(cluster, [remove("x")]);
    change(cluster, [demote("x")]);
    change(cluster, []);
    change(cluster, [demote("a"), remove("b")]);
    expect(refusals(cluster, "a")).to.deep.equal([
      "alreadyMember",
      "notLearner",
      "notMember",
      "notVoter",
      "noChange",
      "noDataVoter",
    ]);
    change(cluster, [demote("w")]);
    cluster.settle();
    change(cluster, [promote("w")]);
    cluster.settle();
    expect(ids(a.status.configuration.witnesses)).to.equal("w");
    change(cluster, [demote("w")], { at: "b" });
    expect(cluster.get("b").refused).to.deep.equal([
      { command: "changeMembership", reason: "notLeader", leader: "a" },
    ]);
  });

  it("removing a dead voter lets the rest commit what it held up", () => {
    const cluster = new Cluster(["a", "b", "c", "d"]);
    const a = cluster.elect("a");
    cluster.crash("c");
    cluster.crash("d");
    change(cluster, [remove("d")]);
    cluster.settle();
    expect(a.status.commitIndex).to.equal(a.status.configurationIndex);
  });

  it("configuration entries pass under the cap on uncommitted bytes (R14)", () => {
    const cluster = new Cluster(["a", "b", "c"], { options: { uncommittedBytesMax: 10 } });
    const a = cluster.elect("a");
    cluster.propose("a", "x".repeat(100));
    change(cluster, [demote("c")], { joint: "always" });
    cluster.settle();
    expect(a.rejected).to.deep.equal([]);
    expect(a.status.configuration.outgoing).to.deep.equal([]);
    expect(ids(a.status.configuration.learners)).to.equal("c");
  });
});
