import { until } from "../harness/until.js";
import type { Random } from "../power-loss/random.js";
import type { Scene } from "./show.js";

export const THREE = ["n1", "n2", "n3"];

/** @param restMs how long the load goes on between two nodes. */
export async function restartAll(scene: Scene, rounds: number, restMs: number): Promise<void> {
  const { nodes, random, step } = scene;
  await scene.rest(restMs);
  step("three members");
  for (let round = 1; round <= rounds; round += 1) {
    for (const name of shuffled(THREE, random)) {
      const { name: leader } = await nodes.leader();
      const { code, signal, stderr } = await nodes.stop(name);
      if (code !== 0) throw new Error(`${name} was stopped, and ended with ${code ?? signal}: ${stderr}`);
      nodes.start(name);
      await nodes.ready(name);
      await caughtUp(scene, name);
      step(`${name} restarted${leader === name ? ", it led" : ""} (round ${round})`);
      await scene.rest(restMs);
    }
  }
}

function shuffled(names: readonly string[], random: Random): readonly string[] {
  const left = [...names];
  return names.map(() => left.splice(random.below(left.length), 1)[0] ?? "");
}

/** As an operator looks before the next one is stopped. */
async function caughtUp({ operator }: Scene, name: string): Promise<void> {
  await until(`${name} is alive and near the end of the log`, async () => {
    const members = await operator.members.list();
    const found = members.find((member) => member.name === name);
    return found?.alive === true && (found.lag ?? Infinity) < 1_000 ? true : null;
  });
}
