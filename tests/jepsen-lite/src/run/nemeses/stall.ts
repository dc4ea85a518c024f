import { setTimeout as pause } from "node:timers/promises";
import { leaderOrAny } from "./nemesis.js";
import type { Nemesis } from "./nemesis.js";

/** What a lease has to survive: nobody tells the leader that time went on without it, and that another one leads (R19). */
export const stall: Nemesis = {
  name: "stall",
  groups: ["processes", "links"],
  about:
    "SIGSTOP of the leader until there may be another one; then it goes on, cut off from the other nodes",
  lastsMs: [3_500, 7_000],
  async strike(scene) {
    const { cluster, random, signal } = scene;
    const { network } = cluster;
    const dropHeld = random.chance(0.5);
    const pausedMs = random.between(1_500, 3_000);
    const leader = await leaderOrAny(scene);
    cluster.pause(leader);
    for (const other of cluster.names.filter((name) => name !== leader)) {
      network.setPeer(leader, other, { cut: true });
      network.setPeer(other, leader, { cut: true });
    }
    const resumed = pause(pausedMs, undefined, { signal })
      .catch(() => undefined)
      .then(() => cluster.resume(leader));
    return {
      label: `pause of ${leader} for ${pausedMs} ms, alone from then on`,
      async end() {
        await resumed;
        network.heal({ dropHeld });
      },
    };
  },
};
