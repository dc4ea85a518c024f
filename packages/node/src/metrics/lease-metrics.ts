import type { Registry } from "prom-client";
import type { Group } from "../group/group.js";
import { counter, gauge } from "./read-metric.js";

/** Of reads that the leader answers by its lease (R19). */
export function registerLeaseMetrics(
  registry: Registry,
  group: () => Pick<Group, "leaderLeases" | "leaseReads"> | null,
): void {
  gauge(
    registry,
    "raftkv_leader_lease_seconds",
    "How long this leader's lease lasts yet; 0: it has none, or does not lead",
    () => (group()?.leaderLeases.remainingMs ?? 0) / 1000,
  );
  counter(
    registry,
    "raftkv_lease_reads_total",
    "Linearizable reads that a lease granted, without asking a majority",
    () => group()?.leaseReads.granted ?? 0,
  );
  counter(
    registry,
    "raftkv_lease_reads_ended_total",
    "Those of them whose lease had ended before they were answered: a majority was asked after all",
    () => group()?.leaseReads.ended ?? 0,
  );
}
