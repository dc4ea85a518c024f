import { expect } from "chai";
import { serverId } from "../../dist/core/index.js";
import { Cluster, ELECTION_TICKS, HEARTBEAT_TICKS } from "./support/cluster.js";

const grants = (cluster: Cluster, name: string): number[][] =>
  cluster.get(name).grants.map(({ readId, index }) => [readId, index]);

describe("linearizable reads (thesis §6.4, R18)", () => {
  it("one confirmation round serves all reads that wait", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    a.step({ kind: "read", readId: 1 }, { kind: "read", readId: 2 }, { kind: "read", readId: 3 });
    expect(cluster.network.filter(({ message }) => message.kind === "heartbeatRequest").length).to.equal(2);
    cluster.settle();
    expect(grants(cluster, "a")).to.deep.equal([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
  });

  it("a read that comes while a round is under way waits for the next: its round is sent after it came", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    a.step({ kind: "read", readId: 1 });
    a.step({ kind: "read", readId: 2 });
    cluster.deliver((message) => message.to === "b");
    cluster.deliver((message) => message.from === "b");
    expect(grants(cluster, "a")).to.deep.equal([[1, 1]]);
    cluster.settle();
    expect(grants(cluster, "a")).to.deep.equal([
      [1, 1],
      [2, 1],
    ]);
  });

  it("waits until an entry of the leader's own term is committed", () => {
    const cluster = new Cluster(["a", "b", "c"], { logs: { a: [1, 1], b: [1, 1], c: [1, 1] } });
    cluster.timeout("a");
    while (cluster.get("a").status.role !== "leader") {
      cluster.deliver();
      for (const server of cluster.servers.values()) server.persist(1);
    }
    cluster.network = [];
    cluster.get("a").step({ kind: "read", readId: 1 });
    expect(cluster.network.filter(({ message }) => message.kind === "heartbeatRequest")).to.deep.equal([]);
    cluster.round(2 * HEARTBEAT_TICKS);
    expect(grants(cluster, "a")).to.deep.equal([[1, 3]]);
  });

  it("a leader that was cut off never confirms, and says so when it steps down", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    cluster.isolate("a");
    a.step({ kind: "read", readId: 1 });
    cluster.round(2 * ELECTION_TICKS);
    expect(grants(cluster, "a")).to.deep.equal([]);
    expect(a.rejected).to.deep.equal([{ kind: "read", readId: 1, reason: "leadershipLost", leader: null }]);
  });

  it("an answer to an older round confirms nothing newer", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    cluster.tick("a", HEARTBEAT_TICKS);
    const late = cluster.network.filter(({ message }) => message.kind === "heartbeatRequest");
    cluster.network = [];
    a.step({ kind: "read", readId: 1 });
    cluster.network = late;
    cluster.settle();
    expect(grants(cluster, "a")).to.deep.equal([]);
    cluster.round(HEARTBEAT_TICKS);
    expect(grants(cluster, "a")).to.deep.equal([[1, 1]]);
  });

  it("a follower asks the leader for the index, and asks again when the answer is lost", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    cluster.propose("a", "x");
    cluster.settle();
    cluster.get("b").step({ kind: "read", readId: 7 });
    expect(cluster.drop((message) => message.kind === "readIndexRequest")).to.equal(1);
    cluster.round(2 * HEARTBEAT_TICKS);
    expect(grants(cluster, "b")).to.deep.equal([[7, 2]]);
  });

  it("an answer to the same round of this server's last life is ignored", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    cluster.get("b").step({ kind: "read", readId: 7 });
    cluster.heldDisks.add("b");
    while (cluster.deliver((message) => message.kind !== "readIndexResponse"));
    const stale = cluster.network.filter(({ message }) => message.kind === "readIndexResponse");
    expect(stale.length).to.equal(1);
    cluster.network = [];
    cluster.crash("b");
    cluster.restart("b");
    cluster.heldDisks.clear();
    cluster.round(2 * HEARTBEAT_TICKS);
    cluster.get("b").step({ kind: "read", readId: 8 });
    cluster.network = [...stale];
    cluster.deliver();
    expect(grants(cluster, "b")).to.deep.equal([]);
    cluster.round(2 * HEARTBEAT_TICKS);
    expect(grants(cluster, "b")).to.deep.equal([[8, 1]]);
  });

  it("reads of a server without a leader are refused at once", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.get("b").step({ kind: "read", readId: 7 });
    expect(cluster.get("b").rejected).to.deep.equal([
      { kind: "read", readId: 7, reason: "noLeader", leader: null },
    ]);
  });

  it("reads under way to a leader that is lost are refused, not forgotten", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    cluster.isolate("a");
    cluster.get("b").step({ kind: "read", readId: 7 });
    cluster.until("a new leader", () => cluster.leader !== null && cluster.leader.id !== serverId("a"));
    expect(cluster.get("b").rejected.map(({ reason }) => reason)).to.deep.equal(["leadershipLost"]);
  });
});
