import { join } from "node:path";
import { killAt } from "../harness/kill-at.js";
import type { Moment } from "../harness/kill-at.js";
import { metricOf } from "../harness/metric.js";
import { NodeProcesses } from "../harness/node-processes.js";
import { PutLoad } from "../harness/put-load.js";
import type { Stretch } from "../harness/put-load.js";
import { until } from "../harness/until.js";

export interface FollowerAwayOptions {
  readonly puts: number;
  /** How often the follower is killed while it takes in or installs a snapshot. */
  readonly kills: number;
  /** What the log keeps: below `puts`, or no snapshot is needed. */
  readonly logKeepEntries: number;
  readonly snapshotBytesPerSecond: number;
  /** How long the latencies before are measured. */
  readonly calmSeconds: number;
  readonly log: (line: string) => void;
  readonly env?: NodeJS.ProcessEnv;
}

export interface FollowerAwayVerdict {
  readonly acknowledged: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly missing: readonly string[];
  readonly equal: boolean;
  readonly hashes: Readonly<Record<string, string>>;
  /** Snapshots that were installed by lives of the follower that could be asked. */
  readonly installed: number;
  readonly killedWhile: Readonly<Record<string, number>>;
  readonly before: Stretch;
  readonly during: Stretch;
}

const MOMENTS: readonly Moment[] = ["receiving", "whole", "installed"];

/**
 * A follower is stopped for longer than the log reaches, and comes back through a snapshot while clients go on at half of the
 * best rate; before that it is killed with SIGKILL in the middle of it, several times (S10).
 */
export async function followerAway(options: FollowerAwayOptions): Promise<FollowerAwayVerdict> {
  const { calmSeconds, kills, log, logKeepEntries, puts } = options;
  const nodes = await NodeProcesses.start({
    nodes: 3,
    env: {
      RAFTKV_LOG_KEEP_ENTRIES: String(logKeepEntries),
      RAFTKV_CHECKPOINT_ENTRIES: String(logKeepEntries),
      RAFTKV_SNAPSHOT_BYTES_PER_SECOND: String(options.snapshotBytesPerSecond),
      ...options.env,
    },
  });
  const load = await PutLoad.connect(nodes.endpoints);
  try {
    const leader = (await nodes.leader()).name;
    const away = nodes.names.find((name) => name !== leader) ?? "";
    await nodes.kill(away);
    const perSecond = await load.blast(puts, Math.min(2_048, Math.ceil(puts / 8)));
    log(`${away} is away, ${leader} leads: ${puts} puts, ${Math.round(perSecond)} a second`);
    load.pace(perSecond / 2);
    const killedWhile: Record<string, number> = {};
    for (let kill = 0; kill < kills; kill += 1) {
      const moment = MOMENTS[kill % MOMENTS.length] ?? "receiving";
      const was = await killedAt(nodes, away, moment);
      killedWhile[was] = (killedWhile[was] ?? 0) + 1;
      log(
        `kill ${kill + 1}: ${away} is killed when it is ${was}, ${load.acknowledged} puts are acknowledged`,
      );
      // Installed, or about to be: it stays away until the log has gone past it again.
      if (was !== "receiving") await more(load, 3 * logKeepEntries);
    }
    load.stretch();
    await new Promise((resolve) => setTimeout(resolve, calmSeconds * 1000));
    const before = load.stretch();
    nodes.spawn(away);
    await until(
      `${away} has installed a snapshot, and has caught up`,
      async () => {
        const [back, led] = await Promise.all([nodes.status(away), nodes.status(leader)]);
        if ((await installs(nodes, away)) === 0) return null;
        return led.appliedIndex - back.appliedIndex < logKeepEntries / 10 ? true : null;
      },
      { limitMs: 600_000 },
    );
    const during = load.stretch();
    await load.rest();
    const installed = await installs(nodes, away);
    const hashes = await converged(nodes);
    const missing = await load.missingOn(nodes.endpoint(away));
    return {
      acknowledged: load.acknowledged,
      errors: Object.fromEntries(load.errors),
      missing,
      equal: new Set(Object.values(hashes)).size === 1,
      hashes,
      installed,
      killedWhile,
      before,
      during,
    };
  } finally {
    await load.close();
    await nodes.stop();
  }
}

/** Starts the follower, and kills it when the moment has come. Returns the one that it was. */
async function killedAt(nodes: NodeProcesses, name: string, moment: Moment): Promise<Moment> {
  const endpoint = nodes.endpoint(name);
  const pid = nodes.spawn(name);
  if (moment !== "receiving") {
    const was = await killAt(moment, pid, join(nodes.dataDir(name), "groups", "1"));
    await nodes.ended(name);
    return was;
  }
  await until(
    `${name} takes in a snapshot`,
    async () => ((await metricOf(endpoint, "raftkv_snapshot_received_bytes_total")) > 0 ? true : null),
    { limitMs: 120_000, everyMs: 5 },
  );
  await nodes.kill(name);
  return "receiving";
}

async function more(load: PutLoad, count: number): Promise<void> {
  const wanted = load.acknowledged + count;
  await until(`${wanted} puts are acknowledged`, async () => (load.acknowledged >= wanted ? true : null), {
    limitMs: 600_000,
  });
}

function installs(nodes: NodeProcesses, name: string): Promise<number> {
  return metricOf(nodes.endpoint(name), "raftkv_snapshots_received_total");
}

async function converged(nodes: NodeProcesses): Promise<Record<string, string>> {
  await until(
    "all nodes have applied the same index",
    async () => {
      const all = await Promise.all(nodes.names.map((name) => nodes.status(name)));
      return new Set(all.map((one) => one.appliedIndex)).size === 1 ? true : null;
    },
    { limitMs: 120_000 },
  );
  const hashes: Record<string, string> = {};
  for (const name of nodes.names) {
    const { hash, revision } = await nodes.status(name, true);
    hashes[name] = `${revision} ${hash}`;
  }
  return hashes;
}
