import type { StateMachine } from "@raftkv/fsm";
import type { Store } from "@raftkv/store";
import { Counter, Gauge, Registry, collectDefaultMetrics } from "prom-client";
import { ReplicaDiffersError } from "./errors.js";
import type { Group } from "./group/group.js";
import type { HashChecksState } from "./group/hash-checks.js";
import type { ClientTraffic } from "./metrics/client-traffic.js";
import { registerFollowerMetrics } from "./metrics/follower-metrics.js";
import { registerLeaseMetrics } from "./metrics/lease-metrics.js";
import { registerPeerMetrics } from "./metrics/peer-metrics.js";
import type { AcceptedPeers } from "./metrics/peer-metrics.js";
import { counter, gauge } from "./metrics/read-metric.js";
import { registerStoreMetrics } from "./metrics/store-metrics.js";
import type { Timings } from "./metrics/timings.js";
import { VERSION } from "./version.js";
import type { LogWriter } from "raft-ts";
import type { SnapshotCounts } from "./snapshot/group-snapshots.js";

export interface MetricsSource {
  readonly node: string;
  readonly fsmSyncMode: "sync" | "nosync";
  readonly serving: () => {
    readonly group: Group;
    readonly log: LogWriter;
    readonly store: Store | null;
    readonly data: {
      readonly replica: { readonly machine: StateMachine };
      readonly snapshots: { readonly counts: SnapshotCounts };
      readonly hashChecks: { readonly state: HashChecksState };
    } | null;
  } | null;
  readonly clients: () => {
    readonly connections: number;
    readonly waiting: number;
    readonly cut: number;
    readonly refused: number;
  };
  readonly peers: () => AcceptedPeers;
  readonly traffic: ClientTraffic;
  readonly timings: Timings;
  /** Writes of clients that were given to the group. */
  readonly proposed: () => number;
  /** Ranges that wait until others are read. */
  readonly rangesWaiting: () => number;
  readonly tickMs: number;
  /** A member's name, by its server id. */
  readonly nameOf: (serverId: string) => string;
  readonly budget: () => {
    readonly inflightBytes: number;
    readonly limitBytes: number;
    readonly waiting: number;
  };
  readonly watches: { readonly size: number; readonly behind: number; readonly eventsSent: number };
  readonly space: () => { readonly freeBytes: number; readonly admits: boolean };
  readonly failure: () => Error | null;
}

export interface NodeMetrics {
  readonly registry: Registry;
  /** Tells who leads now; null when nobody is known to. */
  readonly leaderSeen: (name: string | null) => void;
}

let ofProcess: Registry | null = null;

