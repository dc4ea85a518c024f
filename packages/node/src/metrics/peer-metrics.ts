import type { Registry } from "prom-client";
import { counter, gauge } from "./read-metric.js";

/** What has come to the peer address. */
export interface AcceptedPeers {
  readonly waiting: number;
  readonly cutCount: number;
  readonly refused: number;
}

export function registerPeerMetrics(registry: Registry, peers: () => AcceptedPeers): void {
  gauge(
    registry,
    "raftkv_peer_connections_waiting",
    "Connections at the peer address that are no member's yet",
    () => peers().waiting,
  );
  counter(
    registry,
    "raftkv_peer_connections_cut_total",
    "Connections at the peer address that were cut for what came over them, or did not come",
    () => peers().cutCount,
  );
  counter(
    registry,
    "raftkv_peer_connections_refused_total",
    "Connections at the peer address that were not let in, or gave way to others",
    () => peers().refused,
  );
}
