import { expect } from "chai";
import { createMetrics } from "../dist/metrics.js";
import type { MetricsSource } from "../dist/metrics.js";

describe("raftkv_raft_leader_changes_total", () => {
  it("counts changes to another leader: not the first one, no time without one, no return of the same", async () => {
    // The counter reads nothing else of its node.
    const source = { node: "n1", fsmSyncMode: "nosync", serving: () => null } as unknown as MetricsSource;
    const { registry, leaderSeen } = createMetrics(source);
    const counts: (number | undefined)[] = [];
    for (const leader of [null, "n1", null, "n1", "n2", null, "n3", "n3"]) {
      leaderSeen(leader);
      const metric = await registry.getSingleMetric("raftkv_raft_leader_changes_total")?.get();
      counts.push(metric?.values[0]?.value);
    }
    expect(counts).to.deep.equal([0, 0, 0, 0, 1, 1, 2, 2]);
  });
});
