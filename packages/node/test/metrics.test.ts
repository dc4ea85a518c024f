import { expect } from "chai";
import { Registry } from "prom-client";
import { createMetrics } from "../dist/metrics.js";
import { DurationHistogram } from "../dist/metrics/duration-histogram.js";
import { idleSource } from "./support/idle-metrics.js";

describe("raftkv_raft_leader_changes_total", () => {
  it("counts changes to another leader: not the first one, no time without one, no return of the same", async () => {
    const { registry, leaderSeen } = createMetrics(idleSource());
    const counts: (number | undefined)[] = [];
    for (const leader of [null, "n1", null, "n1", "n2", null, "n3", "n3"]) {
      leaderSeen(leader);
      const metric = await registry.getSingleMetric("raftkv_raft_leader_changes_total")?.get();
      counts.push(metric?.values[0]?.value);
    }
    expect(counts).to.deep.equal([0, 0, 0, 0, 1, 1, 2, 2]);
  });
});

describe("a histogram of durations", () => {
  it("is what Prometheus expects: cumulative buckets up to +Inf, sum in seconds, count, the node's label", async () => {
    const registry = new Registry();
    registry.setDefaultLabels({ node: "n1" });
    const histogram = new DurationHistogram();
    histogram.register(registry, "took_seconds", "How long it took");
    for (const tookMs of [0, 0.05, 0.06, 3, 20_000]) histogram.observe(tookMs);
    const text = await registry.metrics();
    expect(text).to.contain("# HELP took_seconds How long it took\n# TYPE took_seconds histogram\n");
    const buckets = [...text.matchAll(/^took_seconds_bucket\{le="([^"]+)",node="n1"\} (\d+)$/gm)];
    const value = (bound: string) => buckets.find(([, le]) => le === bound)?.[2];
    expect([
      value("0.00005"),
      value("0.0001"),
      value("0.002"),
      value("0.005"),
      value("10"),
      value("+Inf"),
    ]).to.deep.equal(["2", "3", "3", "4", "4", "5"]);
    expect(Number(/^took_seconds_sum\{node="n1"\} (\S+)$/m.exec(text)?.[1])).to.be.closeTo(20.00311, 1e-9);
    expect(text).to.match(/^took_seconds_count\{node="n1"\} 5$/m);
  });
});
