import { assert } from "chai";
import { checkWatches } from "@raftkv/checker";
import type { WatchOperation } from "@raftkv/checker";
import { change, del, on, put, watch } from "./support/operations.js";

const a = (value: string, at: Parameters<typeof put>[1], revision: number | null) =>
  on("a", put(value, at, revision));
const puts = [a("1", [1, 2], 1), a("2", [3, 4], 2), a("3", [5, 6], 3)];

const good: Record<string, WatchOperation[]> = {
  "everything from the beginning": [...puts, watch(1, ["1 a=1", "2 a=2", "3 a=3"], [7, 8])],
  "from the middle on": [...puts, watch(2, ["2 a=2", "3 a=3"], [7, 8])],
  "a stream that ended early": [...puts, watch(1, ["1 a=1"], [7, 8])],
  "a stream that told nothing, beside one that did": [
    ...puts,
    watch(1, [], [7, 8], "other"),
    watch(3, ["3 a=3"], [9, 10]),
  ],
  "resumed where it had ended": [...puts, watch(1, ["1 a=1"], [7, 8]), watch(2, ["2 a=2", "3 a=3"], [9, 10])],
  "resumed behind a progress mark": [
    ...puts,
    watch(1, ["1 a=1", "2 a=2", "3 a=3", "progress 5"], [7, 8]),
    watch(6, [], [9, 10]),
  ],
  "resumed earlier than it had ended": [
    ...puts,
    watch(1, ["1 a=1", "2 a=2"], [7, 8]),
    watch(2, ["2 a=2", "3 a=3"], [9, 10]),
  ],
  "a transaction in one piece": [
    change(
      [
        ["a", "1"],
        ["b", "2"],
      ],
      [1, 2],
      1,
    ),
    watch(1, ["1 a=1 b=2"], [3, 4]),
  ],
  "only the watched part of a transaction": [
    change(
      [
        ["a", "1"],
        ["zz", "2"],
      ],
      [1, 2],
      1,
    ),
    watch(1, ["1 a=1"], [3, 4]),
  ],
  "a delete": [a("1", [1, 2], 1), on("a", del([3, 4], true, 2)), watch(1, ["1 a=1", "2 a"], [5, 6])],
  "a delete that found nothing is no change": [
    a("1", [1, 2], 1),
    on("b", del([3, 4], false, 1)),
    watch(1, ["1 a=1", "progress 1"], [5, 6]),
  ],
  "a put of unknown outcome that happened": [a("1", [1, "?"], null), watch(1, ["1 a=1"], [2, 3])],
  "a put of unknown outcome that did not": [
    a("1", [1, "?"], null),
    a("2", [2, 3], 1),
    watch(1, ["1 a=2", "progress 4"], [4, 5]),
  ],
  "a key that is not watched": [
    ...puts,
    on("zz", put("9", [7, 8], 4)),
    watch(3, ["3 a=3", "progress 4"], [9, 10]),
  ],
};

const bad: Record<string, { history: WatchOperation[]; kinds: string[] }> = {
  "an event is missing": { history: [...puts, watch(1, ["1 a=1", "3 a=3"], [7, 8])], kinds: ["missing"] },
  "an event is missing below a progress mark": {
    history: [...puts, watch(1, ["1 a=1", "2 a=2", "progress 3"], [7, 8])],
    kinds: ["missing"],
  },
  "half of a transaction is missing": {
    history: [
      change(
        [
          ["a", "1"],
          ["b", "2"],
        ],
        [1, 2],
        1,
      ),
      watch(1, ["1 a=1"], [3, 4]),
    ],
    kinds: ["missing"],
  },
  "what another stream told of an unknown put is missing": {
    history: [
      a("1", [1, "?"], null),
      watch(1, ["1 a=1"], [2, 3], "one"),
      watch(1, ["progress 2"], [4, 5], "two"),
    ],
    kinds: ["missing"],
  },
  "an event comes twice": {
    history: [...puts, watch(1, ["1 a=1", "2 a=2", "2 a=2", "3 a=3"], [7, 8])],
    kinds: ["repeated"],
  },
  "events in the wrong order": {
    history: [...puts, watch(1, ["1 a=1", "3 a=3", "2 a=2"], [7, 8])],
    kinds: ["out of order"],
  },
  "a transaction in two messages": {
    history: [
      change(
        [
          ["a", "1"],
          ["b", "2"],
        ],
        [1, 2],
        1,
      ),
      watch(1, ["1 a=1", "1 b=2"], [3, 4]),
    ],
    kinds: ["torn"],
  },
  "an event below a progress mark": {
    history: [...puts, watch(1, ["1 a=1", "progress 3", "2 a=2", "3 a=3"], [7, 8])],
    kinds: ["below progress", "below progress"],
  },
  "events from before the beginning": {
    history: [...puts, watch(2, ["1 a=1", "2 a=2"], [7, 8])],
    kinds: ["not asked for"],
  },
  "a key that is not watched": {
    history: [on("zz", put("9", [1, 2], 1)), watch(1, ["1 zz=9"], [3, 4])],
    kinds: ["not asked for"],
  },
  "a watch that skips when it goes on": {
    history: [...puts, watch(1, ["1 a=1"], [7, 8]), watch(3, ["3 a=3"], [9, 10])],
    kinds: ["gap"],
  },
  "a value that nobody put": { history: [...puts, watch(1, ["1 a=7"], [7, 8])], kinds: ["disagree"] },
  "a change that nobody made": { history: [...puts, watch(4, ["4 a=4"], [7, 8])], kinds: ["unexpected"] },
  "a put that failed": {
    history: [a("1", [1, 2, "fail"], null), watch(1, ["1 a=1"], [3, 4])],
    kinds: ["unexpected"],
  },
  "an event before it was asked for": {
    history: [watch(1, ["1 a=1"], [1, 2]), a("1", [3, "?"], null)],
    kinds: ["from the future"],
  },
  "two streams tell a revision differently": {
    history: [
      a("1", [1, "?"], null),
      a("2", [2, "?"], null),
      watch(1, ["1 a=1"], [3, 4], "one"),
      watch(1, ["1 a=2"], [5, 6], "two"),
    ],
    kinds: ["disagree"],
  },
};

describe("watches (F6: complete, ordered, once, atomic, resumable, with progress)", () => {
  for (const [name, history] of Object.entries(good))
    it(`accepts: ${name}`, () => {
      const result = checkWatches(history);
      assert.deepEqual([...result.findings], []);
      assert.isTrue(result.ok);
    });

  for (const [name, { history, kinds }] of Object.entries(bad))
    it(`refuses: ${name}`, () => {
      const result = checkWatches(history);
      assert.isFalse(result.ok);
      assert.deepEqual(
        result.findings.map(({ kind }) => kind),
        kinds,
      );
    });

  it("is not ok when no event came: such a history proves nothing", () => {
    assert.isFalse(checkWatches([...puts, watch(4, ["progress 3"], [7, 8])]).ok);
  });
});
