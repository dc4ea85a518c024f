import { assert } from "chai";
import { checkCounter } from "@raftkv/checker";
import type { CounterOperation } from "@raftkv/checker";
import { increment, on, total } from "./support/operations.js";

const good: Record<string, CounterOperation[]> = {
  "zero at first": [total(0, 1, 2)],
  "the sum": [increment(1, [1, 2]), increment(5, [3, 4]), total(6, 5, 6)],
  "the sum with negative ones": [increment(3, [1, 2]), increment(-5, [3, 4]), total(-2, 5, 6)],
  "one that overlaps may count": [increment(2, [1, 4]), total(2, 2, 3)],
  "one that overlaps may not count yet": [increment(2, [1, 4]), total(0, 2, 3)],
  "an unknown one may count later": [increment(2, [1, "?"]), total(0, 2, 3), total(2, 4, 5)],
  "a failed one never counts": [increment(2, [1, 2, "fail"]), total(0, 3, 4)],
  "increments that tell the total": [
    increment(1, [1, 2], 1),
    increment(1, [3, 6], 3),
    increment(1, [4, 5], 2),
  ],
  "an unknown negative one": [increment(5, [1, 2]), increment(-3, [3, "?"]), total(2, 4, 5), total(2, 6, 7)],
  "keys are apart": [
    increment(1, [1, 2]),
    on("l", increment(7, [3, 4])),
    total(1, 5, 6),
    on("l", total(7, 7, 8)),
  ],
};

const bad: Record<string, { history: CounterOperation[]; kinds: string[] }> = {
  "a lost increment": {
    history: [increment(1, [1, 2]), increment(1, [3, 4]), total(1, 5, 6)],
    kinds: ["out of bounds"],
  },
  "a doubled increment": { history: [increment(1, [1, 2]), total(2, 3, 4)], kinds: ["out of bounds"] },
  "an unknown increment that counts twice": {
    history: [increment(2, [1, "?"]), total(4, 2, 3)],
    kinds: ["out of bounds"],
  },
  "a failed increment that counts": {
    history: [increment(2, [1, 2, "fail"]), total(2, 3, 4)],
    kinds: ["out of bounds"],
  },
  "an increment from the future": {
    history: [total(1, 1, 2), increment(1, [3, 4])],
    kinds: ["out of bounds"],
  },
  "a total that goes back": {
    history: [increment(2, [1, "?"]), total(2, 2, 3), total(0, 4, 5)],
    kinds: ["not monotone"],
  },
  "an increment that does not build on the total told before": {
    history: [increment(3, [1, "?"]), total(3, 2, 3), increment(1, [4, 5], 1)],
    kinds: ["not monotone"],
  },
  "two increments that are told the same total": {
    history: [increment(1, [1, 4], 1), increment(1, [2, 3], 1)],
    kinds: ["told twice"],
  },
  "an increment that is told less than itself": {
    history: [increment(5, [1, 2], 3)],
    kinds: ["out of bounds", "not monotone"],
  },
};

describe("counters (no increment lost, none counted twice)", () => {
  for (const [name, history] of Object.entries(good))
    it(`accepts: ${name}`, () => {
      assert.deepEqual([...checkCounter(history).findings], []);
      assert.isTrue(checkCounter(history).ok);
    });

  for (const [name, { history, kinds }] of Object.entries(bad))
    it(`refuses: ${name}`, () => {
      const result = checkCounter(history);
      assert.isFalse(result.ok);
      assert.deepEqual(
        result.findings.map(({ kind }) => kind),
        kinds,
      );
    });

  it("is not ok when no total was ever told: such a history proves nothing", () => {
    assert.isFalse(checkCounter([increment(1, [1, 2])]).ok);
  });
});
