import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@raftkv/client";
import { TestCluster } from "../harness/cluster.js";
import { until } from "../harness/until.js";
import { Strace } from "./strace.js";
import type { SystemCall } from "./strace.js";

export type Mode = "sync" | "nosync";

export interface NodeOrder {
  readonly name: string;
  readonly leads: boolean;
  /** Milliseconds from the end of this node's sync of its log to the reply; negative: it came after, null: none was seen. */
  readonly syncedBeforeReplyMs: number | null;
  /** Writes to, and syncs of, LevelDB's own log. */
  readonly storeWrites: number;
  readonly storeSyncs: number;
}

/** What one put did on the disks of a cluster, in order. */
export interface SyncOrder {
  readonly mode: Mode;
  readonly nodes: readonly NodeOrder[];
  /** A majority had the entry synced before the reply left the leader. */
  readonly durableBeforeReply: boolean;
  /** The store was synced on every node in the mode `sync`, and on none in `nosync`. */
  readonly storeAsConfigured: boolean;
}

const WRITES = new Set(["write", "writev", "pwrite64", "pwritev", "pwritev2"]);
const SYNCS = new Set(["fsync", "fdatasync"]);
const SENDS = new Set(["write", "writev", "sendto", "sendmsg"]);

const isLog = (call: SystemCall): boolean => /\/wal\/[^/]+\.wal$/.test(call.target);
const isStoreLog = (call: SystemCall): boolean =>
  /\/groups\/1\/store-\d+\/(latest\/)?\d+\.log$/.test(call.target);

const isStoreWrite = (call: SystemCall): boolean => WRITES.has(call.name) && isStoreLog(call);

/** Watches all nodes of a fresh cluster while one put runs. */
export async function checkSyncOrder(mode: Mode): Promise<SyncOrder> {
  // The log's idle sealing writes after each quiet moment: it is put off, so that what is seen belongs to the put.
  const cluster = await TestCluster.start({ FSM_SYNC_MODE: mode, RAFTKV_WAL_SEAL_AFTER_MS: "60000" });
  const traces = mkdtempSync(join(tmpdir(), "raftkv-strace-"));
  try {
    const leader = await cluster.leader();
    const client = await connect({ endpoints: [cluster.endpoint(leader.name)] });
    await client.put("before", "the connection stands, and everything was used once");
    await cluster.converged();
    const watched = await Promise.all(
      cluster.names.map(async (name) => {
        const { pid } = await cluster.status(name);
        return { name, strace: await Strace.attach(pid, join(traces, name)) };
      }),
    );
    const { revision } = await client.put("key", "value");
    await until("every replica has applied the put, and its store has written it", async () => {
      const all = await Promise.all(cluster.names.map((name) => cluster.status(name)));
      const applied = all.every((status) => status.revision >= revision);
      return applied && watched.every(({ strace }) => strace.calls().some(isStoreWrite)) ? true : null;
    });
    const calls = new Map<string, SystemCall[]>();
    for (const { name, strace } of watched) calls.set(name, await strace.detach());
    await client.close();
    return judge(mode, leader.name, cluster.endpoint(leader.name), calls);
  } finally {
    await cluster.stop();
    rmSync(traces, { recursive: true, force: true });
  }
}

function judge(
  mode: Mode,
  leader: string,
  endpoint: string,
  calls: ReadonlyMap<string, readonly SystemCall[]>,
): SyncOrder {
  const led = calls.get(leader) ?? [];
  const began = led.find((call) => WRITES.has(call.name) && isLog(call));
  if (began === undefined) throw new Error("the leader was not seen to write its log");
  const reply = led.find(
    (call) =>
      SENDS.has(call.name) && call.target.includes(`[${endpoint}->`) && call.startedAt > began.startedAt,
  );
  if (reply === undefined) throw new Error("the leader was not seen to answer");
  const nodes = [...calls].map(([name, own]) => orderOf(name, name === leader, own, reply.startedAt));
  const before = nodes.filter((node) => (node.syncedBeforeReplyMs ?? -1) >= 0).length;
  const synced = nodes.filter((node) => node.storeSyncs > 0).length;
  return {
    mode,
    nodes,
    durableBeforeReply: before > nodes.length / 2,
    storeAsConfigured:
      nodes.every((node) => node.storeWrites > 0) && synced === (mode === "sync" ? nodes.length : 0),
  };
}

function orderOf(name: string, leads: boolean, calls: readonly SystemCall[], replyAt: number): NodeOrder {
  const write = calls.find((call) => WRITES.has(call.name) && isLog(call));
  const sync = calls.find(
    (call) =>
      SYNCS.has(call.name) &&
      isLog(call) &&
      call.result === 0 &&
      write !== undefined &&
      call.startedAt >= write.endedAt,
  );
  return {
    name,
    leads,
    syncedBeforeReplyMs: sync === undefined ? null : (replyAt - sync.endedAt) * 1_000,
    storeWrites: calls.filter(isStoreWrite).length,
    storeSyncs: calls.filter((call) => SYNCS.has(call.name) && isStoreLog(call)).length,
  };
}
