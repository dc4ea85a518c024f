import { setTimeout as pause } from "node:timers/promises";
import type { Nemesis, Scene } from "./nemesis.js";

const LOOK_EVERY_MS = 100;

/** Nobody's writes are taken then (W12); reads go on, and when there is room again writes come back by themselves. */
export const diskFull: Nemesis = {
  name: "disk-full",
  groups: ["disk"],
  about: "the disk of all nodes fills up, and has room again (Linux, as root)",
  lastsMs: [1_000, 6_000],
  async strike(scene) {
    const { cluster, random } = scene;
    const leftMib = random.pick([16, 24, 40]);
    await cluster.fillDisk(leftMib);
    const said = await whoSays(scene);
    return {
      label: `the disk is full but for ${leftMib} MiB, as ${said.length === 0 ? "nobody says" : `${said.join(" ")} say`}`,
      end: () => cluster.emptyDisk(),
    };
  },
};

/** Nodes that show a full disk, as soon as all do that show anything, or when the time is over. */
async function whoSays({ cluster, signal }: Scene): Promise<string[]> {
  for (;;) {
    const statuses = await Promise.all(cluster.names.map((name) => cluster.look(name)));
    const shown = statuses.filter((status) => status !== null);
    const said = shown.filter(({ diskFull: isFull }) => isFull).map(({ name }) => name);
    if (signal.aborted || (said.length > 0 && said.length === shown.length)) return said;
    await pause(LOOK_EVERY_MS);
  }
}
