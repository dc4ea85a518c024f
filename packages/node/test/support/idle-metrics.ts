import type { MetricsSource } from "../../dist/metrics.js";
import { ClientTraffic } from "../../dist/metrics/client-traffic.js";
import { Timings } from "../../dist/metrics/timings.js";

/** What metrics read of a node that has not begun. */
export function idleSource(): MetricsSource {
  const idle: Partial<MetricsSource> = {
    node: "n1",
    fsmSyncMode: "nosync",
    tickMs: 10,
    serving: () => null,
    traffic: new ClientTraffic(),
    timings: new Timings(),
    clients: () => ({ connections: 0, waiting: 0, cut: 0, refused: 0 }),
    peers: () => ({ waiting: 0, cutCount: 0, refused: 0 }),
    proposed: () => 0,
    rangesWaiting: () => 0,
    failure: () => null,
    nameOf: (serverId) => serverId,
    budget: () => ({ inflightBytes: 0, limitBytes: 0, waiting: 0 }),
    space: () => ({ freeBytes: 0, admits: true }),
    watches: { size: 0, behind: 0, eventsSent: 0 },
  };
  return idle as MetricsSource;
}
