import { setTimeout as pause } from "node:timers/promises";
import { follower, leaderOrAny, majorityOf, shuffled } from "./nemesis.js";
import type { Fault, Nemesis, Scene } from "./nemesis.js";

const LOOK_EVERY_MS = 100;

async function killed({ cluster }: Scene, names: readonly string[]): Promise<Fault> {
  await cluster.kill(names);
  return {
    label: `kill -9 of ${names.join(" ")}`,
    end: () => names.forEach((name) => cluster.start(name)),
  };
}

export const kill: Nemesis = {
  name: "kill",
  groups: ["processes"],
  about: "kill -9 of the leader, a follower, a majority or all at once",
  lastsMs: [200, 4_000],
  async strike(scene) {
    const { cluster, random } = scene;
    const kind = random.pick(["leader", "leader", "follower", "majority", "all"] as const);
    switch (kind) {
      case "leader":
        return killed(scene, [await leaderOrAny(scene)]);
      case "follower":
        return killed(scene, [await follower(scene)]);
      case "majority":
        return killed(scene, shuffled(cluster.names, random).slice(0, majorityOf(cluster.names.length)));
      case "all":
        return killed(scene, cluster.names);
    }
  },
};

export const stop: Nemesis = {
  name: "pause",
  groups: ["processes"],
  about: "SIGSTOP of the leader, or of others, and SIGCONT",
  lastsMs: [300, 6_000],
  async strike(scene) {
    const { cluster, random } = scene;
    const isLeader = random.chance(0.6);
    const others = shuffled(cluster.names, random).slice(0, random.between(1, cluster.names.length));
    const names = isLeader ? [await leaderOrAny(scene)] : others;
    for (const name of names) cluster.pause(name);
    return {
      label: `pause of ${names.join(" ")}`,
      end: () => names.forEach((name) => cluster.resume(name)),
    };
  },
};

export const restart: Nemesis = {
  name: "restart",
  groups: ["processes"],
  about: "rolling restarts: each node is asked to end, and started again",
  lastsMs: [4_000, 12_000],
  async strike({ cluster, random, signal }) {
    const order = shuffled(cluster.names, random);
    const restMs = random.between(0, 1_500);
    const done = (async () => {
      for (const name of order) {
        if (signal.aborted) return;
        await cluster.terminate(name);
        cluster.start(name);
        // The next one only when this one is back, or the time is over.
        while (!signal.aborted && (await cluster.look(name)) === null) await pause(LOOK_EVERY_MS);
        await pause(restMs);
      }
    })();
    return { label: `rolling restart of ${order.join(" ")}`, end: () => done };
  },
};
