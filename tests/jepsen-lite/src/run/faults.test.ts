import { assert } from "chai";
import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Random } from "../power-loss/random.js";
import type { ClusterUnderTest } from "./cluster-under-test.js";
import { playFaults } from "./faults.js";
import { untilOver } from "./nemeses/nemesis.js";
import type { Nemesis } from "./nemeses/nemesis.js";

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

/** None of these touches it. */
const CLUSTER = {} as ClusterUnderTest;

function play(nemesis: Nemesis, { lastsMs, untilMs }: { lastsMs: number; untilMs: number }) {
  return playFaults([{ nemesis, startMs: 0, lastsMs, random: new Random(1) }], CLUSTER, {
    nowMs: () => performance.now(),
    untilMs: performance.now() + untilMs,
    // What was made in this turn is not collected in it.
    onFault: () => setTimeout(collectGarbage, 0),
    signal: new AbortController().signal,
  });
}

describe("a fault", function () {
  this.timeout(10_000);
  const nemesis = { name: "wait", groups: ["commands"], about: "", lastsMs: [0, 0] } as const;

  it("is told that its time is over, also when nobody else holds the signal and garbage is collected", async () => {
    const waiting: Nemesis = {
      ...nemesis,
      strike: async ({ signal }) => {
        const over = once(signal, "abort");
        return { label: "waits", end: async () => void (await over) };
      },
    };
    assert.lengthOf(await play(waiting, { lastsMs: 60, untilMs: 5_000 }), 1);
  });

  it("whose work is never done does not keep the end of all faults waiting", async () => {
    const endless: Nemesis = {
      ...nemesis,
      strike: async (scene) => ({ label: "works", end: () => untilOver(new Promise(() => {}), scene) }),
    };
    assert.lengthOf(await play(endless, { lastsMs: 20, untilMs: 100 }), 1);
  });
});
