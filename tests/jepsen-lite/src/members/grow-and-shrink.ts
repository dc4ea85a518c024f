import type { Scene } from "./show.js";
import { until } from "../harness/until.js";

const REMOVED = 77;

/** One node, then three, then five, then three that were none of the first. */
export const FIRST = ["n1"];
/** The whole of it, and one that takes little time. */
export const GROWTH = ["n2", "n3", "n4", "n5"];
export const SMALL_GROWTH = ["n2", "n3"];

/** @param restMs how long the load goes on between two steps. */
export async function growAndShrink(scene: Scene, growth: readonly string[], restMs: number): Promise<void> {
  const { random, step } = scene;
  step("one member");
  await scene.rest(restMs);
  for (const name of growth) {
    await grow(scene, name);
    await scene.rest(restMs);
  }
  // The first one, which knew the cluster from its beginning, goes in any case.
  const others = growth.length > 2 ? [random.pick(growth)] : [];
  const leaving = random.chance(0.5) ? ["n1", ...others] : [...others, "n1"];
  for (const name of leaving) {
    await shrink(scene, name);
    await scene.rest(restMs);
  }
  await moveLeadership(scene);
  await scene.rest(restMs);
}

async function grow(scene: Scene, name: string): Promise<void> {
  const { nodes, operator, random, step } = scene;
  await nodes.prepare(name);
  // Both orders are right.
  const startsFirst = random.chance(0.5);
  if (startsFirst) nodes.start(name);
  await operator.members.add(name, { peer: nodes.peer(name) });
  if (!startsFirst) nodes.start(name);
  await until(
    `${name} votes`,
    async () => {
      const members = await operator.members.list();
      return members.find((member) => member.name === name)?.role === "voter" ? true : null;
    },
    { limitMs: 60_000 },
  );
  step(`${name} votes, ${startsFirst ? "started" : "added"} first`);
}

async function shrink({ nodes, operator, step }: Scene, name: string): Promise<void> {
  const { name: leader } = await nodes.leader();
  await operator.members.remove(name);
  const { code, stderr } = await nodes.ended(name);
  if (code !== REMOVED) throw new Error(`${name} was removed, and ended with ${code}: ${stderr}`);
  step(`${name} is gone${leader === name ? ", it led" : ""}`);
}

async function moveLeadership({ nodes, operator, random, step }: Scene): Promise<void> {
  const { name } = await nodes.leader();
  const to = random.pick(nodes.running.filter((other) => other !== name));
  await operator.members.transferLeadership({ to });
  step(`${to} leads, ${name} did`);
}
