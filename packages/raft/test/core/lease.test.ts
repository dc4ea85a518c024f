import { expect } from "chai";
import { serverId } from "../../dist/core/index.js";
import { Cluster, ELECTION_TICKS, HEARTBEAT_TICKS, configurationOf } from "./support/cluster.js";
import { TICK_MICROS } from "./support/server.js";

const TIMEOUT_MICROS = ELECTION_TICKS * TICK_MICROS;
const LEASE = { electionTimeoutMicros: TIMEOUT_MICROS, marginPercent: 25 };

function withLease(): Cluster {
  const cluster = new Cluster(["a", "b", "c"], {
    configuration: { ...configurationOf(["a", "b", "c"]), lease: LEASE },
  });
  cluster.outwaitPromises();
  cluster.elect("a");
  cluster.round(2 * HEARTBEAT_TICKS);
  return cluster;
}

describe("leases (thesis §6.4.1, R19)", () => {
  it("a leader answers reads without asking anyone, until its lease ends", () => {
    const cluster = withLease();
    const a = cluster.get("a");
    cluster.network = [];
    a.step({ kind: "read", readId: 1 });
    expect(cluster.network).to.deep.equal([]);
    const [grant] = a.grants;
    expect(grant?.leaseEndMicros).to.equal(a.status.leaseEndMicros);
    if (grant === undefined) return;
    expect(a.raft.leaseHolds(grant, (grant.leaseEndMicros ?? 0) - 1)).to.equal(true);
    expect(
      a.raft.leaseHolds(grant, grant.leaseEndMicros ?? 0),
      "the reply is checked against the end",
    ).to.equal(false);
  });

  it("a read whose lease ended before it was answered is asked for again by majority, though there is a lease again", () => {
    const cluster = withLease();
    const a = cluster.get("a");
    a.step({ kind: "read", readId: 1 });
    a.grants.length = 0;
    expect(a.status.leaseEndMicros).to.be.above(a.nowMicros);
    a.step({ kind: "readByMajority", readId: 1 }, { kind: "read", readId: 2 });
    expect(a.grants.map(({ readId }) => readId)).to.deep.equal([2]);
    cluster.settle();
    expect(a.grants.map(({ readId, leaseEndMicros }) => [readId, leaseEndMicros]).at(-1)).to.deep.equal([
      1,
      null,
    ]);
    a.step({ kind: "readByMajority", readId: 3 });
    cluster.isolate("a");
    cluster.round(2 * ELECTION_TICKS);
    expect(a.rejected).to.deep.equal([{ kind: "read", readId: 3, reason: "leadershipLost", leader: null }]);
    a.step({ kind: "readByMajority", readId: 4 });
    expect(a.rejected.at(-1)).to.include({ readId: 4, reason: "noLeader" });
  });

  it("a granted read is not answered once leases are switched off, shortened, or the members change: others may know less of it (R8)", () => {
    const changes = [
      { kind: "changeLease", lease: null },
      { kind: "changeLease", lease: { ...LEASE, electionTimeoutMicros: 1 } },
      {
        kind: "changeMembership",
        change: { joint: "auto", members: [{ kind: "remove", id: serverId("c") }] },
      },
    ] as const;
    for (const change of changes) {
      const cluster = withLease();
      const a = cluster.get("a");
      a.step({ kind: "read", readId: 1 });
      const [grant] = a.grants;
      if (grant === undefined) throw new Error("the lease granted nothing");
      expect(a.raft.leaseHolds(grant, a.nowMicros)).to.equal(true);
      a.step(change);
      expect(a.raft.leaseHolds(grant, a.nowMicros), JSON.stringify(change)).to.equal(false);
      cluster.settle();
      const isMembers = change.kind === "changeMembership";
      expect(a.raft.leaseHolds(grant, a.nowMicros), `${JSON.stringify(change)} committed`).to.equal(
        isMembers,
      );
    }
  });

  it("a lease starts when the heartbeat was sent, not when it was answered, and ends a margin early", () => {
    const cluster = withLease();
    const a = cluster.get("a");
    while (cluster.network.length === 0) cluster.tick("a");
    const sentMicros = a.nowMicros;
    while (cluster.deliver(({ kind }) => kind === "heartbeatRequest"));
    a.nowMicros += 3 * TICK_MICROS;
    cluster.settle();
    expect(a.status.leaseEndMicros).to.equal(sentMicros + (TIMEOUT_MICROS * 75) / 100);
  });

  it("reads go back to a confirmation round once the lease has ended", () => {
    const cluster = withLease();
    const a = cluster.get("a");
    a.nowMicros += TIMEOUT_MICROS;
    a.step({ kind: "read", readId: 1 });
    expect(a.grants).to.deep.equal([]);
    cluster.settle();
    expect(a.grants.map(({ readId }) => readId)).to.deep.equal([1]);
  });

  it("a follower that heard the leader neither votes for another nor campaigns while its promise lasts", () => {
    const cluster = withLease();
    const b = cluster.get("b");
    const until = b.status.promisedUntilMicros;
    cluster.isolate("a");
    for (const name of ["b", "c"]) {
      // Ticks that come too fast: a broken timer must not break the promise.
      for (let count = 0; count < 5 * ELECTION_TICKS; count += 1) {
        const server = cluster.get(name);
        server.step({ kind: "tick" });
        server.nowMicros -= TICK_MICROS;
      }
      expect(cluster.get(name).status.role, name).to.equal("follower");
    }
    expect(b.status.promisedUntilMicros).to.equal(until);
    cluster.until("b or c leads", () => cluster.leader !== null && cluster.leader.id !== serverId("a"));
    expect(b.nowMicros).to.be.at.least(until);
  });

  it("ends at once when a transfer starts, and stays ended for the term", () => {
    const cluster = withLease();
    const a = cluster.get("a");
    a.step({ kind: "read", readId: 1 });
    const [grant] = a.grants;
    cluster.cut("a", "b");
    a.step({ kind: "transferLeadership", to: serverId("b") });
    expect(a.status.leaseEndMicros).to.equal(null);
    if (grant !== undefined) expect(a.raft.leaseHolds(grant, a.nowMicros)).to.equal(false);
    cluster.round(ELECTION_TICKS);
    expect(a.status.transfer).to.equal(null);
    expect(a.status.role).to.equal("leader");
    cluster.mend();
    cluster.round(2 * HEARTBEAT_TICKS);
    expect(a.status.leaseEndMicros, "still the same term").to.equal(null);
  });

  it("a restarted server refuses to vote for one election timeout: it forgot whom it heard (R8)", () => {
    const cluster = withLease();
    cluster.crash("b");
    const b = cluster.restart("b");
    b.nowMicros = 5_000_000;
    cluster.cut("a", "b");
    cluster.cut("a", "c");
    b.step({ kind: "tick" });
    expect(b.status.promisedUntilMicros).to.equal(b.nowMicros + TIMEOUT_MICROS);
    cluster.timeout("c");
    cluster.settle();
    expect(cluster.get("c").status.role).not.to.equal("leader");
    cluster.tick("b", ELECTION_TICKS - 1);
    expect(b.status.role).to.equal("follower");
  });

  it("only answers of servers that have the lease in their log count: a majority without it makes none", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    cluster.cut("a", "c");
    a.step({ kind: "changeLease", lease: LEASE });
    expect(a.status.leaseEndMicros, "the entry is not committed").to.equal(null);
    cluster.settle();
    cluster.round(2 * HEARTBEAT_TICKS);
    expect(a.status.leaseEndMicros, "b has it").to.be.a("number");
    a.step({ kind: "changeLease", lease: null });
    expect(a.status.leaseEndMicros).to.equal(null);
    cluster.settle();
    a.step({ kind: "changeLease", lease: { electionTimeoutMicros: 0, marginPercent: 10 } });
    expect(a.refused.map(({ reason }) => reason)).to.deep.equal(["badLease"]);
  });

  it("a promise of a server that has the lease in memory only does not count: it could forget it (R8)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    cluster.heldDisks.add("c");
    a.step({ kind: "changeLease", lease: LEASE });
    cluster.settle();
    expect(cluster.get("c").status.configuration.lease).to.deep.equal(LEASE);
    cluster.round(2 * HEARTBEAT_TICKS);
    const end = a.status.leaseEndMicros;
    expect(end).to.be.a("number");
    cluster.cut("b", "a");
    cluster.round(2 * HEARTBEAT_TICKS);
    expect(a.status.leaseEndMicros, "c answers, and does not prolong it").to.equal(end);
    cluster.heldDisks.clear();
    cluster.round(2 * HEARTBEAT_TICKS);
    expect(a.status.leaseEndMicros).to.be.above(end ?? Infinity);
  });

  it("a promise for a shorter timeout, on its way when the figures grow, is none for the longer one", () => {
    const cluster = withLease();
    const a = cluster.get("a");
    while (cluster.network.length === 0) cluster.tick("a");
    const sentMicros = a.nowMicros;
    // Both promise by the old figures; their answers come behind the acknowledgements of the new ones.
    while (cluster.deliver(({ kind }) => kind === "heartbeatRequest"));
    const answers = cluster.network;
    expect(answers.map(({ message }) => message.kind)).to.deep.equal([
      "heartbeatResponse",
      "heartbeatResponse",
    ]);
    cluster.network = [];
    a.step({ kind: "changeLease", lease: { ...LEASE, electionTimeoutMicros: 10 * TIMEOUT_MICROS } });
    cluster.settle();
    cluster.network = answers;
    cluster.settle();
    expect(a.status.commitIndex).to.equal(a.status.lastIndex);
    expect(a.status.leaseEndMicros).to.equal(null);
    cluster.settle();
    cluster.round(2 * HEARTBEAT_TICKS);
    expect(a.status.leaseEndMicros).to.be.above(sentMicros + 7 * TIMEOUT_MICROS);
    expect(cluster.get("b").status.promisedUntilMicros).to.be.above(a.status.leaseEndMicros ?? Infinity);
  });

  it("a follower that lacks the figures, or has another leader's entries behind them, is asked for no promise", () => {
    const cluster = withLease();
    const a = cluster.get("a");
    cluster.heldDisks.add("c");
    a.step({ kind: "changeLease", lease: { ...LEASE, electionTimeoutMicros: 2 * TIMEOUT_MICROS } });
    cluster.settle();
    cluster.network = [];
    while (cluster.network.length === 0) cluster.tick("a");
    const asked = cluster.network.flatMap(({ message }) =>
      message.kind === "heartbeatRequest" ? [[message.to, message.sentMicros > 0]] : [],
    );
    expect(asked).to.have.deep.members([
      [serverId("b"), true],
      [serverId("c"), false],
    ]);
  });

  it("a promise is kept when the lease's figures become smaller, or the lease ends", () => {
    const cluster = withLease();
    const b = cluster.get("b");
    const until = b.status.promisedUntilMicros;
    cluster.get("a").step({ kind: "changeLease", lease: { electionTimeoutMicros: 1000, marginPercent: 25 } });
    cluster.settle();
    cluster.get("a").step({ kind: "changeLease", lease: null });
    cluster.settle();
    expect(b.status.promisedUntilMicros).to.be.at.least(until);
  });

  it("a shell without a clock gets no lease, and its server promises nothing", () => {
    const cluster = withLease();
    const b = cluster.get("b");
    cluster.crash("b");
    const restarted = cluster.restart("b");
    restarted.raft.step({
      kind: "receive",
      message: {
        kind: "heartbeatRequest",
        from: serverId("a"),
        to: b.id,
        term: b.status.currentTerm,
        commitIndex: b.status.commitIndex,
        readRound: 0,
        sentMicros: 77,
        dataDurableIndex: b.status.commitIndex,
      },
    });
    expect(restarted.raft.ready()?.sendNow).to.deep.equal([
      { kind: "heartbeatResponse", from: "b", to: "a", term: 1, readRound: 0, sentMicros: 0 },
    ]);
  });
});
