import { assert } from "chai";
import { checkLinearizability, describeViolation, registerModel, summarize } from "@raftkv/checker";
import type { RegisterOperation } from "@raftkv/checker";
import { on, read, refused, swap, write } from "./support/operations.js";

const good: Record<string, RegisterOperation[]> = {
  "nothing at all": [],
  "a read before any write": [read(null, 1, 2)],
  "a write, then its read": [write(1, 1, 2), read(1, 3, 4)],
  "null, false, 0 and the empty string are four values": [
    write(null, 1, 2),
    read(null, 3, 4),
    write(false, 5, 6),
    read(false, 7, 8),
    write(0, 9, 10),
    read(0, 11, 12),
    write("", 13, 14),
    read("", 15, 16),
  ],
  "a read that overlaps the write may see the old value": [write(1, 1, 4), read(null, 2, 3)],
  "a read that overlaps the write may see the new value": [write(1, 1, 4), read(1, 2, 3)],
  "two reads inside a write, the second later and newer": [write(1, 1, 6), read(null, 2, 3), read(1, 4, 5)],
  "two overlapping reads inside a write may see it in any order": [
    write(1, 1, 6),
    read(1, 2, 5),
    read(null, 3, 4),
  ],
  "overlapping writes, seen in the order against their calls": [
    write(1, 1, 4),
    write(2, 2, 3),
    read(1, 5, 6),
    read(1, 7, 8),
  ],
  "an operation that touches another at one position overlaps it": [
    write(1, 1, 2),
    write(2, 2, 3),
    read(1, 4, 5),
  ],
  "a value comes back when it is written again": [
    write(1, 1, 2),
    write(2, 3, 4),
    write(1, 5, 6),
    read(1, 7, 8),
  ],
  "a chain of conditions": [swap(null, 1, 1, 2), swap(1, 2, 3, 4), swap(2, 3, 5, 6), read(3, 7, 8)],
  "one of two overlapping conditions on the same value loses": [
    swap(null, 1, 1, 4),
    refused(null, 2, 2, 3),
    read(1, 5, 6),
  ],
  "a condition is refused because another value was there": [
    write(1, 1, 2),
    refused(2, 3, 3, 4),
    read(1, 5, 6),
  ],
  "conditions that overlap succeed in the order that fits": [
    swap(1, 2, 1, 6),
    swap(null, 1, 2, 5),
    read(2, 7, 8),
  ],
  "an unknown write that never happened": [write(1, 1, 2), write(2, 3, "?"), read(1, 4, 5)],
  "an unknown write that happened": [write(1, 1, 2), write(2, 3, "?"), read(2, 4, 5), read(2, 6, 7)],
  "an unknown write that happened long after": [
    write(2, 1, "?"),
    write(1, 2, 3),
    read(1, 4, 5),
    write(3, 6, 7),
    read(3, 8, 9),
    read(2, 10, 11),
  ],
  "an unknown write explains that a condition was refused": [
    write(1, 1, 2),
    write(9, 3, "?"),
    refused(1, 2, 4, 5),
  ],
  "an unknown condition that swapped": [write(1, 1, 2), swap(1, 2, 3, "?"), read(2, 4, 5)],
  "an unknown condition that was refused": [write(1, 1, 2), swap(3, 2, 4, "?"), read(1, 5, 6)],
  "two unknown conditions in a row": [swap(null, 1, 1, "?"), swap(1, 2, 2, "?"), read(2, 3, 4)],
  "two unknown writes of one value, both needed": [
    write(1, 1, "?"),
    write(1, 2, "?"),
    write(2, 3, 4),
    read(1, 5, 6),
    write(3, 7, 8),
    read(1, 9, 10),
  ],
  "an unknown read says nothing": [write(1, 1, 2), read(7, 3, "?"), read(1, 4, 5)],
  "a failed write is never seen": [write(1, 1, 2), write(2, 3, 4, "fail"), read(1, 5, 6)],
  "keys are apart": [write(1, 1, 2), on("other", write(2, 3, 4)), read(1, 5, 6), on("other", read(2, 7, 8))],
};

