import { TestCluster } from "../harness/cluster.js";
import { conclude } from "./verdict.js";
import type { Verdict } from "./verdict.js";
import { Writers } from "./writers.js";

export interface KillAllOptions {
  readonly rounds: number;
  readonly writers: number;
  /** Puts that must be acknowledged between two kills. */
  readonly putsBetween: number;
  readonly log: (line: string) => void;
}

/** All nodes are killed with SIGKILL in the same moment under load, and started again; several times over. */
export async function killAll({
  rounds,
  writers: count,
  putsBetween,
  log,
}: KillAllOptions): Promise<Verdict> {
  const cluster = await TestCluster.start();
  const { endpoints } = cluster;
  const writers = new Writers({ endpoints, writers: count, puts: Infinity, timeoutMs: 10_000 });
  try {
    await writers.start();
    for (let round = 1; round <= rounds; round += 1) {
      await writers.untilAcknowledged(writers.acknowledged.size + putsBetween);
      log(`round ${round}: all are killed, ${writers.acknowledged.size} puts are acknowledged`);
      cluster.kill(cluster.names);
      await cluster.startNodes(cluster.names);
    }
    await writers.untilAcknowledged(writers.acknowledged.size + putsBetween);
    await writers.stop();
  } catch (error) {
    await Promise.allSettled([cluster.stop({ keep: true }), writers.stop()]);
    throw error;
  }
  return conclude(cluster, writers);
}
