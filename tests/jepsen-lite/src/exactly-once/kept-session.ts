import { connect, put } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { metricOf } from "../harness/metric.js";
import type { NodeProcesses } from "../harness/node-processes.js";
import { until } from "../harness/until.js";
import type { Control } from "./controls.js";
import { LossyCluster } from "./lossy-cluster.js";

export interface KeptSessionOptions {
  readonly control: Control | null;
  readonly log: (line: string) => void;
}

export interface KeptSessionVerdict {
  /** Snapshots that were installed by nodes that then led. */
  readonly installed: number;
  readonly wrong: readonly string[];
}

/** The log reaches back so far only, and checkpoints and snapshots come as often. */
const ENTRIES = 100;
const BATCH = 50;

/** A cluster is started, loaded and killed on a machine that may have much else to do. */
const PATIENT = { limitMs: 120_000 };

/** What the node that is to know the session has behind it. */
const TRIALS = ["a snapshot", "a snapshot and a restart", "a restart of all"] as const;

/**
 * One session, of which a write is carried out and its answer held back while nodes change; then the client, which has been
 * asking again ever since, gets through to a node that knows the session from a snapshot, or from its own disk (F3, S10).
 * It must be told the first answer.
 */
export async function keepSession({ control, log }: KeptSessionOptions): Promise<KeptSessionVerdict> {
  let held = false;
  const cluster = await LossyCluster.start({
    control,
    env: {
      RAFTKV_LOG_KEEP_ENTRIES: String(ENTRIES),
      RAFTKV_CHECKPOINT_ENTRIES: String(ENTRIES),
      RAFTKV_WAL_SEGMENT_BYTES: "64KiB",
      RAFTKV_LOG_KEEP_BYTES: "1MiB",
    },
    fate: (answers) => (held && answers ? "swallow" : "deliver"),
  });
  const { nodes } = cluster;
  let client: Client | null = null;
  try {
    client = await cluster.connect();
    const wrong: string[] = [];
    let installed = 0;
    await client.put("counter", "the session is open");
    for (const [i, trial] of TRIALS.entries()) {
      const before = i + 1;
      const away = trial === "a restart of all" ? null : await followerOf(nodes);
      if (away !== null) await nodes.kill(away);
      held = true;
      const answer = client
        .txn()
        .then(put("counter", trial, { previous: true }))
        .commit();
      // It is awaited further down, once nothing can fail any more in between.
      answer.catch(() => {});
      const first = await until(
        "the write is carried out",
        async () => {
          const own = await counterAt(nodes);
          return own.version > before ? own : null;
        },
        PATIENT,
      );
      if (away === null) {
        await restartAll(nodes);
      } else {
        await installOn(nodes, away);
        installed += 1;
        if (trial === "a snapshot and a restart") await restart(nodes, away);
        await makeLeader(nodes, away);
      }
      const { name } = await nodes.leader();
      held = false;
      const { results, revision } = await answer;
      const [result] = results;
      const told = result?.kind === "put" ? (result.previous?.version ?? 0) : -1;
      const now = await counterAt(nodes);
      log(`behind ${trial} ${name} leads: told ${told} at ${revision}, the counter is ${now.version}`);
      if (told !== before || revision !== first.modRevision) {
        const wanted = `the first answer was ${before} at ${first.modRevision}`;
        wrong.push(`behind ${trial}: ${wanted}, but told was ${told} at ${revision}`);
      }
      if (now.version !== before + 1) {
        wrong.push(`behind ${trial}: the counter is ${now.version}, not ${before + 1}`);
        break;
      }
      for (const other of nodes.names) if (nodes.hasEnded(other)) nodes.spawn(other);
    }
    return { installed, wrong };
  } finally {
    held = false;
    await client?.close();
    await cluster.stop();
  }
}

/** A client of the leader alone, past the links. */
async function withLeader<T>(nodes: NodeProcesses, use: (client: Client) => Promise<T>): Promise<T> {
  const { name } = await nodes.leader();
  const client = await connect({ endpoints: [nodes.endpoint(name)], timeoutMs: 60_000 });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

function counterAt(
  nodes: NodeProcesses,
): Promise<{ readonly version: number; readonly modRevision: number }> {
  return withLeader(nodes, async (client) => (await client.get("counter")) ?? { version: 0, modRevision: 0 });
}

async function load(client: Client): Promise<void> {
  await Promise.all(Array.from({ length: BATCH }, (_, i) => client.put(`load/${i}`, "x".repeat(256))));
}

async function followerOf(nodes: NodeProcesses): Promise<string> {
  const { name: leader } = await nodes.leader();
  return nodes.names.find((name) => name !== leader) ?? "";
}

async function restart(nodes: NodeProcesses, name: string): Promise<void> {
  await nodes.kill(name);
  nodes.spawn(name);
}

/** Nobody's log has the write by then: each knows it from its own checkpoint. */
async function restartAll(nodes: NodeProcesses): Promise<void> {
  await untilCut(nodes, nodes.names);
  await nodes.killAll();
  for (const name of nodes.names) nodes.spawn(name);
}

/** Loads the cluster until the logs of these nodes begin behind everything that there is now. */
async function untilCut(nodes: NodeProcesses, names: readonly string[]): Promise<void> {
  const { lastIndex } = await nodes.leader();
  const firstIndex = (name: string) => metricOf(nodes.endpoint(name), "raftkv_raft_first_index");
  await withLeader(nodes, async (client) => {
    const look = async () => {
      await load(client);
      return Math.min(...(await Promise.all(names.map(firstIndex)))) > lastIndex ? true : null;
    };
    await until(`the logs begin behind ${lastIndex}`, look, PATIENT);
  });
}

/** Starts a node that is down when no log reaches back to it any more, and waits until a snapshot has brought it back. */
async function installOn(nodes: NodeProcesses, away: string): Promise<void> {
  await untilCut(
    nodes,
    nodes.names.filter((name) => name !== away),
  );
  nodes.spawn(away);
  const look = async () => {
    const installs = await metricOf(nodes.endpoint(away), "raftkv_snapshots_received_total");
    const [back, led] = [await nodes.status(away), await nodes.leader()];
    return installs > 0 && back.appliedIndex >= led.appliedIndex - BATCH ? true : null;
  };
  await until(`${away} has installed a snapshot`, look, PATIENT);
}

/** No choice is left to chance: of the two that are up at the end only `wanted` has the newest entry (§3.6.1). */
async function makeLeader(nodes: NodeProcesses, wanted: string): Promise<void> {
  const { name: leader } = await nodes.leader();
  if (leader === wanted) return;
  const third = nodes.names.find((name) => name !== wanted && name !== leader) ?? "";
  await nodes.kill(third);
  await withLeader(nodes, (client) => client.put("newest", ""));
  await nodes.kill(leader);
  nodes.spawn(third);
  const leads = async () => ((await nodes.leader()).name === wanted ? true : null);
  await until(`${wanted} leads`, leads, PATIENT);
}
