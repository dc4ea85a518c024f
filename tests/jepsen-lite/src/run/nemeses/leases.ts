import { RaftKvError, connect } from "@raftkv/client";
import type { Scene, Nemesis } from "./nemesis.js";

const CALL_MS = 2_000;

/** Leases are switched while reads are under way that they granted; whatever else goes wrong then has them, or has them not (R8, R19). */
export const leases: Nemesis = {
  name: "leases",
  groups: ["leases"],
  about: "leader leases are switched on, with this margin or that, or off, and stay so until the next time",
  lastsMs: [200, 1_500],
  async strike(scene) {
    const { random } = scene;
    const isOn = random.chance(0.8);
    const marginPercent = random.pick([5, 20, 50]);
    const done = setLeases(scene, isOn ? marginPercent : null);
    return { label: isOn ? `leases with a margin of ${marginPercent} %` : "no leases", end: () => done };
  },
};

async function setLeases({ cluster }: Scene, marginPercent: number | null): Promise<void> {
  const endpoints = cluster.names.map((name) => cluster.processes.endpoint(name));
  try {
    const client = await connect({ endpoints, timeoutMs: CALL_MS, sessions: false });
    try {
      await (marginPercent === null ? client.leaderLeases.off() : client.leaderLeases.on({ marginPercent }));
    } finally {
      await client.close();
    }
  } catch (error) {
    // Nobody leads, or the members change.
    if (!(error instanceof RaftKvError)) throw error;
  }
}
