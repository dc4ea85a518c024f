import { assert } from "chai";
import { checkLinearizability, describeViolation, kvModel, summarize } from "@raftkv/checker";
import type { KvOperation } from "@raftkv/checker";
import { del, get, on, put } from "./support/operations.js";

const good: Record<string, KvOperation[]> = {
  "nothing at all": [],
  "a missing key": [get(null, [1, 2]), del([3, 4], false), get(null, [5, 6])],
  "put, get, delete, get": [put("a", [1, 2]), get("a", [3, 4]), del([5, 6], true), get(null, [7, 8])],
  "the empty value is not a missing one": [put("", [1, 2]), get("", [3, 4]), del([5, 6], true)],
  "delete that overlaps a get": [put("a", [1, 2]), del([3, 6]), get("a", [4, 5])],
  "deletes that overlap: one finds it, one does not": [
    put("a", [1, 2]),
    del([3, 6], true),
    del([4, 5], false),
  ],
  "revisions that grow": [
    put("a", [1, 2], 5),
    put("b", [3, 4], 9),
    get("b", [5, 6], { modRevision: 9, createRevision: 5, version: 2 }),
  ],
  "overlapping puts in the order of their revisions": [
    put("a", [1, 4], 9),
    put("b", [2, 3], 5),
    get("a", [5, 6], { modRevision: 9, createRevision: 5, version: 2 }),
  ],
  "a key created again starts at version 1": [
    put("a", [1, 2], 1),
    put("b", [3, 4], 2),
    del([5, 6], true, 3),
    put("c", [7, 8], 4),
    get("c", [9, 10], { modRevision: 4, createRevision: 4, version: 1 }),
  ],
  "a delete that finds nothing tells the current revision, also twice": [
    put("a", [1, 2], 1),
    del([3, 4], true, 2),
    del([5, 6], false, 2),
    del([7, 8], false, 2),
    put("b", [9, 10], 3),
  ],
  "the same value at two revisions": [
    put("a", [1, 2], 1),
    put("a", [3, 4], 2),
    get("a", [5, 6], { modRevision: 2, createRevision: 1, version: 2 }),
  ],
  "an unknown put that never happened": [
    put("a", [1, 2], 1),
    put("b", [3, "?"]),
    get("a", [4, 5], { modRevision: 1, createRevision: 1, version: 1 }),
  ],
  "an unknown put that happened, its revision learnt from a get": [
    put("a", [1, 2], 1),
    put("b", [3, "?"]),
    get("b", [4, 5], { modRevision: 3, version: 2 }),
    get("b", [6, 7], { modRevision: 3, createRevision: 1 }),
    put("c", [8, 9], 4),
  ],
  "an unknown put that nobody saw, but that was counted": [
    put("a", [1, 2], 1),
    put("b", [3, "?"]),
    put("c", [4, 5], 3),
    get("c", [6, 7], { modRevision: 3, createRevision: 1, version: 3 }),
  ],
  "an unknown put that created the key": [
    put("a", [1, "?"]),
    put("b", [2, 3], 7),
    get("b", [4, 5], { modRevision: 7, createRevision: 4, version: 2 }),
  ],
  "an unknown put gave the delete something to delete": [
    put("a", [1, "?"]),
    del([2, 3], true),
    get(null, [4, 5]),
  ],
  "an unknown delete that happened late": [
    put("a", [1, 2]),
    del([3, "?"]),
    get("a", [4, 5]),
    get(null, [6, 7]),
  ],
  "an unknown delete between two puts": [
    put("a", [1, 2], 1),
    del([3, "?"]),
    put("b", [4, 5], 3),
    get("b", [6, 7], { modRevision: 3, createRevision: 3, version: 1 }),
  ],
  "some answers tell revisions and others do not": [
    put("a", [1, 2]),
    put("b", [3, 4], 2),
    get("b", [5, 6]),
    get("b", [7, 8], { version: 2 }),
    get("b", [9, 10], { createRevision: 1 }),
  ],
  "a failed delete deletes nothing": [put("a", [1, 2]), del([3, 4, "fail"]), get("a", [5, 6])],
  "keys are apart, also in their revisions": [
    put("a", [1, 2], 2),
    on("l", put("x", [3, 4], 1)),
    get("a", [5, 6], { modRevision: 2 }),
    on("l", get("x", [7, 8], { modRevision: 1 })),
  ],
};