/** Memory, CPU, event loop and the like: measured once, however many nodes this process has had. */
function processMetrics(): Registry {
  if (ofProcess === null) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/**
 * Prometheus metrics of one node. Figures that the parts keep anyway are read when they are asked for, so that counting
 * costs nothing on the way of a write. docs/operating.md says what each one means.
 */
export function createMetrics(source: MetricsSource): NodeMetrics {
  const registry = new Registry();
  registry.setDefaultLabels({ node: source.node });
  for (const metric of processMetrics().getMetricsAsArray()) {
    registry.registerMetric(metric as unknown as Parameters<Registry["registerMetric"]>[0]);
  }
  const { serving } = source;
  const raftGauge = (name: string, help: string, read: (group: Group) => number): void => {
    gauge(registry, name, help, () => {
      const now = serving();
      return now === null ? 0 : read(now.group);
    });
  };
  raftGauge("raftkv_raft_term", "Current term", (group) => group.status.currentTerm);
  raftGauge("raftkv_raft_is_leader", "1 while this node leads", (group) =>
    group.status.role === "leader" ? 1 : 0,
  );
  raftGauge("raftkv_raft_has_leader", "1 while this node knows of a leader", (group) =>
    group.leader === null ? 0 : 1,
  );
  raftGauge("raftkv_raft_commit_index", "Last committed index", (group) => group.status.commitIndex);
  raftGauge("raftkv_raft_applied_index", "Last applied index", (group) => group.appliedIndex);
  raftGauge("raftkv_raft_first_index", "First index that the log has", (group) => group.status.firstIndex);
  raftGauge("raftkv_raft_last_index", "Last index in the log", (group) => group.status.lastIndex);
  raftGauge(
    "raftkv_pending_writes",
    "Writes in the log that are not answered yet",
    (group) => group.pendingWrites,
  );
  raftGauge("raftkv_pending_reads", "Linearizable reads that wait", (group) => group.pendingReads);
  raftGauge(
    "raftkv_checkpoint_index",
    "Index of the last checkpoint since the start, 0 before the first",
    (group) => group.checkpointIndex ?? 0,
  );
  const { rangesWaiting, timings, traffic } = source;
  gauge(
    registry,
    "raftkv_ranges_waiting",
    "Ranges and large values that wait until others are read",
    rangesWaiting,
  );
  timings.register(registry);
  traffic.register(registry);
  registerFollowerMetrics(registry, {
    tickMs: source.tickMs,
    raft: () => serving()?.group.status ?? null,
    nameOf: source.nameOf,
  });
  registerLeaseMetrics(registry, () => serving()?.group ?? null);
  registerStoreMetrics(registry, () => serving()?.store ?? null);
  counter(registry, "raftkv_elections_stood_total", "Terms in which this node stood for election", () => {
    return serving()?.group.elections.stood ?? 0;
  });
  counter(registry, "raftkv_elections_won_total", "Elections that this node won", () => {
    return serving()?.group.elections.won ?? 0;
  });
  counter(registry, "raftkv_proposals_total", "Writes of clients that were given to Raft", source.proposed);
  counter(
    registry,
    "raftkv_proposals_committed_total",
    "Commands of clients that were committed and applied",
    () => {
      return serving()?.group.commandsCommitted ?? 0;
    },
  );
  counter(
    registry,
    "raftkv_wal_fsyncs_total",
    "Synced writes of the log",
    () => serving()?.log.stats().fsyncs ?? 0,
  );
  counter(
    registry,
    "raftkv_wal_batches_total",
    "Batches written to the log",
    () => serving()?.log.stats().batches ?? 0,
  );
  gauge(
    registry,
    "raftkv_wal_bytes",
    "Bytes in use in the log's segments",
    () => serving()?.log.stats().bytes ?? 0,
  );
  gauge(registry, "raftkv_wal_segments", "Segments of the log", () => serving()?.log.stats().segments ?? 0);
  gauge(
    registry,
    "raftkv_wal_queued_appends",
    "Appends to the log that are not durable yet",
    () => serving()?.log.stats().queuedAppends ?? 0,
  );
  gauge(
    registry,
    "raftkv_wal_queued_bytes",
    "Bytes of appends to the log that are not durable yet",
    () => serving()?.log.stats().queuedBytes ?? 0,
  );
  const snapshots = (name: string, help: string, read: (counts: SnapshotCounts) => number): void => {
    counter(registry, name, help, () => {
      const data = serving()?.data ?? null;
      return data === null ? 0 : read(data.snapshots.counts);
    });
  };
  snapshots(
    "raftkv_snapshots_sent_total",
    "Snapshots that followers have installed",
    (counts) => counts.sent,
  );
  snapshots("raftkv_snapshots_received_total", "Snapshots installed", (counts) => counts.received);
  snapshots(
    "raftkv_snapshot_sent_bytes_total",
    "Bytes of snapshots sent to followers",
    (counts) => counts.sentBytes,
  );
  snapshots(
    "raftkv_snapshot_received_bytes_total",
    "Bytes of snapshots taken in",
    (counts) => counts.receivedBytes,
  );
  const machineGauge = (name: string, help: string, read: (machine: StateMachine) => number): void => {
    gauge(registry, name, help, () => {
      const data = serving()?.data ?? null;
      return data === null ? 0 : read(data.replica.machine);
    });
  };
  machineGauge("raftkv_sessions", "Sessions of clients that are open", (machine) => machine.sessionsCount);
  machineGauge("raftkv_leases", "Leases that are granted", (machine) => machine.leasesCount);
  const checked = (): HashChecksState | null => serving()?.data?.hashChecks.state ?? null;
  counter(
    registry,
    "raftkv_hash_checks_total",
    "Comparisons in which this replica was found equal to a majority",
    () => checked()?.compared ?? 0,
  );
  gauge(
    registry,
    "raftkv_hash_compared_index",
    "Index of the last of them",
    () => checked()?.comparedIndex ?? 0,
  );
  gauge(registry, "raftkv_hash_differs", "1 while replicas are known to differ, this one or others", () => {
    return (checked()?.alarm ?? null) !== null || source.failure() instanceof ReplicaDiffersError ? 1 : 0;
  });
  gauge(registry, "raftkv_failed", "1 once this node must not serve any more", () => {
    return source.failure() === null ? 0 : 1;
  });
  const { budget, watches } = source;
  gauge(registry, "raftkv_watches", "Watches that are open", () => watches.size);
  gauge(
    registry,
    "raftkv_watches_behind",
    "Watches that read what they have not seen from the store, or whose client does not read",
    () => watches.behind,
  );
  counter(registry, "raftkv_watch_events_total", "Events sent to watches", () => watches.eventsSent);
  gauge(
    registry,
    "raftkv_append_inflight_bytes",
    "Bytes of writes that were admitted and are not answered yet",
    () => budget().inflightBytes,
  );
  gauge(
    registry,
    "raftkv_append_inflight_bytes_limit",
    "What may be in flight: --append-inflight-bytes, or the largest single write",
    () => budget().limitBytes,
  );
  gauge(
    registry,
    "raftkv_append_waiting",
    "Writes that wait until others are answered",
    () => budget().waiting,
  );
  gauge(registry, "raftkv_disk_free_bytes", "Bytes that are free under the data directory", () => {
    return source.space().freeBytes;
  });
  gauge(registry, "raftkv_disk_full", "1 while writes are refused for want of space", () => {
    return source.space().admits ? 0 : 1;
  });
  const { clients } = source;
  gauge(registry, "raftkv_client_connections", "Open client connections", () => clients().connections);
  gauge(
    registry,
    "raftkv_connections_waiting",
    "Connections that are no clients yet, or idle HTTP",
    () => clients().waiting,
  );
  counter(
    registry,
    "raftkv_connections_cut_total",
    "Connections of clients that were cut for what they did",
    () => clients().cut,
  );
  counter(
    registry,
    "raftkv_connections_refused_total",
    "Connections that were not let in, and HTTP requests that were refused",
    () => clients().refused,
  );
  registerPeerMetrics(registry, source.peers);
  const build = new Gauge({
    name: "raftkv_build_info",
    help: "1, with the version",
    labelNames: ["version"],
    registers: [registry],
  });
  build.set({ version: VERSION }, 1);
  const mode = new Gauge({
    name: "raftkv_fsm_sync_mode",
    help: "1 for the mode that FSM_SYNC_MODE set",
    labelNames: ["mode"],
    registers: [registry],
  });
  for (const name of ["sync", "nosync"]) mode.set({ mode: name }, name === source.fsmSyncMode ? 1 : 0);
  const leaderChanges = new Counter({
    name: "raftkv_raft_leader_changes_total",
    help: "Changes to another leader that this node saw",
    registers: [registry],
  });
  let lastLeader: string | null = null;
  const leaderSeen = (name: string | null): void => {
    // An election without an outcome, or one that the old leader wins, is no change of leader.
    if (name === null || name === lastLeader) return;
    if (lastLeader !== null) leaderChanges.inc();
    lastLeader = name;
  };
  return { registry, leaderSeen };
}
