import { TestCluster } from "../harness/cluster.js";
import { conclude } from "./verdict.js";
import type { Verdict } from "./verdict.js";
import { Writers } from "./writers.js";

export interface KillLeaderOptions {
  readonly puts: number;
  readonly kills: number;
  readonly log: (line: string) => void;
}

/** One loop puts keys; meanwhile the leader is killed with SIGKILL and started again, several times. */
export async function killLeader({ puts, kills, log }: KillLeaderOptions): Promise<Verdict> {
  const cluster = await TestCluster.start();
  const writers = new Writers({ endpoints: cluster.endpoints, writers: 1, puts, timeoutMs: 10_000 });
  try {
    await writers.start();
    for (let kill = 1; kill <= kills; kill += 1) {
      await writers.untilAcknowledged(Math.floor((puts * kill) / (kills + 2)));
      const { name } = await cluster.leader();
      log(`kill ${kill}: ${name} leads and is killed, ${writers.acknowledged.size} puts are acknowledged`);
      cluster.kill([name]);
      // It stays away until the other two have shown that they go on without it.
      await writers.untilAcknowledged(writers.acknowledged.size + Math.floor(puts / 20));
      await cluster.startNodes([name]);
    }
    await writers.finished();
  } catch (error) {
    await Promise.allSettled([cluster.stop({ keep: true }), writers.stop()]);
    throw error;
  }
  return conclude(cluster, writers);
}
