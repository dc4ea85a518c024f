import { expect } from "chai";
import { logIndex, serverId, term } from "../../dist/core/index.js";
import type { LogBase } from "../../dist/core/index.js";
import { Cluster, ELECTION_TICKS, HEARTBEAT_TICKS, configurationOf } from "./support/cluster.js";

const LETTERS = ["t", "u", "v", "w", "x", "y", "z"];

/** b missed everything since the no-op, and the leader has compacted it. */
function behind(): Cluster {
  const cluster = new Cluster(["a", "b", "c"]);
  cluster.elect("a");
  cluster.isolate("b");
  for (const letter of LETTERS) cluster.propose("a", letter);
  cluster.settle();
  cluster.get("a").compact(logIndex(6));
  cluster.mend();
  return cluster;
}

const progressOf = (cluster: Cluster, id: string) =>
  cluster.leader?.status.progress.find((known) => known.id === serverId(id));

describe("snapshots and compaction (thesis §5, R23)", () => {
  it("a compacted log keeps its base, and goes on", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    for (const letter of LETTERS) cluster.propose("a", letter);
    cluster.settle();
    a.compact(logIndex(5));
    expect(a.status.base).to.deep.include({ index: 5, term: 1 });
    expect(a.status.firstIndex).to.equal(6);
    expect(a.raft.termAt(logIndex(5))).to.equal(1);
    expect(a.raft.termAt(logIndex(4))).to.equal(null);
    a.compact(logIndex(8));
    expect(a.status.lastIndex).to.equal(8);
    cluster.propose("a", "more");
    cluster.settle();
    expect(cluster.get("c").applied.at(-1)).to.equal("more");
  });

  it("a follower behind the log's start gets a snapshot with index, term and configuration, then the rest of the log", () => {
    const cluster = behind();
    cluster.until("b has everything", () => cluster.get("b").status.lastIndex === 8);
    expect(cluster.get("b").applied).to.deep.equal(["", ...LETTERS]);
    expect(cluster.get("b").status.base).to.deep.equal(cluster.get("a").status.base);
    cluster.round(HEARTBEAT_TICKS);
    expect(progressOf(cluster, "b")?.state).to.equal("replicate");
  });

  it("nothing is appended while a snapshot is under way; an ack that reaches the log's first index ends that", () => {
    const cluster = behind();
    cluster.heldSnapshots.add("b");
    cluster.until("a snapshot is under way", () => progressOf(cluster, "b")?.state === "snapshot");
    cluster.propose("a", "more");
    cluster.round(2 * ELECTION_TICKS);
    expect(progressOf(cluster, "b")).to.deep.include({
      state: "snapshot",
      snapshotIndex: 6,
      inflightMessages: 0,
    });
    cluster.get("b").finishSnapshot();
    cluster.settle();
    expect(progressOf(cluster, "b")).to.deep.include({ state: "replicate" });
    expect(cluster.get("b").applied.at(-1)).to.equal("more");
  });

  it("who was sent one catches up until it has what was committed meanwhile, or the snapshot is given up", () => {
    const cluster = behind();
    cluster.heldSnapshots.add("b");
    expect(progressOf(cluster, "b")?.catchingUp).to.equal(false);
    cluster.until("a snapshot is under way", () => progressOf(cluster, "b")?.state === "snapshot");
    cluster.propose("a", "more");
    cluster.settle();
    const b = cluster.get("b");
    b.finishSnapshot();
    b.persist(b.pending.length);
    while (cluster.deliver(({ to }) => to === serverId("a")));
    expect(progressOf(cluster, "b")).to.deep.include({ matchIndex: 6, catchingUp: true });
    cluster.settle();
    expect(progressOf(cluster, "b")).to.deep.include({ matchIndex: 9, catchingUp: false });

    const other = behind();
    other.heldSnapshots.add("b");
    other.until("a snapshot is under way", () => progressOf(other, "b")?.state === "snapshot");
    other.get("a").step({ kind: "snapshotReported", peer: serverId("b"), ok: false });
    expect(progressOf(other, "b")).to.deep.include({ state: "probe", catchingUp: false });
  });

  it("is acknowledged only when its base is on disk (R1)", () => {
    const cluster = behind();
    cluster.heldDisks.add("b");
    cluster.until("b installed it", () => cluster.get("b").status.base.index === 6);
    cluster.round(HEARTBEAT_TICKS);
    expect(progressOf(cluster, "b")?.matchIndex).to.be.below(6);
    cluster.crash("b");
    expect(cluster.restart("b").status.base.index, "a crash forgets it").to.equal(0);
  });

  it("one that was lost is sent again after the next heartbeat's answer", () => {
    const cluster = behind();
    cluster.heldSnapshots.add("b");
    for (let lost = 0; lost < 3; lost += 1) {
      for (let ticks = 0; ticks < 30 && progressOf(cluster, "b")?.state !== "snapshot"; ticks += 1) {
        cluster.tick("a");
        while (cluster.deliver(({ kind }) => kind !== "installSnapshot"));
      }
      expect(cluster.drop(({ kind }) => kind === "installSnapshot")).to.equal(1);
    }
    cluster.heldSnapshots.clear();
    cluster.until("b has everything", () => cluster.get("b").status.lastIndex === 8);
  });

  it("a follower whose window is full of what was lost and is compacted by now gets one too (R12)", () => {
    const cluster = new Cluster(["a", "b", "c"], { options: { inflightMessagesMax: 2 } });
    cluster.elect("a");
    cluster.cut("a", "b");
    for (const letter of LETTERS) cluster.propose("a", letter);
    cluster.settle();
    expect(progressOf(cluster, "b")).to.deep.include({
      state: "replicate",
      inflightFull: true,
      nextIndex: 4,
    });
    cluster.get("a").compact(logIndex(6));
    cluster.mend();
    cluster.round(3 * HEARTBEAT_TICKS);
    expect(cluster.get("b").applied).to.deep.equal(["", ...LETTERS]);
  });

  it("the log may be compacted further while one is under way: its end is still seen, and another follows", () => {
    const cluster = behind();
    cluster.heldSnapshots.add("b");
    cluster.until("a snapshot is under way", () => progressOf(cluster, "b")?.state === "snapshot");
    cluster.get("a").compact(logIndex(8));
    cluster.heldSnapshots.clear();
    cluster.get("b").finishSnapshot();
    cluster.round(3 * HEARTBEAT_TICKS);
    expect(cluster.get("b").applied).to.deep.equal(["", ...LETTERS]);
    expect(progressOf(cluster, "b")?.state).to.equal("replicate");
  });

  it("one that conflicts with the log replaces it; one that matches moves the commit index alone", () => {
    const cluster = new Cluster(["a", "b", "c"], { logs: { b: [1, 1, 2, 2, 2] }, terms: { b: 3 } });
    const b = cluster.get("b");
    const message = (index: number, baseTerm: number) => ({
      kind: "installSnapshot" as const,
      from: serverId("a"),
      to: b.id,
      term: term(5),
      base: { index: logIndex(index), term: term(baseTerm), configuration: configurationOf(["a", "b", "c"]) },
      withData: true,
    });
    b.step({ kind: "receive", message: message(2, 1) });
    expect(b.status).to.deep.include({ commitIndex: 2, lastIndex: 5, incomingSnapshot: null });
    const conflicting = message(4, 4);
    b.receive({
      message: conflicting,
      bodies: [1, 1, 4, 4].map((value, at) => ({
        index: logIndex(at + 1),
        term: term(value),
        kind: "command",
        text: `${value}`,
        bytes: 40,
        configuration: null,
      })),
    });
    expect(b.status.incomingSnapshot).to.deep.equal({ from: "a", index: 4 });
    expect(b.status.lastIndex, "not before its data is here").to.equal(5);
    b.finishSnapshot();
    expect(b.status).to.deep.include({ commitIndex: 4, appliedIndex: 4, lastIndex: 4, firstIndex: 5 });
  });

  it("chunks of another leader or term are refused, and data that comes too late is discarded", () => {
    const cluster = behind();
    cluster.heldSnapshots.add("b");
    const b = cluster.get("b");
    cluster.until("b awaits it", () => b.status.incomingSnapshot !== null);
    const { currentTerm } = b.status;
    expect(b.raft.expectsSnapshot(serverId("a"), currentTerm)).to.equal(true);
    expect(b.raft.expectsSnapshot(serverId("c"), currentTerm)).to.equal(false);
    expect(b.raft.expectsSnapshot(serverId("a"), term(currentTerm - 1))).to.equal(false);
    b.step({
      kind: "snapshotReceived",
      from: serverId("c"),
      term: currentTerm,
      base: cluster.get("a").status.base,
    });
    expect(b.status.base.index).to.equal(0);
    cluster.isolate("a");
    cluster.until("another leader", () => cluster.leader?.id === serverId("c"));
    expect(b.status.incomingSnapshot).to.equal(null);
    expect(b.raft.expectsSnapshot(serverId("a"), currentTerm)).to.equal(false);
    const base: LogBase = cluster.get("a").status.base;
    b.step({ kind: "snapshotReceived", from: serverId("a"), term: currentTerm, base });
    expect(b.status.base.index).to.equal(0);
  });

  it("a follower that is not heard gets none: its data would go nowhere", () => {
    const cluster = behind();
    cluster.isolate("b");
    cluster.get("a").step({ kind: "unreachable", peer: serverId("b") });
    cluster.round(2 * ELECTION_TICKS);
    expect(progressOf(cluster, "b")?.state).to.equal("probe");
  });

  it("carries the configuration of its index: one that only a snapshot brings is in force (R21)", () => {
    const cluster = new Cluster(["a", "b"], {
      servers: ["a", "b", "d"],
      configuration: configurationOf(["a", "b"]),
    });
    const a = cluster.elect("a");
    a.step({
      kind: "changeMembership",
      change: { members: [{ kind: "addLearner", id: serverId("d"), witness: false }], joint: "auto" },
    });
    cluster.cut("a", "d");
    cluster.settle();
    cluster.propose("a", "x");
    cluster.settle();
    a.compact(a.status.commitIndex);
    cluster.mend();
    cluster.until("d has it", () => cluster.get("d").status.base.index === a.status.base.index);
    expect(cluster.get("d").status.configuration.learners).to.deep.equal(["d"]);
  });

  it("an application that was under way when a snapshot took its place is forgotten", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    const b = cluster.get("b");
    b.holdApply = true;
    cluster.propose("a", "x");
    cluster.settle();
    cluster.isolate("b");
    for (const letter of LETTERS) cluster.propose("a", letter);
    cluster.settle();
    cluster.get("a").compact(logIndex(6));
    cluster.mend();
    cluster.until("b installed it", () => b.status.base.index === 6);
    b.step({ kind: "applied", index: logIndex(2) });
    expect(b.status.appliedIndex).to.equal(6);
  });
});
