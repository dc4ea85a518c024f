import { expect } from "chai";
import { logIndex, serverId, term } from "../../dist/core/index.js";
import { Cluster, ELECTION_TICKS, HEARTBEAT_TICKS, configurationOf } from "./support/cluster.js";
import { TICK_MICROS } from "./support/server.js";

const lost = (cluster: Cluster, name: string, peer: string): void =>
  cluster.get(name).step({ kind: "connectionLost", peer: serverId(peer) });

describe("what the simulator found", () => {
  it("a timeout that a dropped connection cut short does not stay short under the next leader (R6)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    cluster.elect("a");
    lost(cluster, "b", "a");
    expect(cluster.get("b").status.electionTimeoutTicks).to.be.below(ELECTION_TICKS);
    cluster.get("b").step({
      kind: "receive",
      message: {
        kind: "heartbeatRequest",
        from: serverId("c"),
        to: serverId("b"),
        term: term(9),
        commitIndex: logIndex(0),
        readRound: 0,
        sentMicros: 0,
        dataDurableIndex: logIndex(0),
      },
    });
    expect(cluster.get("b").status.electionTimeoutTicks).to.be.at.least(ELECTION_TICKS);
  });

  it("of those that see the same drop one campaigns after the other, so that votes are not split (R4)", () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const cluster = new Cluster(["a", "b", "c", "d", "e"], { options: { seed } });
      cluster.elect("a");
      cluster.crash("a");
      for (const name of ["b", "c", "d", "e"]) lost(cluster, name, "a");
      cluster.round(5);
      expect(cluster.leader?.id, `seed ${seed}`).to.equal("b");
    }
  });

  it("the base of a witness that was lost on the way is sent again after the next heartbeat (R23, R24)", () => {
    const cluster = new Cluster(["a", "b", "w"], {
      configuration: configurationOf(["a", "b", "w"], { witnesses: ["w"] }),
    });
    cluster.elect("a");
    cluster.isolate("w");
    for (const body of ["x", "y", "z"]) cluster.propose("a", body);
    cluster.settle();
    cluster.get("a").compact(cluster.get("a").status.appliedIndex);
    cluster.mend();
    let dropped = 0;
    for (let rounds = 0; rounds < 4 * ELECTION_TICKS && dropped === 0; rounds += 1) {
      for (const name of ["a", "b", "w"]) cluster.tick(name);
      while (dropped === 0 && cluster.deliver(({ kind }) => kind !== "installSnapshot")) {
        dropped += cluster.drop(({ kind }) => kind === "installSnapshot");
      }
    }
    expect(dropped, "a base was sent, and lost").to.equal(1);
    const last = cluster.get("a").status.lastIndex;
    cluster.until("w has the base", () => cluster.get("w").status.lastIndex === last, 200);
  });

  it("a server that is bound to its leader votes for no other, whatever brought it into the term (R8, R19)", () => {
    const lease = { electionTimeoutMicros: ELECTION_TICKS * TICK_MICROS, marginPercent: 25 };
    const cluster = new Cluster(["a", "b", "c"], {
      configuration: { ...configurationOf(["a", "b", "c"]), lease },
    });
    cluster.outwaitPromises();
    cluster.elect("a");
    cluster.round(2 * HEARTBEAT_TICKS);
    const b = cluster.get("b");
    const later = term(b.status.currentTerm + 1);
    const ends = { from: serverId("c"), to: serverId("b"), term: later } as const;
    // A late refusal of a pre-vote lifts it into the term without a vote.
    b.step({ kind: "receive", message: { kind: "preVoteResponse", ...ends, granted: false } });
    expect(b.status.currentTerm).to.equal(later);
    const { lastIndex, lastTerm } = b.status;
    b.step({
      kind: "receive",
      message: {
        kind: "voteRequest",
        ...ends,
        lastLogIndex: lastIndex,
        lastLogTerm: lastTerm,
        transfer: false,
      },
    });
    expect(b.status.votedFor).to.equal(null);
  });
});
