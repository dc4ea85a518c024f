import { expect } from "chai";
import { logIndex, serverId, term } from "../../dist/core/index.js";
import type { AppendRequest, Message } from "../../dist/core/index.js";
import { Cluster, HEARTBEAT_TICKS } from "./support/cluster.js";

const entriesOf = (message: Message): number =>
  message.kind === "appendRequest" ? message.entries.to - message.entries.from : 0;
const appendsTo = (cluster: Cluster, to: string): AppendRequest[] =>
  cluster.network.flatMap(({ message }) =>
    message.kind === "appendRequest" && message.to === to ? [message] : [],
  );

describe("replication (thesis §3.5, §10.2.1)", () => {
  it("a burst of proposals is one write and one append to each follower", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    cluster.propose("a", "x", "y", "z");
    expect(a.pending.length).to.equal(1);
    expect(appendsTo(cluster, "b").map(entriesOf)).to.deep.equal([3]);
    expect(appendsTo(cluster, "c").map(entriesOf)).to.deep.equal([3]);
    cluster.settle();
    for (const server of cluster.servers.values()) expect(server.applied).to.deep.equal(["", "x", "y", "z"]);
  });

  it("appends leave before the leader's own disk has them, and commit without it (§10.2.1)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    cluster.heldDisks.add("a");
    cluster.propose("a", "x");
    cluster.settle();
    expect(a.status.durableIndex).to.equal(1);
    expect(a.status.commitIndex).to.equal(2);
    expect(a.applied).to.deep.equal(["", "x"]);
  });

  it("the leader's own copy counts only after its fsync: one follower and a slow leader are no majority (R1)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    cluster.heldDisks.add("a");
    cluster.heldDisks.add("c");
    cluster.propose("a", "x");
    cluster.settle();
    expect(a.status.commitIndex).to.equal(1);
    cluster.heldDisks.delete("a");
    cluster.settle();
    expect(a.status.commitIndex).to.equal(2);
  });

  it("a follower acknowledges only what is on its disk (R1)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    cluster.propose("a", "x");
    cluster.deliver((message) => message.to === "b");
    expect(cluster.network.some(({ message }) => message.kind === "appendResponse")).to.equal(false);
    cluster.get("b").persist(1);
    expect(cluster.network.some(({ message }) => message.kind === "appendResponse")).to.equal(true);
  });

  it("an entry of an earlier term on a majority is not committed; one of the leader's own term commits both (R9, §3.6.2)", () => {
    // A message takes one entry, so b acknowledges entry 2 of term 2 before it has the no-op of term 3.
    const cluster = new Cluster(["a", "b", "c"], {
      logs: { a: [1, 2], b: [1] },
      terms: { b: 2, c: 2 },
      options: { messageBytesMax: 40 },
    });
    cluster.isolate("c");
    cluster.timeout("a");
    const a = cluster.get("a");
    const matchOfB = (): number | undefined =>
      a.status.progress.find(({ id }) => id === serverId("b"))?.matchIndex;
    while (matchOfB() !== 2) {
      cluster.get("b").persist(9);
      a.persist(9);
      expect(cluster.deliver()).to.equal(true);
    }
    expect(a.status.durableIndex).to.equal(3);
    expect(a.status.commitIndex).to.equal(0);
    cluster.settle();
    expect(a.status.commitIndex).to.equal(3);
  });

  it("conflicting entries are found a term at a time and replaced (§3.5, R13)", () => {
    const cluster = new Cluster(["a", "b", "c"], {
      logs: { a: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6], b: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 3] },
      terms: { a: 7, b: 7, c: 7 },
    });
    cluster.timeout("a");
    let probes = 0;
    for (;;) {
      probes += cluster.network.filter(
        ({ message }) => message.to === "b" && message.kind === "appendRequest",
      ).length;
      for (const server of cluster.servers.values()) server.persist(server.pending.length);
      if (!cluster.deliver() && [...cluster.servers.values()].every((server) => server.pending.length === 0))
        break;
    }
    cluster.settle();
    expect(cluster.get("b").status.lastIndex).to.equal(11);
    expect(cluster.get("b").applied.join(" ")).to.equal("1 1 1 4 4 5 5 6 6 6 ");
    expect(probes).to.be.below(12);
  });

  it("a follower keeps what agrees: an append of the past truncates nothing (R10)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    cluster.propose("a", "x");
    const old = appendsTo(cluster, "b")[0];
    cluster.settle();
    cluster.propose("a", "y");
    cluster.settle();
    expect(old?.entries.to).to.equal(3);
    if (old !== undefined) cluster.get("b").step({ kind: "receive", message: old });
    expect(cluster.get("b").status.lastIndex).to.equal(3);
  });

  it("an append wholly below the commit index is answered with the commit index (R10)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    cluster.propose("a", "x");
    const old = appendsTo(cluster, "b")[0];
    cluster.settle();
    cluster.propose("a", "y");
    cluster.settle();
    if (old !== undefined)
      cluster.get("b").step({ kind: "receive", message: { ...old, prevLogTerm: term(0) } });
    expect(cluster.network.at(-1)?.message).to.deep.include({
      kind: "appendResponse",
      success: true,
      matchIndex: 3,
    });
  });

  it("an append commits no more than it vouches for: what is behind it may be another leader's (figure 3.1, step 5)", () => {
    const cluster = new Cluster(["a", "b", "c"], { logs: { b: [1, 1, 2] }, terms: { b: 3 } });
    cluster.get("b").step({
      kind: "receive",
      message: {
        kind: "appendRequest",
        from: serverId("a"),
        to: serverId("b"),
        term: term(3),
        prevLogIndex: logIndex(2),
        prevLogTerm: term(1),
        entries: { from: logIndex(3), to: logIndex(3), runs: [], sizes: [], configurations: [] },
        commitIndex: logIndex(3),
      },
    });
    expect(cluster.get("b").status.commitIndex).to.equal(2);
    expect(cluster.get("b").status.lastIndex, "nothing conflicts, so nothing goes (R10)").to.equal(3);
  });

  it("a heartbeat tells a follower no more than min(match, commit) (R10)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    cluster.cut("a", "b");
    cluster.propose("a", "x");
    cluster.settle();
    expect(cluster.get("a").status.commitIndex).to.equal(2);
    cluster.tick("a", HEARTBEAT_TICKS);
    const commits = cluster.network.flatMap(({ message }) =>
      message.kind === "heartbeatRequest" ? [[message.to, message.commitIndex]] : [],
    );
    expect(commits).to.deep.equal([
      ["b", 1],
      ["c", 2],
    ]);
  });

  it("appends are pipelined up to the window; what is lost is found out after a heartbeat's answer (R12)", () => {
    const cluster = new Cluster(["a", "b", "c"], { options: { inflightMessagesMax: 2 } });
    cluster.elect("a");
    cluster.cut("a", "b");
    for (const text of ["u", "v", "w", "x"]) cluster.propose("a", text);
    expect(appendsTo(cluster, "b").length).to.equal(2);
    cluster.settle();
    expect(cluster.get("a").status.progress.find(({ id }) => id === "b")?.inflightFull).to.equal(true);
    cluster.mend();
    cluster.round(2 * HEARTBEAT_TICKS);
    expect(cluster.get("b").applied.join("")).to.equal("uvwx");
  });

  it("the window in bytes stops a follower that is slow", () => {
    const cluster = new Cluster(["a", "b", "c"], { options: { messageBytesMax: 40, inflightBytesMax: 100 } });
    cluster.elect("a");
    cluster.heldDisks.add("b");
    for (let count = 0; count < 20; count += 1) cluster.propose("a", "01234567");
    cluster.settle();
    const b = cluster.get("a").status.progress.find(({ id }) => id === "b");
    expect(b?.inflightBytes).to.be.within(80, 120);
    cluster.heldDisks.delete("b");
    cluster.round(HEARTBEAT_TICKS);
    expect(cluster.get("b").status.lastIndex).to.equal(21);
  });

  it("the ack of a suffix that was overwritten is not taken for its replacement's (R15)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const b = cluster.get("b");
    const append = (from: string, at: number, entryTerm: number): void => {
      const entry = {
        index: logIndex(at),
        term: term(entryTerm),
        kind: "command" as const,
        text: `${entryTerm}`,
        bytes: 40,
        configuration: null,
      };
      const prevLogTerm = term(0);
      b.receive({
        bodies: [entry],
        message: {
          kind: "appendRequest",
          from: serverId(from),
          to: b.id,
          term: term(entryTerm),
          prevLogIndex: logIndex(at - 1),
          prevLogTerm,
          entries: {
            from: logIndex(at),
            to: logIndex(at + 1),
            runs: [{ term: term(entryTerm), from: logIndex(at), to: logIndex(at + 1) }],
            sizes: [40],
            configurations: [],
          },
          commitIndex: logIndex(0),
        },
      });
    };
    append("a", 1, 1);
    append("c", 1, 2);
    expect(b.pending.length).to.equal(2);
    b.persist(1);
    expect(b.status.durableIndex, "entry 1 of term 2 is not on disk yet").to.equal(0);
    b.persist(1);
    expect(b.status.durableIndex).to.equal(1);
  });

  it("the cap on uncommitted bytes refuses, but never when nothing is uncommitted (R14)", () => {
    const cluster = new Cluster(["a", "b", "c"], { options: { uncommittedBytesMax: 100 } });
    const a = cluster.elect("a");
    cluster.propose("a", "x".repeat(500));
    cluster.propose("a", "y");
    expect(a.rejected).to.deep.equal([
      { kind: "proposal", proposal: { text: "y", bytes: 33 }, reason: "overloaded", leader: "a" },
    ]);
    cluster.settle();
    cluster.propose("a", "z");
    cluster.settle();
    expect(a.applied.at(-1)).to.equal("z");
    expect(a.status.uncommittedBytes).to.equal(0);
  });

  it("a follower refuses proposals and names the leader; a server without a leader says so", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.propose("b", "x");
    cluster.elect("a");
    cluster.propose("b", "y");
    expect(cluster.get("b").rejected.map(({ reason, leader }) => [reason, leader])).to.deep.equal([
      ["noLeader", null],
      ["notLeader", "a"],
    ]);
  });
});
