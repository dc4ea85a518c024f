import type { Job } from "../loader/protocol.js";

/** What a workload may depend on. */
export interface WorkloadContext {
  readonly quick: boolean;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly keys: number;
  readonly connectionsMax: number;
  /** Of the open loop: half of etcd's best put rate in this run, or of raftkv's where there is no etcd. */
  readonly openRate: number;
}

/** One line of the table. A new one is a file in this folder that is named in index.ts. */
export interface Workload {
  /** As --workloads names it. */
  readonly name: string;
  readonly title: string;
  /** What is counted: `puts`, `gets`, `events`. */
  readonly unit: string;
  /** Whether all keys must have been put before. */
  readonly needsKeys: boolean;
  /** Whether the largest memory of a node is taken from it. */
  readonly countsMemory: boolean;
  /** Lines of a curve over the number of clients; null: it is in none. */
  readonly curve: { readonly name: string; readonly clients: number } | null;
  job(context: WorkloadContext): Job;
}
