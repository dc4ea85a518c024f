import { expect } from "chai";
import { logIndex, serverId } from "../../dist/core/index.js";
import type { MemberChange } from "../../dist/core/index.js";
import { Cluster, ELECTION_TICKS, HEARTBEAT_TICKS, configurationOf } from "./support/cluster.js";
import type { ClusterOptions } from "./support/cluster.js";

const witnessed = (settings: ClusterOptions = {}): Cluster =>
  new Cluster(["a", "b", "w"], {
    configuration: configurationOf(["a", "b", "w"], { witnesses: ["w"] }),
    ...settings,
  });

function change(cluster: Cluster, members: readonly MemberChange[]): void {
  cluster.get("a").step({ kind: "changeMembership", change: { members, joint: "auto" } });
}

/** One message, and what every disk has to do. */
function stepOnce(cluster: Cluster): void {
  cluster.deliver();
  for (const server of cluster.servers.values()) server.persist(server.pending.length);
}

describe("witnesses (R24)", () => {
  it("a witness votes and stores the log: either data member can be lost", () => {
    const cluster = witnessed();
    cluster.elect("a");
    cluster.crash("b");
    cluster.propose("a", "x");
    cluster.settle();
    expect(cluster.get("a").applied.at(-1)).to.equal("x");
    expect(cluster.get("w").status.lastIndex).to.equal(2);
  });

  it("one that alone has the newest entry wins, brings a data member up to date and hands over", () => {
    const cluster = witnessed();
    cluster.elect("a");
    cluster.isolate("b");
    cluster.propose("a", "x");
    cluster.settle();
    cluster.crash("a");
    cluster.mend();
    cluster.until("b leads", () => cluster.leader?.id === cluster.get("b").id, 800);
    expect(cluster.get("b").applied).to.include("x");
  });

  it("lets the data members try first, and does not hurry when the leader's connection drops", () => {
    const cluster = witnessed();
    cluster.elect("a");
    const { status } = cluster.get("w");
    cluster.get("w").step({ kind: "connectionLost", peer: serverId("a") });
    expect(cluster.get("w").status.electionTimeoutTicks).to.equal(status.electionTimeoutTicks);
    expect(status.electionTimeoutTicks).to.be.at.least(2 * ELECTION_TICKS);
    expect(cluster.get("b").status.electionTimeoutTicks).to.be.below(2 * ELECTION_TICKS);
  });

  it("accepts no proposals while it leads", () => {
    const cluster = witnessed({
      onReady: ({ id }, { softState }) => {
        // b is kept from catching up, or w would hand over at once.
        if (id === serverId("w") && softState?.role === "leader") cluster.heldDisks.add("b");
      },
    });
    cluster.elect("a");
    cluster.isolate("b");
    cluster.propose("a", "x");
    cluster.settle();
    cluster.crash("a");
    cluster.mend();
    const w = cluster.get("w");
    cluster.until("w leads", () => w.status.role === "leader", 800);
    cluster.propose("w", "y");
    expect(w.rejected.map(({ reason }) => reason)).to.deep.equal(["witness"]);
    cluster.heldDisks.clear();
    cluster.settle();
    expect(cluster.leader?.id).to.equal("b");
  });

  it("compacts only up to what every data member has on disk, as the leader tells it", () => {
    const cluster = witnessed();
    const a = cluster.elect("a");
    cluster.isolate("b");
    for (const letter of ["x", "y", "z"]) cluster.propose("a", letter);
    cluster.round(2 * HEARTBEAT_TICKS);
    expect(a.status.commitIndex).to.equal(4);
    expect(cluster.get("w").status.witnessCompactable, "b lacks the rest").to.equal(1);
    cluster.mend();
    cluster.round(3 * HEARTBEAT_TICKS);
    expect(cluster.get("w").status.witnessCompactable).to.equal(4);
    expect(a.status.witnessCompactable, "a data member goes by its checkpoint").to.equal(0);
  });

  it("a learner that lacks what witnesses compacted before it came gets no vote: they could never bring it up to date", () => {
    const cluster = new Cluster(["a", "v", "w"], {
      servers: ["a", "d", "v", "w"],
      configuration: configurationOf(["a", "v", "w"], { witnesses: ["v", "w"] }),
      // One entry a message, and one message at a time: d gets there in small steps.
      options: { messageBytesMax: 1, inflightMessagesMax: 1 },
    });
    const a = cluster.elect("a");
    for (const letter of ["x", "y", "z"]) cluster.propose("a", letter);
    cluster.round(2 * HEARTBEAT_TICKS);
    for (const name of ["v", "w"]) {
      const witness = cluster.get(name);
      expect(witness.status.witnessCompactable).to.equal(4);
      witness.compact(logIndex(4));
    }
    const seen = { matchIndex: 0 };
    const learns = (): boolean => {
      const known = a.status.progress.find(({ id }) => id === serverId("d"));
      seen.matchIndex = known?.matchIndex ?? 0;
      return known?.state === "replicate";
    };
    change(cluster, [{ kind: "addLearner", id: serverId("d"), witness: false }]);
    while (!learns()) {
      cluster.tick("a");
      for (let step = 0; step < 20 && !learns(); step += 1) stepOnce(cluster);
    }
    expect(seen.matchIndex).to.be.below(4);
    change(cluster, [{ kind: "promote", id: serverId("d") }]);
    expect(a.refused.map(({ reason }) => reason)).to.deep.equal(["notCaughtUp"]);

    // With that it may lack something again: what is behind it no witness has compacted without it.
    cluster.round(2 * HEARTBEAT_TICKS);
    cluster.heldDisks.add("d");
    cluster.propose("a", "last");
    cluster.settle();
    change(cluster, [
      { kind: "promote", id: serverId("d") },
      { kind: "remove", id: serverId("a") },
    ]);
    cluster.settle();
    expect(a.status.role, "removed, with the votes of v and w").to.equal("follower");
    cluster.crash("a");
    cluster.heldDisks.clear();
    cluster.until("d leads", () => cluster.leader?.id === serverId("d"), 800);
    expect(cluster.get("d").applied).to.include("last");
  });

  it("one that got the base alone, and nothing that a data member lacks, leaves leading to a witness that has it", () => {
    const names = ["a", "b", "c", "v", "w"];
    const cluster = new Cluster(names, { configuration: configurationOf(names, { witnesses: ["v", "w"] }) });
    const a = cluster.elect("a");
    cluster.isolate("b");
    cluster.isolate("w");
    for (const letter of ["x", "y", "z"]) cluster.propose("a", letter);
    cluster.round(2 * HEARTBEAT_TICKS);
    for (const name of ["a", "c"]) cluster.get(name).compact(a.status.appliedIndex);
    cluster.mend();
    cluster.isolate("b");
    cluster.until("w has the base", () => cluster.get("w").status.base.index === 4);
    cluster.crash("a");
    cluster.crash("c");
    cluster.mend();
    for (const name of ["b", "v"]) cluster.tick(name, ELECTION_TICKS);
    cluster.timeout("w");
    cluster.settle();
    expect(cluster.leader?.id).to.equal("w");
    cluster.until("b leads", () => cluster.leader?.id === serverId("b"), 800);
    expect(cluster.get("b").applied).to.include("z");
  });

  it("its snapshot is the base alone", () => {
    const cluster = witnessed();
    const a = cluster.elect("a");
    cluster.isolate("w");
    for (const letter of ["x", "y", "z"]) cluster.propose("a", letter);
    cluster.settle();
    a.compact(logIndex(3));
    cluster.mend();
    let withData: boolean | null = null;
    for (let ticks = 0; ticks < 60 && cluster.get("w").status.base.index === 0; ticks += 1) {
      for (const { message } of cluster.network)
        if (message.kind === "installSnapshot") ({ withData } = message);
      cluster.tick("a");
      while (cluster.deliver(({ kind }) => kind !== "installSnapshot"));
      for (const { message } of cluster.network)
        if (message.kind === "installSnapshot") ({ withData } = message);
      cluster.deliver();
      for (const server of cluster.servers.values()) server.persist(server.pending.length);
    }
    expect(withData).to.equal(false);
    expect(cluster.get("w").status.base.index).to.equal(3);
  });
});