const bad: Record<string, { history: KvOperation[]; window: string[] }> = {
  "stale read": {
    history: [put("a", [1, 2]), put("b", [3, 4]), get("a", [5, 6])],
    window: ['put "b"', 'get -> "a"'],
  },
  "read of an unwritten value": {
    history: [put("a", [1, 2]), get("z", [3, 4])],
    window: ['put "a"', 'get -> "z"'],
  },
  "read of an unwritten value from an untouched key": { history: [get("z", [1, 2])], window: ['get -> "z"'] },
  "lost write: acknowledged and missing": {
    history: [put("a", [1, 2]), get(null, [3, 4])],
    window: ['put "a"', "get -> missing"],
  },
  "resurrected delete": {
    history: [put("a", [1, 2]), del([3, 4], true), get(null, [5, 6]), get("a", [7, 8])],
    window: ["get -> missing", 'get -> "a"'],
  },
  "delete without effect": {
    history: [put("a", [1, 2]), del([3, 4], true), get("a", [5, 6])],
    window: ["delete -> deleted", 'get -> "a"'],
  },
  "delete found something in a missing key": { history: [del([1, 2], true)], window: ["delete -> deleted"] },
  "delete found nothing although there was something": {
    history: [put("a", [1, 2]), del([3, 4], false)],
    window: ['put "a"', "delete -> nothing there"],
  },
  "two deletes deleted the same value": {
    history: [put("a", [1, 2]), del([3, 6], true), del([4, 5], true)],
    window: ["delete -> deleted", "delete -> deleted"],
  },
  "non-monotonic read": {
    history: [put("a", [1, 2]), put("b", [3, 9]), get("b", [4, 5]), get("a", [6, 7])],
    window: ['get -> "b"', 'get -> "a"'],
  },
  "split brain: puts acknowledged on both sides, each side reads its own": {
    history: [put("a", [1, 4]), put("b", [2, 3]), get("a", [5, 6]), get("b", [7, 8]), get("a", [9, 10])],
    window: ['get -> "a"', 'get -> "b"'],
  },
  "revision goes back between two puts": {
    history: [put("a", [1, 2], 5), put("b", [3, 4], 4)],
    window: ['put "a" (revision 5)', 'put "b" (revision 4)'],
  },
  "revision used by two puts": {
    history: [put("a", [1, 4], 5), put("b", [2, 3], 5)],
    window: ['put "a" (revision 5)', 'put "b" (revision 5)'],
  },
  "get tells another revision than the put did": {
    history: [put("a", [1, 2], 5), get("a", [3, 4], { modRevision: 6 })],
    window: ['put "a" (revision 5)', 'get -> "a" (revision 6)'],
  },
  "applied twice: the version counts a put two times": {
    history: [put("a", [1, 2]), get("a", [3, 4], { version: 2 })],
    window: ['get -> "a" (version 2)'],
  },
  "an unknown put was applied twice": {
    history: [put("a", [1, 2]), put("b", [3, "?"]), get("b", [4, 5], { version: 3 })],
    window: ['get -> "b" (version 3)'],
  },
  "lost update: a put is missing in the version": {
    history: [put("a", [1, 2]), put("b", [3, 4]), get("b", [5, 6], { version: 1 })],
    window: ['put "a"', 'get -> "b" (version 1)'],
  },
  "the key keeps its creation although it was deleted in between": {
    history: [
      put("a", [1, 2], 1),
      del([3, 4], true, 2),
      put("b", [5, 6], 3),
      get("b", [7, 8], { createRevision: 1 }),
    ],
    window: ["delete -> deleted (revision 2)", 'get -> "b" (created 1)'],
  },
  "unknown put observed, then unobserved": {
    history: [put("a", [1, 2]), put("b", [3, "?"]), get("b", [4, 5]), get("a", [6, 7])],
    window: ['get -> "b"', 'get -> "a"'],
  },
  "unknown put seen at two revisions": {
    history: [put("b", [1, "?"]), get("b", [2, 3], { modRevision: 4 }), get("b", [4, 5], { modRevision: 6 })],
    window: ['get -> "b" (revision 4)', 'get -> "b" (revision 6)'],
  },
  "unknown put seen at a revision that was over before it was called": {
    history: [put("a", [1, 2], 5), put("b", [3, "?"]), get("b", [4, 5], { modRevision: 4 })],
    window: ['put "a" (revision 5)', 'get -> "b" (revision 4)'],
  },
  "delete that finds nothing tells a revision from the past": {
    history: [put("a", [1, 2], 5), del([3, 4], true, 6), del([5, 6], false, 5)],
    window: ["delete -> deleted (revision 6)", "delete -> nothing there (revision 5)"],
  },
  "read of a failed put": {
    history: [put("a", [1, 2, "fail"]), get("a", [3, 4])],
    window: ['get -> "a"'],
  },
};

describe("kv histories (linearizability, with the facts that answers tell)", () => {
  for (const [name, history] of Object.entries(good)) {
    it(`accepts: ${name}`, () => {
      const result = checkLinearizability(history, kvModel);
      assert.isTrue(
        result.ok,
        result.verdict === "not linearizable" ? describeViolation(result.violation) : "",
      );
    });
  }
  for (const [name, { history, window }] of Object.entries(bad)) {
    it(`refuses, showing why: ${name}`, () => {
      const result = checkLinearizability(history, kvModel);
      if (result.verdict !== "not linearizable") throw new Error(`verdict is ${result.verdict}`);
      assert.isTrue(result.violation.isMinimal);
      assert.deepEqual(result.violation.window.map(summarize), window);
    });
  }
});
