import { assert } from "chai";
import { checkRevisions } from "@raftkv/checker";
import type { KvOperation } from "@raftkv/checker";
import { del, get, on, put } from "./support/operations.js";

const good: Record<string, KvOperation[]> = {
  "growing over keys": [put("a", [1, 2], 1), on("l", put("b", [3, 4], 2)), del([5, 6], true, 3)],
  "overlapping changes in any order": [put("a", [1, 4], 2), on("l", put("b", [2, 3], 1))],
  "gaps, left by changes of unknown outcome": [put("a", [1, 2], 1), put("b", [3, "?"]), put("c", [4, 5], 3)],
  "a delete that found nothing tells the current one again": [
    put("a", [1, 2], 1),
    on("l", del([3, 4], false, 1)),
  ],
  "a get tells the revision of its put": [put("a", [1, 2], 1), get("a", [3, 4], { modRevision: 1 })],
  "a get may be older than what was told before": [
    put("a", [1, 2], 1),
    on("l", put("b", [3, 4], 2)),
    get("a", [5, 6], { modRevision: 1 }),
  ],
  "a get tells the revision of an unknown put, twice": [
    put("a", [1, 2], 1),
    put("b", [3, "?"]),
    get("b", [4, 5], { modRevision: 2 }),
    get("b", [6, 7], { modRevision: 2 }),
  ],
};

const bad: Record<string, { history: KvOperation[]; finding: string }> = {
  "two changes of two keys with one revision": {
    history: [put("a", [1, 4], 7), on("l", put("b", [2, 3], 7))],
    finding: 'used twice 7: process 1 was told the same one for a put of "a" to "k"',
  },
  "a put and a delete with one revision": {
    history: [put("a", [1, 4], 7), on("l", del([2, 3], true, 7))],
    finding: 'used twice 7: process 1 was told the same one for a put of "a" to "k"',
  },
  "a change acknowledged before has a larger one": {
    history: [put("a", [1, 2], 7), on("l", put("b", [3, 4], 6))],
    finding: "goes back 6: process 1 had been told 7 before this was called",
  },
  "a get had told a larger one before": {
    history: [put("z", [1, "?"]), get("z", [2, 3], { modRevision: 9 }), on("l", put("b", [4, 5], 6))],
    finding: "goes back 6: process 2 had been told 9 before this was called",
  },
  "a delete that found nothing tells one from the past": {
    history: [put("a", [1, 2], 7), on("l", del([3, 4], false, 6))],
    finding: "goes back 6: process 1 had been told 7 before this was called",
  },
  "a change makes the revision that was the current one before it": {
    history: [del([1, 2], false, 5), on("l", put("b", [3, 4], 5))],
    finding: "goes back 5: process 1 had been told 5 before this was called",
  },
  "a get shows a revision that belongs to another key": {
    history: [put("a", [1, 2], 7), on("l", get("b", [3, 4], { modRevision: 7 }))],
    finding: 'used twice 7: it shows a put of "b" to "l", but process 1 was told it for a put of "a" to "k"',
  },
  "a get shows the revision of a delete": {
    history: [put("a", [1, 2], 6), del([3, 4], true, 7), get("a", [5, 6], { modRevision: 7 })],
    finding: 'used twice 7: it shows a put of "a" to "k", but process 3 was told it for the delete of "k"',
  },
  "two gets show one revision with two values": {
    history: [
      put("z", [1, 2], 1),
      put("a", [3, "?"]),
      put("b", [4, "?"]),
      get("a", [5, 6], { modRevision: 7 }),
      get("b", [7, 8], { modRevision: 7 }),
    ],
    finding: 'used twice 7: it shows a put of "b" to "k", but process 5 was told it for a put of "a" to "k"',
  },
};

describe("revisions (each used once, in the order of real time)", () => {
  for (const [name, history] of Object.entries(good))
    it(`accepts: ${name}`, () => {
      assert.deepEqual([...checkRevisions(history).findings], []);
      assert.isTrue(checkRevisions(history).ok);
    });

  for (const [name, { history, finding }] of Object.entries(bad))
    it(`refuses: ${name}`, () => {
      const result = checkRevisions(history);
      assert.isFalse(result.ok);
      assert.deepEqual(
        result.findings.map(({ kind, revision, reason }) => `${kind} ${revision}: ${reason}`),
        [finding],
      );
    });

  it("is not ok when no change told its revision: such a history proves nothing", () => {
    assert.isFalse(checkRevisions([put("a", [1, 2])]).ok);
  });
});
