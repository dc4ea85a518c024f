import { majorityOf, shuffled } from "./nemesis.js";
import type { Nemesis } from "./nemesis.js";

/** The nodes' disks lose what was not synced, or a random part of it (power-loss/disk.ts). */
export const powerLoss: Nemesis = {
  name: "power-loss",
  groups: ["processes"],
  about: "one node, a majority or all lose power, and what was not synced (Linux with a C compiler)",
  lastsMs: [200, 3_000],
  async strike({ cluster, random }) {
    const count = random.pick([1, majorityOf(cluster.names.length), cluster.names.length]);
    const names = shuffled(cluster.names, random).slice(0, count);
    await cluster.kill(names);
    const losses = names.map((name) => cluster.losePower(name, random.chance(0.3) ? null : random.fork()));
    const lost = losses.reduce((sum, loss) => sum + loss.files + loss.names, 0);
    return {
      label: `power loss of ${names.join(" ")}: ${lost} files and names were not synced`,
      end: () => names.forEach((name) => cluster.start(name)),
    };
  },
};
