import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { TestCluster } from "../harness/cluster.js";
import { metricOf } from "../harness/metric.js";
import { until } from "../harness/until.js";
import { Strace, straceMissing } from "../sync-order/strace.js";

const CONNECTIONS = 8;
const VALUE = "v".repeat(256);
const KEYS = 10_000;

export interface GroupCommitOptions {
  readonly proposers: number;
  /** Of each proposer, one after the other. */
  readonly puts: number;
  /** As many of each proposer again while strace counts: it slows the process down. 0: without strace. */
  readonly tracedPuts: number;
}

/** What a load cost on the leader's disk. */
export interface SyncsOfPuts {
  /** That the clients saw answered. */
  readonly acknowledged: number;
  /** `raftkv_proposals_committed_total`. */
  readonly committed: number;
  /** `raftkv_wal_fsyncs_total`. */
  readonly syncs: number;
  readonly seconds: number;
}

export interface GroupCommit {
  readonly load: SyncsOfPuts;
  /** The same under strace, with the syncs of the log that it saw; null when it was not there. */
  readonly traced: (SyncsOfPuts & { readonly seen: number }) | null;
}

export const ratioOf = ({ committed, syncs }: SyncsOfPuts): number => syncs / committed;

/** Concurrent proposers on a fresh cluster of three: how many syncs their puts cost the leader. */
export async function checkGroupCommit(options: GroupCommitOptions): Promise<GroupCommit> {
  // The log's idle sealing is put off, so that every sync that is counted belongs to the puts.
  const cluster = await TestCluster.start({ RAFTKV_WAL_SEAL_AFTER_MS: "60000" });
  const traces = mkdtempSync(join(tmpdir(), "raftkv-strace-"));
  try {
    const leader = await cluster.leader();
    const endpoints = [cluster.endpoint(leader.name)];
    const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect({ endpoints })));
    await Promise.all(clients.map((client) => client.put("before", "the connection stands")));
    await cluster.converged();
    const load = await measure(cluster, leader.name, clients, options.proposers, options.puts);
    let traced: GroupCommit["traced"] = null;
    if (options.tracedPuts > 0 && straceMissing() === null) {
      const strace = await Strace.attach(leader.pid, join(traces, leader.name), "fdatasync");
      const counted = await measure(cluster, leader.name, clients, options.proposers, options.tracedPuts);
      const calls = await strace.detach();
      const seen = calls.filter(({ target, result }) => target.endsWith(".wal") && result === 0).length;
      traced = { ...counted, seen };
    }
    if ((await cluster.leader()).term !== leader.term) throw new Error("the leader changed meanwhile");
    await Promise.all(clients.map((client) => client.close()));
    return { load, traced };
  } finally {
    await cluster.stop();
    rmSync(traces, { recursive: true, force: true });
  }
}

async function measure(
  cluster: TestCluster,
  leader: string,
  clients: readonly Client[],
  proposers: number,
  puts: number,
): Promise<SyncsOfPuts> {
  const count = (name: string): Promise<number> => metricOf(cluster.endpoint(leader), name);
  const syncsBefore = await count("raftkv_wal_fsyncs_total");
  const committedBefore = await count("raftkv_proposals_committed_total");
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: proposers }, async (_, proposer) => {
      const client = clients[proposer % clients.length] as Client;
      for (let i = 0; i < puts; i += 1)
        await client.put(`k${(proposer * puts + i) % KEYS}`, VALUE, { timeoutMs: 30_000 });
    }),
  );
  const seconds = (performance.now() - startMs) / 1_000;
  // The leader's own sync of the last entries may come after their answer: nothing is under way once all are equal.
  await cluster.converged();
  const syncs = await until("the leader's log is at rest", async () => {
    const first = await count("raftkv_wal_fsyncs_total");
    const again = await count("raftkv_wal_fsyncs_total");
    return first === again ? again : null;
  });
  return {
    acknowledged: proposers * puts,
    committed: (await count("raftkv_proposals_committed_total")) - committedBefore,
    syncs: syncs - syncsBefore,
    seconds,
  };
}
