import { expect } from "chai";
import { logIndex, serverId, term } from "../../dist/core/index.js";
import type { Message } from "../../dist/core/index.js";
import { Cluster, ELECTION_TICKS, HEARTBEAT_TICKS, configurationOf } from "./support/cluster.js";

const kinds = (cluster: Cluster): string[] => cluster.network.map(({ message }) => message.kind);
const of = (kind: Message["kind"]) => (message: Message) => message.kind === kind;

/** Runs everything up to the moment when vote requests are under way. */
function candidacy(cluster: Cluster, name: string): void {
  cluster.timeout(name);
  while (cluster.deliver((message) => message.kind.startsWith("preVote")));
  cluster.get(name).persist(1);
}

describe("elections (thesis §3.4, §9.6)", () => {
  it("three servers elect one leader, whose empty entry is committed (§6.4)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    for (const { status } of cluster.servers.values()) {
      expect(status.leader).to.equal("a");
      expect(status.currentTerm).to.equal(1);
      expect(status.commitIndex).to.equal(1);
    }
  });

  it("a server alone is its own majority, once its vote is on disk (R1)", () => {
    const cluster = new Cluster(["a"]);
    cluster.timeout("a");
    expect(cluster.get("a").status.role).to.equal("candidate");
    cluster.settle();
    expect(cluster.get("a").status.role).to.equal("leader");
    expect(cluster.get("a").status.commitIndex).to.equal(1);
  });

  it("vote requests leave only when the candidate's term and vote are on disk (R1)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.timeout("a");
    while (cluster.deliver());
    expect(cluster.get("a").status.role).to.equal("candidate");
    expect(kinds(cluster)).to.deep.equal([]);
    cluster.get("a").persist(1);
    expect(kinds(cluster)).to.deep.equal(["voteRequest", "voteRequest"]);
  });

  it("a vote leaves only when it is on disk; a crash before that forgets it and harms nobody (R1)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    candidacy(cluster, "a");
    cluster.deliver((message) => message.to === "b");
    expect(cluster.get("b").status.votedFor).to.equal("a");
    expect(kinds(cluster)).to.deep.equal(["voteRequest"]);
    cluster.crash("b");
    cluster.restart("b");
    expect(cluster.get("b").status.votedFor).to.equal(null);
    expect(cluster.get("b").status.currentTerm).to.equal(0);
  });

  it("a vote that left survives a crash: no second candidate gets it in that term (§3.8, R5)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    candidacy(cluster, "a");
    cluster.deliver((message) => message.to === "b");
    cluster.get("b").persist(1);
    cluster.network = [];
    cluster.crash("b");
    const b = cluster.restart("b");
    expect(b.status.votedFor).to.equal("a");
    b.step({
      kind: "receive",
      message: {
        kind: "voteRequest",
        from: serverId("c"),
        to: b.id,
        term: term(1),
        lastLogIndex: logIndex(9),
        lastLogTerm: term(1),
        transfer: false,
      },
    });
    expect(cluster.network.map(({ message }) => message)).to.deep.equal([
      { kind: "voteResponse", from: "b", to: "c", term: 1, granted: false },
    ]);
  });

  it("a pre-vote changes no term, no vote and no timer of those who are asked (R2)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.tick("b", 4);
    const before = cluster.get("b").status;
    cluster.timeout("a");
    while (cluster.deliver((message) => message.to === "b"));
    expect(cluster.get("b").status).to.deep.equal(before);
    expect(cluster.get("a").status.currentTerm).to.equal(0);
  });

  it("a server that was cut off does not raise its term, and disturbs nobody when it comes back (R2, R4)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    cluster.isolate("c");
    cluster.round(10 * ELECTION_TICKS);
    expect(cluster.get("c").status.currentTerm).to.equal(1);
    cluster.mend();
    cluster.round(2 * ELECTION_TICKS);
    expect(cluster.leader?.id).to.equal("a");
    expect(cluster.get("a").status.currentTerm).to.equal(1);
  });

  it("the refusal of a pre-vote carries a later term, which the candidate adopts (R2)", () => {
    const cluster = new Cluster(["a", "b", "c"], { terms: { b: 7 } });
    cluster.cut("a", "c");
    cluster.timeout("a");
    cluster.settle();
    expect(cluster.get("a").status.currentTerm).to.equal(7);
    expect(cluster.get("b").status.votedFor).to.equal(null);
  });

  it("votes and pre-votes are refused while a leader is heard (R4)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    const b = cluster.get("b");
    const ask = {
      from: serverId("c"),
      to: b.id,
      term: term(9),
      lastLogIndex: logIndex(9),
      lastLogTerm: term(9),
    };
    b.step({ kind: "receive", message: { kind: "voteRequest", ...ask, transfer: false } });
    expect(b.status.currentTerm).to.equal(1);
    expect(cluster.network).to.deep.equal([]);
    b.step({ kind: "receive", message: { kind: "preVoteRequest", ...ask } });
    expect(cluster.network[0]?.message).to.deep.include({ kind: "preVoteResponse", granted: false, term: 1 });
  });

  it("a leader that was heard is not kept from winning again (R4)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    cluster.crash("c");
    cluster.crash("a");
    cluster.restart("a");
    cluster.timeout("a");
    cluster.settle();
    expect(cluster.leader?.id).to.equal("a");
    expect(cluster.get("a").status.currentTerm).to.equal(2);
  });

  it("logs are compared by the last term first, then by length (§3.6.1, R5)", () => {
    const cluster = new Cluster(["a", "b", "c"], {
      logs: { a: [1, 1, 1, 1, 1], b: [1, 2], c: [1, 2, 2] },
      terms: { a: 2, b: 2, c: 2 },
    });
    for (const loser of ["a", "b"]) {
      cluster.cut(loser, loser === "a" ? "b" : "a");
      cluster.timeout(loser);
      cluster.settle();
      expect(cluster.get(loser).status.role, loser).not.to.equal("leader");
    }
    cluster.mend();
    cluster.elect("c");
  });

  it("a learner votes when asked, and never campaigns (R5)", () => {
    const cluster = new Cluster(["a", "b", "l"], {
      configuration: configurationOf(["a", "b"], { learners: ["l"] }),
    });
    const l = cluster.get("l");
    cluster.tick("l", 10 * ELECTION_TICKS);
    expect(l.status.role).to.equal("follower");
    l.step({
      kind: "receive",
      message: {
        kind: "voteRequest",
        from: serverId("a"),
        to: l.id,
        term: term(1),
        lastLogIndex: logIndex(0),
        lastLogTerm: term(0),
        transfer: false,
      },
    });
    l.persist(1);
    expect(cluster.network.at(-1)?.message).to.deep.include({ kind: "voteResponse", granted: true });
  });

  it("a leader that hears no majority steps down and stops its heartbeats (R7)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    cluster.cut("b", "a");
    cluster.cut("c", "a");
    cluster.tick("a", 2 * ELECTION_TICKS);
    expect(a.status.role).not.to.equal("leader");
    cluster.network = [];
    cluster.tick("a", HEARTBEAT_TICKS);
    expect(kinds(cluster)).not.to.include("heartbeatRequest");
  });

  it("a leader steps down one election timeout after it last heard a majority, not later (R7)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    while (cluster.network.length === 0) cluster.tick("a");
    cluster.settle();
    cluster.isolate("a");
    cluster.tick("a", ELECTION_TICKS - 1);
    expect(a.status.role).to.equal("leader");
    cluster.tick("a");
    expect(a.status.role).to.equal("follower");
  });

  it("a candidate's timer waits for its own disk: a write slower than the timeout does not keep it from winning (R1)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.timeout("a");
    while (cluster.deliver());
    cluster.tick("a", 10 * ELECTION_TICKS);
    expect(cluster.get("a").status).to.deep.include({ role: "candidate", currentTerm: 1 });
    cluster.settle();
    expect(cluster.leader?.id).to.equal("a");
  });

  it("who asked for pre-votes and then votes for another stops asking", () => {
    const cluster = new Cluster(["a", "b", "c"], { terms: { a: 1, b: 1, c: 1 } });
    cluster.timeout("b");
    const b = cluster.get("b");
    expect(b.status.role).to.equal("preCandidate");
    b.step({
      kind: "receive",
      message: {
        kind: "voteRequest",
        from: serverId("a"),
        to: b.id,
        term: term(1),
        lastLogIndex: logIndex(0),
        lastLogTerm: term(0),
        transfer: false,
      },
    });
    expect(b.status).to.deep.include({ role: "follower", votedFor: "a" });
  });

  it("the election timer restarts on an append that is refused (R6)", () => {
    const cluster = new Cluster(["a", "b", "c"], { logs: { a: [1, 1, 1] }, terms: { b: 1 } });
    const b = cluster.get("b");
    for (let count = 0; count < 10; count += 1) {
      cluster.tick("b", ELECTION_TICKS - 1);
      expect(b.status.role, "the timer did not fire").to.equal("follower");
      b.step({
        kind: "receive",
        message: {
          kind: "appendRequest",
          from: serverId("a"),
          to: b.id,
          term: term(1),
          prevLogIndex: logIndex(3),
          prevLogTerm: term(1),
          entries: { from: logIndex(4), to: logIndex(4), runs: [], sizes: [], configurations: [] },
          commitIndex: logIndex(0),
        },
      });
      expect(cluster.network.at(-1)?.message).to.deep.include({ kind: "appendResponse", success: false });
    }
    expect(b.status.role).to.equal("follower");
    expect(b.status.leader).to.equal("a");
  });

  it("a server at a later term is brought back by the answer to an append or heartbeat (R3)", () => {
    const cluster = new Cluster(["a", "b", "c"], { terms: { c: 9 } });
    cluster.isolate("c");
    cluster.elect("a");
    cluster.mend();
    cluster.until("everyone follows one leader", () =>
      [...cluster.servers.values()].every(
        ({ status }) => status.leader === cluster.leader?.id && status.currentTerm > 9,
      ),
    );
  });

  it("a granted vote restarts the voter's election timer (§3.4)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    candidacy(cluster, "a");
    cluster.tick("b", ELECTION_TICKS - 1);
    expect(cluster.get("b").status.role).to.equal("follower");
    cluster.deliver((message) => of("voteRequest")(message) && message.to === "b");
    cluster.tick("b", ELECTION_TICKS - 1);
    expect(cluster.get("b").status.role).to.equal("follower");
  });
});
