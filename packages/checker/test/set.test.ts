import { assert } from "chai";
import { HistoryError, checkSet } from "@raftkv/checker";
import type { SetOperation } from "@raftkv/checker";
import { add, members, on, put } from "./support/operations.js";

const good: Record<string, SetOperation[]> = {
  "an empty set": [members([], 1, 2)],
  "what was added": [add(1, 1, 2), add(2, 3, 4), members([2, 1], 5, 6)],
  "1 and the text 1 are two elements": [add(1, 1, 2), add("1", 3, 4), members([1, "1"], 5, 6)],
  "an add that overlaps the read may be there": [add(1, 1, 4), members([1], 2, 3)],
  "an add that overlaps the read may be missing": [add(1, 1, 4), members([], 2, 3)],
  "an unknown add that happened": [add(1, 1, "?"), members([1], 2, 3)],
  "an unknown add that happened late": [add(1, 1, "?"), members([], 2, 3), members([1], 4, 5)],
  "a failed add that was tried again": [add(1, 1, 2, "fail"), add(1, 3, 4), members([1], 5, 6)],
  "overlapping reads may disagree": [add(1, 1, "?"), members([1], 2, 5), members([], 3, 4)],
  "keys are apart": [add(1, 1, 2), on("l", add(2, 3, 4)), members([1], 5, 6), on("l", members([2], 7, 8))],
};

const bad: Record<string, { history: SetOperation[]; finding: string }> = {
  "an acknowledged element is lost": {
    history: [add(1, 1, 2), add(2, 3, 4), members([1], 5, 6)],
    finding: "lost 2: its add by process 3 was acknowledged at 4",
  },
  "an element is there, and gone again": {
    history: [add(1, 1, "?"), members([1], 2, 3), members([], 4, 5)],
    finding: "lost 1: process 2 had read it at 3",
  },
  "an element out of nowhere": {
    history: [add(1, 1, 2), members([1, 9], 3, 4)],
    finding: "unexpected 9: nobody added it",
  },
  "an element whose add failed": {
    history: [add(1, 1, 2, "fail"), members([1], 3, 4)],
    finding: "unexpected 1: its add failed",
  },
  "an element from the future": {
    history: [members([1], 1, 2), add(1, 3, 4)],
    finding: "unexpected 1: its add was called at 3 only",
  },
  "an element twice": {
    history: [add(1, 1, 2), members([1, 1], 3, 4)],
    finding: "repeated 1: it is there twice",
  },
  "an element of another key": {
    history: [on("l", add(1, 1, 2)), members([1], 3, 4)],
    finding: "unexpected 1: nobody added it",
  },
};

describe("sets (nothing acknowledged lost, nothing out of nowhere)", () => {
  for (const [name, history] of Object.entries(good))
    it(`accepts: ${name}`, () => {
      assert.deepEqual([...checkSet(history).findings], []);
      assert.isTrue(checkSet(history).ok);
    });

  for (const [name, { history, finding }] of Object.entries(bad))
    it(`refuses: ${name}`, () => {
      const result = checkSet(history);
      assert.isFalse(result.ok);
      assert.deepEqual(
        result.findings.map(({ kind, element, reason }) => `${kind} ${element}: ${reason}`),
        [finding],
      );
    });

  it("is not ok without a single read: such a history proves nothing", () => {
    assert.isFalse(checkSet([add(1, 1, 2)]).ok);
    assert.isFalse(checkSet([add(1, 1, 2), members([], 3, "?")]).ok);
  });

  it("counts the unknown adds that took effect", () => {
    const result = checkSet([add(1, 1, "?"), add(2, 2, "?"), add(3, 3, 4), members([1, 3], 5, 6)]);
    assert.deepInclude(result, { ok: true, adds: 3, reads: 1, recovered: 1 });
  });

  it("refuses a history of something else", () => {
    assert.throws(
      () => checkSet([put("a", [1, 2])] as unknown as SetOperation[]),
      HistoryError,
      'op is "put"',
    );
  });
});
