import { leaderOrAny, untilOver } from "./nemesis.js";
import type { Nemesis } from "./nemesis.js";

/** A change under load, and under whatever else goes on: the new member gets its vote by itself (R22), the old one ends (R25). */
export const member: Nemesis = {
  name: "member",
  groups: ["members"],
  about:
    "a member is removed, the leader too, and a new one with an empty directory joins, before or after that",
  lastsMs: [3_000, 10_000],
  async strike(scene) {
    const { cluster, random } = scene;
    const isLeader = random.chance(0.4);
    const any = random.pick(cluster.names);
    const leaving = isLeader ? await leaderOrAny(scene) : any;
    const name = cluster.changes.newName();
    const addFirst = random.chance(0.5);
    const startFirst = random.chance(0.5);
    const done = cluster.changes.swap({ name, leaving, addFirst, startFirst });
    const label = `${name} comes, ${addFirst ? "then" : "after"} ${leaving} is removed; ${startFirst ? "started" : "added"} first`;
    return { label, end: () => untilOver(done, scene) };
  },
};
