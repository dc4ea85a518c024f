import { expect } from "chai";
import { PRIORITY_MAX, serverId } from "../../dist/core/index.js";
import { Cluster, ELECTION_TICKS, configurationOf } from "./support/cluster.js";
import { TICK_MICROS } from "./support/server.js";

const lost = (cluster: Cluster, name: string, peer = "a"): void =>
  cluster.get(name).step({ kind: "connectionLost", peer: serverId(peer) });

describe("fast failover (R4)", () => {
  it("followers that see the leader's connection drop elect another within a few ticks", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    cluster.crash("a");
    lost(cluster, "b");
    lost(cluster, "c");
    cluster.round(4);
    expect(cluster.leader).not.to.equal(null);
    expect(cluster.leader?.id).not.to.equal("a");
  });

  it("a wrong notice disturbs nobody: who still hears the leader refuses, and the leader's next word calls it off", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    lost(cluster, "b");
    cluster.tick("b", 4);
    expect(cluster.get("b").status.role).to.equal("preCandidate");
    cluster.round(3 * ELECTION_TICKS);
    expect(cluster.leader?.id).to.equal("a");
    expect(cluster.get("a").status.currentTerm).to.equal(1);
  });

  it("the leader's next message draws the timeout again", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    lost(cluster, "b");
    expect(cluster.get("b").status.electionTimeoutTicks).to.be.below(ELECTION_TICKS);
    cluster.round(2);
    expect(cluster.get("b").status.electionTimeoutTicks).to.be.at.least(ELECTION_TICKS);
    expect(cluster.get("b").status.role).to.equal("follower");
  });

  it("another peer's connection means nothing", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    const before = cluster.get("b").status;
    lost(cluster, "b", "c");
    expect(cluster.get("b").status).to.deep.equal(before);
  });

  it("is off while leases are on (R19)", () => {
    const lease = { electionTimeoutMicros: ELECTION_TICKS * TICK_MICROS, marginPercent: 25 };
    const cluster = new Cluster(["a", "b", "c"], {
      configuration: { ...configurationOf(["a", "b", "c"]), lease },
    });
    cluster.outwaitPromises();
    cluster.elect("a");
    cluster.crash("a");
    const before = cluster.get("b").status;
    lost(cluster, "b");
    lost(cluster, "c");
    expect(cluster.get("b").status, "the notice is not looked at").to.deep.equal(before);
    cluster.round(5);
    expect(cluster.get("b").status.role).to.equal("follower");
    expect(cluster.get("c").status.role).to.equal("follower");
  });

  it("is off when its ticks are 0", () => {
    const cluster = new Cluster(["a", "b", "c"], { options: { fastFailoverTicks: 0 } });
    cluster.elect("a");
    lost(cluster, "b");
    expect(cluster.get("b").status.electionTimeoutTicks).to.be.at.least(ELECTION_TICKS);
  });
});

describe("leader priority", () => {
  it("holds after a dropped connection too: the higher priority is the first to campaign", () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const cluster = new Cluster(["a", "b", "c"], {
        optionsOf: { b: { priority: PRIORITY_MAX - 1, seed }, c: { seed: seed + 200 } },
      });
      cluster.elect("a");
      cluster.crash("a");
      lost(cluster, "b");
      lost(cluster, "c");
      cluster.until("another", () => cluster.leader !== null);
      expect(cluster.leader?.id).to.equal("c");
    }
  });

  it("who has the higher priority campaigns first; who has a low one still does, later", () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const cluster = new Cluster(["a", "b", "c"], {
        options: { priority: PRIORITY_MAX - 1, seed },
        optionsOf: {
          b: { priority: PRIORITY_MAX, seed: seed + 100 },
          c: { priority: PRIORITY_MAX - 2, seed: seed + 200 },
        },
      });
      cluster.until("a leader", () => cluster.leader !== null);
      expect(cluster.leader?.id).to.equal("b");
      cluster.crash("b");
      cluster.until("another", () => cluster.leader !== null && cluster.leader.id !== serverId("b"));
      expect(cluster.leader?.id).to.equal("a");
    }
  });
});
