import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
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
  /** Puts a second while the follower comes back, at most: by default half of the best rate. */
  readonly paceMax?: number;
  /** How long latencies are measured before it goes away, and before it comes back. */
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
  /** With all three there. */
  readonly before: Stretch;
  /** While it is away, right before it comes back. */
  readonly whileAway: Stretch;
  readonly during: Stretch;
}

/** What was queued up at full speed drains before latencies count. */
const SETTLE_MS = 2_000;
/** Looking is work for the nodes too. */
const LOOK_EVERY_MS = 250;
/** Puts while the follower is killed, as a part of those while it comes back: each of its lives sends everything again, which is to stay possible. */
const KILLS_PACE_PART = 0.25;
const MOMENTS: readonly Moment[] = ["receiving", "whole", "installed"];

/**
 * A follower is stopped for longer than the log reaches, and comes back through a snapshot while clients go on at half of the
 * best rate. Then it goes away again, and is killed with SIGKILL several times in the middle of that, while they go on more slowly (S10).
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
    const atOnce = Math.min(2_048, Math.ceil(puts / 8));
    const perSecond = await load.blast(Math.ceil(puts / 10), atOnce);
    const pace = Math.min(perSecond / 2, options.paceMax ?? Infinity);
    load.pace(pace);
    await pause(SETTLE_MS);
    load.stretch();
    await pause(calmSeconds * 1000);
    const before = load.stretch();
    await load.rest();
    log(
      `${leader} leads, ${Math.round(perSecond)} puts a second at best; ${away} goes away for ${puts} puts`,
    );
    await nodes.kill(away);
    await load.blast(puts, atOnce);
    load.pace(pace);
    await untilNeeded(nodes, away);
    await pause(SETTLE_MS);
    load.stretch();
    await pause(calmSeconds * 1000);
    const whileAway = load.stretch();
    nodes.spawn(away);
    await untilBack(nodes, away, logKeepEntries);
    const during = load.stretch();
    await load.rest();
    const p99s = [before, whileAway, during].map(({ p99Ms }) => p99Ms.toFixed(1)).join(", ");
    log(
      `${away} is back, ${load.acknowledged} puts are acknowledged; p99 with all there, while it was away, while it came back: ${p99s} ms`,
    );
    const killedWhile: Record<string, number> = {};
    if (kills > 0) {
      await nodes.kill(away);
      load.pace(pace * KILLS_PACE_PART);
      await untilNeeded(nodes, away);
    }
    for (let kill = 0; kill < kills; kill += 1) {
      const moment = MOMENTS[kill % MOMENTS.length] ?? "receiving";
      const was = await killedAt(nodes, away, moment);
      killedWhile[was] = (killedWhile[was] ?? 0) + 1;
      log(
        `kill ${kill + 1}: ${away} is killed when it is ${was}, ${load.acknowledged} puts are acknowledged`,
      );
      // Installed, or about to be: it stays away until the log has gone past it again.
      if (was !== "receiving") await untilNeeded(nodes, away);
    }
    if (kills > 0) {
      nodes.spawn(away);
      await untilBack(nodes, away, logKeepEntries);
      await load.rest();
    }
    const installed = await installs(nodes, away);
    log(`hashing the replicas, then reading all puts at ${away}`);
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
      whileAway,
      during,
    };
  } finally {
    await load.close();
    await nodes.stop();
  }
}

/** Waits until the follower has installed a snapshot in this life, and has nearly what the leader has. */
async function untilBack(nodes: NodeProcesses, away: string, logKeepEntries: number): Promise<void> {
  const leader = (await nodes.leader()).name;
  await until(
    `${away} has installed a snapshot, and has caught up`,
    async () => {
      if ((await installs(nodes, away)) === 0) return null;
      const [back, led] = await Promise.all([nodes.status(away), nodes.status(leader)]);
      return led.appliedIndex - back.appliedIndex < logKeepEntries / 10 ? true : null;
    },
    { limitMs: 900_000, everyMs: LOOK_EVERY_MS },
  );
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

/** Waits until no log reaches back to what the one that is away has, so that only a snapshot helps it. */
async function untilNeeded(nodes: NodeProcesses, away: string): Promise<void> {
  const others = nodes.names.filter((name) => name !== away);
  const { lastIndex } = await nodes.leader();
  await until(
    `the logs begin behind ${lastIndex}`,
    async () => {
      const firsts = others.map((name) => metricOf(nodes.endpoint(name), "raftkv_raft_first_index"));
      return Math.min(...(await Promise.all(firsts))) > lastIndex ? true : null;
    },
    { limitMs: 300_000, everyMs: LOOK_EVERY_MS },
  );
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