/** Each with the window that the verdict must show, by its operations. */
const bad: Record<string, { history: RegisterOperation[]; window: string[] }> = {
  "read of an unwritten value": {
    history: [write(1, 1, 2), read(1, 3, 4), read(7, 5, 6)],
    window: ["read -> 1", "read -> 7"],
  },
  "read of a value before it is written (read from the future)": {
    history: [read(1, 1, 2), write(1, 3, 4)],
    window: ["read -> 1"],
  },
  "read of a failed write": {
    history: [write(1, 1, 2), write(2, 3, 4, "fail"), read(2, 5, 6)],
    window: ["write 1", "read -> 2"],
  },
  "stale read": {
    history: [write(1, 1, 2), write(2, 3, 4), read(1, 5, 6)],
    window: ["write 2", "read -> 1"],
  },
  "stale read of the time before the first write": {
    history: [write(1, 1, 2), read(null, 3, 4)],
    window: ["write 1", "read -> unset"],
  },
  "non-monotonic read: new, then old": {
    history: [write(1, 1, 2), write(2, 3, 9), read(2, 4, 5), read(1, 6, 7)],
    window: ["read -> 2", "read -> 1"],
  },
  "non-monotonic read inside one long write": {
    history: [write(1, 1, 9), read(1, 2, 3), read(null, 4, 5)],
    window: ["read -> 1", "read -> unset"],
  },
  "lost update: two conditions on one value both succeed": {
    history: [write(0, 1, 2), swap(0, 1, 3, 6), swap(0, 2, 4, 5)],
    window: ["cas 0 to 1 -> swapped", "cas 0 to 2 -> swapped"],
  },
  "lost update: an acknowledged swap is not there": {
    history: [write(0, 1, 2), swap(0, 1, 3, 4), read(0, 5, 6)],
    window: ["cas 0 to 1 -> swapped", "read -> 0"],
  },
  "lost write: acknowledged, then gone after a crash": {
    history: [write(1, 1, 2), read(1, 3, 4), write(2, 5, 6), read(2, 7, 8), read(1, 9, 10)],
    window: ["read -> 2", "read -> 1"],
  },
  "split brain: two sides write and read their own": {
    history: [write(1, 1, 2), write(2, 3, 4), read(1, 5, 8), read(2, 6, 7), read(1, 9, 10)],
    window: ["read -> 1", "read -> 2"],
  },
  "split brain: readers disagree about the order of two writes": {
    history: [write(1, 1, 10), write(2, 2, 9), read(1, 3, 4), read(2, 5, 6), read(1, 7, 8)],
    window: ["read -> 1", "read -> 2", "read -> 1"],
  },
  "condition swapped although another value was there": {
    history: [write(1, 1, 2), swap(2, 3, 3, 4)],
    window: ["write 1", "cas 2 to 3 -> swapped"],
  },
  "condition refused although its value was there": {
    history: [write(1, 1, 2), refused(1, 2, 3, 4)],
    window: ["write 1", "cas 1 to 2 -> refused"],
  },
  "refused condition has an effect all the same": {
    history: [write(1, 1, 2), refused(3, 2, 3, 4), read(2, 5, 6)],
    window: ["write 1", "read -> 2"],
  },
  "applied twice: a swap comes back": {
    history: [write(0, 1, 2), swap(0, 1, 3, 4), write(0, 5, 6), read(1, 7, 8)],
    window: ["write 0", "read -> 1"],
  },
  "unknown write observed, then unobserved": {
    history: [write(1, 1, 2), write(2, 3, "?"), read(2, 4, 5), read(1, 6, 7)],
    window: ["read -> 2", "read -> 1"],
  },
  "unknown write applied twice": {
    history: [write(2, 1, "?"), read(2, 2, 3), write(1, 4, 5), read(1, 6, 7), read(2, 8, 9)],
    window: ["read -> 2", "read -> 1", "read -> 2"],
  },
  "unknown write seen before it was called": {
    history: [read(2, 1, 2), write(2, 3, "?")],
    window: ["read -> 2"],
  },
  "unknown condition took effect although its value was never there": {
    history: [write(1, 1, 2), swap(5, 2, 3, "?"), read(2, 4, 5)],
    window: ["write 1", "read -> 2"],
  },
  "one unknown write of a value, needed twice": {
    history: [write(1, 1, "?"), write(2, 2, 3), read(1, 4, 5), write(3, 6, 7), read(1, 8, 9)],
    window: ["write 2", "read -> 1", "write 3", "read -> 1"],
  },
  "the wrong key among right ones": {
    history: [
      on("a", write(1, 1, 2)),
      on("b", write(1, 3, 4)),
      on("c", write(1, 5, 6)),
      on("a", read(1, 7, 8)),
      on("b", read(null, 9, 10)),
      on("c", read(1, 11, 12)),
    ],
    window: ["write 1", "read -> unset"],
  },
};

describe("register histories (linearizability)", () => {
  for (const [name, history] of Object.entries(good)) {
    it(`accepts: ${name}`, () => {
      const result = checkLinearizability(history, registerModel);
      assert.isTrue(
        result.ok,
        result.verdict === "not linearizable" ? describeViolation(result.violation) : "",
      );
    });
  }
  for (const [name, { history, window }] of Object.entries(bad)) {
    it(`refuses, showing why: ${name}`, () => {
      const result = checkLinearizability(history, registerModel);
      if (result.verdict !== "not linearizable") throw new Error(`verdict is ${result.verdict}`);
      assert.isTrue(result.violation.isMinimal);
      assert.deepEqual(result.violation.window.map(summarize), window);
      assert.lengthOf(result.wrongKeys, 1);
    });
  }

  it("names every wrong key, and shows the one with the fewest operations", () => {
    const history = [
      on("long", write(1, 1, 2)),
      on("long", read(1, 3, 4)),
      on("long", read(7, 5, 6)),
      on("short", read(7, 7, 8)),
      on("right", read(null, 9, 10)),
    ];
    const result = checkLinearizability(history, registerModel);
    if (result.verdict !== "not linearizable") throw new Error(`verdict is ${result.verdict}`);
    assert.deepEqual(result.wrongKeys, ["short", "long"]);
    assert.equal(result.violation.key, "short");
  });
});
