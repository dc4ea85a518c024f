import { Gauge } from "prom-client";
import type { Registry } from "prom-client";
import type { ProgressStatus, RaftStatus } from "raft-ts";

export interface FollowersSource {
  readonly tickMs: number;
  /** Null while the cluster has not formed. */
  readonly raft: () => RaftStatus | null;
  readonly nameOf: (serverId: string) => string;
}

/** A leader's view of the others. Nothing at a follower, so that a sum over the nodes is right. */
export function registerFollowerMetrics(registry: Registry, source: FollowersSource): void {
  const perFollower = (
    name: string,
    help: string,
    read: (progress: ProgressStatus, raft: RaftStatus) => number,
  ): void => {
    registry.registerMetric(
      new Gauge({
        name,
        help,
        labelNames: ["follower"],
        registers: [],
        collect() {
          this.reset();
          const raft = source.raft();
          if (raft === null || raft.role !== "leader") return;
          for (const progress of raft.progress) {
            if (progress.id !== raft.id) {
              this.set({ follower: source.nameOf(progress.id) }, read(progress, raft));
            }
          }
        },
      }),
    );
  };
  perFollower(
    "raftkv_follower_lag_entries",
    "Entries of the leader's log that a follower has not confirmed",
    ({ matchIndex }, { lastIndex }) => lastIndex - matchIndex,
  );
  perFollower(
    "raftkv_follower_inflight_bytes",
    "Bytes sent to a follower and not confirmed",
    ({ inflightBytes }) => inflightBytes,
  );
  perFollower(
    "raftkv_follower_heard_seconds",
    "Time since a follower answered anything",
    ({ heardTicksAgo }) => (heardTicksAgo * source.tickMs) / 1000,
  );
}
