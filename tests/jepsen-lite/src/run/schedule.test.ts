import { assert } from "chai";
import { Random } from "../power-loss/random.js";
import { NEMESES } from "./nemeses/all.js";
import { sharesGroup } from "./nemeses/nemesis.js";
import { planFaults } from "./schedule.js";
import type { PlannedFault } from "./schedule.js";

const ALL = NEMESES.map(({ name }) => name);
const TOTAL_MS = 300_000;

/** Everything that was drawn, the first choice within each fault too. */
function drawn(faults: readonly PlannedFault[]): unknown[] {
  return faults.map(({ lastsMs, nemesis, random, startMs }) => [
    nemesis.name,
    startMs,
    lastsMs,
    random.next(),
  ]);
}

describe("the schedule of faults", () => {
  it("is the same for the same seed, and another for another", () => {
    const plan = (seed: number): unknown[] => drawn(planFaults(ALL, TOTAL_MS, new Random(seed)));
    assert.deepEqual(plan(7), plan(7));
    assert.notDeepEqual(plan(7), plan(8));
  });

  it("has every kind that was chosen, none else, and ends in time", () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const chosen = ALL.filter((_, at) => at % 2 === seed % 2);
      const faults = planFaults(chosen, TOTAL_MS, new Random(seed));
      assert.sameMembers([...new Set(faults.map(({ nemesis }) => nemesis.name))], chosen);
      for (const { lastsMs, startMs } of faults) assert.isAtMost(startMs + lastsMs, TOTAL_MS);
    }
  });

  it("lets faults overlap, but none with another of its group", () => {
    let overlaps = 0;
    for (let seed = 1; seed <= 50; seed += 1) {
      const faults = planFaults(ALL, TOTAL_MS, new Random(seed));
      for (const [at, fault] of faults.entries()) {
        const meanwhile = faults
          .slice(at + 1)
          .filter(({ startMs }) => startMs < fault.startMs + fault.lastsMs);
        overlaps += meanwhile.length;
        for (const { nemesis } of meanwhile) assert.isFalse(sharesGroup(nemesis, fault.nemesis));
      }
    }
    assert.isAbove(overlaps, 0);
  });

  it("is empty without a nemesis, or without time", () => {
    assert.deepEqual(planFaults([], TOTAL_MS, new Random(1)), []);
    assert.deepEqual(planFaults(ALL, 100, new Random(1)), []);
  });
});
