import { assert } from "chai";
import { FIRST, SMALL_GROWTH, growAndShrink } from "./grow-and-shrink.js";
import { THREE, restartAll } from "./rolling-restart.js";
import { show } from "./show.js";
import type { Scene } from "./show.js";

/** Short, and with a light load: the commands are for more. How long a request takes is not judged here. */
async function keeps(
  command: string,
  first: readonly string[],
  play: (scene: Scene) => Promise<void>,
): Promise<void> {
  const seed = Number(process.env["RAFTKV_SEED"] ?? 1 + Math.floor(Math.random() * 1_000_000));
  const lines: string[] = [];
  const { findings } = await show(first, play, {
    seed,
    pauseMs: 40,
    workloads: ["register", "counter"],
    stallMsMax: null,
    env: {},
    tell: (line) => lines.push(line),
  });
  const again = `npm run ${command} -- --seed ${seed} --workload register,counter --pause 40 --rest 100`;
  assert.deepEqual(findings, [], `${lines.join("\n")}\n${again}`);
}

describe("what an operator does to a cluster under load", function () {
  this.timeout(300_000);

  it("one member becomes three, and two others of them: no request fails, and all is linearizable (§4)", () =>
    keeps("check:members", FIRST, (scene) => growAndShrink(scene, SMALL_GROWTH, 100)));

  it("every node is stopped and started again, one after the other: no request fails (§3.10)", () =>
    keeps("check:rolling", THREE, (scene) => restartAll(scene, 1, 100)));
});
