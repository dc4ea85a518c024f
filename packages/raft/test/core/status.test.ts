import { expect } from "chai";
import { formatStatus, logIndex, serverId } from "../../dist/core/index.js";
import { Cluster, ELECTION_TICKS, HEARTBEAT_TICKS, configurationOf } from "./support/cluster.js";
import { TICK_MICROS } from "./support/server.js";

const LEASE = { electionTimeoutMicros: ELECTION_TICKS * TICK_MICROS, marginPercent: 25 };

describe("the status for people", () => {
  it("tells of members, followers, the window, a lease and who is not heard", () => {
    const cluster = new Cluster(["a", "b", "w"], {
      configuration: { ...configurationOf(["a", "b", "w"], { witnesses: ["w"] }), lease: LEASE },
      options: { inflightMessagesMax: 1 },
    });
    cluster.outwaitPromises();
    const a = cluster.elect("a");
    cluster.crash("w");
    cluster.propose("a", "x");
    cluster.round(ELECTION_TICKS + HEARTBEAT_TICKS);
    const told = formatStatus(a.status, a.nowMicros);
    expect(told).to.include("a: leader in term 1, leader a, voted for a");
    expect(told).to.include("voters a b w(w), leases of 100000 µs less 25 %");
    expect(told).to.include("b: replicate, match 2, next 3");
    expect(told).to.match(
      /w: replicate, match 1, next 3, 1 in flight, 33 bytes, window full, not heard for \d+ ticks/,
    );
    expect(told).to.match(/lease for \d+ µs more/);
    expect(formatStatus(a.status, (a.status.leaseEndMicros ?? 0) + 1)).to.include("lease ended");
  });

  it("tells of a transfer under way, and of a snapshot that is awaited", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const a = cluster.elect("a");
    cluster.isolate("b");
    cluster.propose("a", "x", "y");
    cluster.settle();
    a.compact(logIndex(3));
    cluster.mend();
    cluster.heldSnapshots.add("b");
    cluster.until("b awaits it", () => cluster.get("b").status.incomingSnapshot !== null);
    expect(formatStatus(cluster.get("b").status)).to.include("awaits a snapshot up to entry 3 from a");
    expect(formatStatus(a.status)).to.match(/b: snapshot, match \d, next \d, snapshot up to 3/);
    a.step({ kind: "transferLeadership", to: serverId("b") });
    expect(formatStatus(a.status)).to.include("handing over to b for 0 ticks");
    expect(formatStatus(cluster.restart("c").status)).to.include("no leader known");
  });
});
