import { assert } from "chai";
import { HistoryError, HistoryRecorder, formatHistory, parseHistory, validateHistory } from "@raftkv/checker";
import type { Operation } from "@raftkv/checker";
import { generate, kvReference, registerReference } from "./support/generate.js";
import { del, get, put, read, write } from "./support/operations.js";
import { Random } from "./support/random.js";

const lines = (...records: unknown[]): string => records.map((record) => JSON.stringify(record)).join("\n");

describe("the JSON lines of a history", () => {
  it("give back every operation unchanged", () => {
    const shape = { operations: 500, processes: 5, keys: 5, unknown: 0.1, fail: 0.1 };
    for (const reference of [kvReference(null, true), kvReference(null, false), registerReference(5)]) {
      const history = generate(new Random(3), shape, reference);
      assert.deepEqual(parseHistory(formatHistory(history)), history);
    }
  });

  it("may be events, whose order is that of the lines", () => {
    const history = parseHistory(
      lines(
        { type: "invoke", process: 0, op: "put", key: "a", value: "x" },
        { type: "invoke", process: 1, op: "get", key: "a" },
        { type: "ok", process: 0, revision: 4 },
        { type: "ok", process: 1, value: "x", modRevision: 4 },
        { type: "invoke", process: 0, op: "delete", key: "a" },
        { type: "unknown", process: 0 },
        { type: "invoke", process: 0, op: "put", key: "a", value: "y" },
        { type: "fail", process: 0 },
        { type: "invoke", process: 1, op: "get", key: "a" },
      ),
    );
    const at = (process: number, key: string): Pick<Operation, "process" | "key"> => ({ process, key });
    assert.deepEqual(history, [
      { ...put("x", [1, 3], 4), ...at(0, "a") },
      { ...get("x", [2, 4], { modRevision: 4 }), ...at(1, "a") },
      { ...del([5, "?"]), ...at(0, "a") },
      { ...put("y", [7, 8, "fail"]), ...at(0, "a") },
      { ...get(null, [9, "?"]), ...at(1, "a") },
    ]);
  });

  it("pass over empty lines, and count them when they name a line", () => {
    assert.throws(() => parseHistory('\n\n{"op":'), HistoryError, "entry 3: is not JSON");
    assert.deepEqual(parseHistory("\n \n"), []);
  });

  const refused: Record<string, [text: string, message: string]> = {
    "a line that is no object": ["[1]", "entry 1: is not a JSON object"],
    "an unknown kind": [
      lines({ ...read(1, 1, 2), op: "scan" }),
      'entry 1: op is "scan"; allowed here: read, write',
    ],
    "no process": [
      lines({ ...read(1, 1, 2), process: null }),
      "process is null; it must be an integer of 0 or more",
    ],
    "a return before the call": [lines(read(1, 5, 4)), "entry 1: returned at 4, called at 5"],
    "an unknown outcome that returned": [
      lines({ ...read(1, 1, 2), outcome: "unknown" }),
      "return is set, but an unknown outcome stays open: null",
    ],
    "another outcome": [
      lines({ ...read(1, 1, 2), outcome: "maybe" }),
      'outcome is "maybe"; allowed: ok, fail, unknown',
    ],
    "an answer of the wrong type": [
      lines({ ...get("x", [1, 2]), version: "1" }),
      'version is "1"; it must be an integer of 0 or more, or null',
    ],
    "a compare-and-set without its answer": [
      lines({ process: 1, key: "k", op: "cas", expected: 1, value: 2, call: 1, return: 2, outcome: "ok" }),
      "swapped is null; it must be true or false",
    ],
    "a process that calls twice at a time": [
      lines(write(1, 1, 4), { ...read(1, 2, 3), process: 1 }),
      "entry 2: process 1 calls at 2 while its entry 1 still runs",
    ],
    "events among operations": [
      lines(write(1, 1, 2), { type: "invoke", process: 0, op: "read", key: "k" }),
      "operations and events are mixed",
    ],
    "an answer that nobody waits for": [
      lines({ type: "ok", process: 3 }),
      "entry 1: process 3 waits for no answer",
    ],
    "a process that asks while it waits": [
      lines(
        { type: "invoke", process: 3, op: "read", key: "k" },
        { type: "invoke", process: 3, op: "read", key: "k" },
      ),
      "entry 2: process 3 is still waiting for an answer",
    ],
    "another type of event": [
      lines({ type: "maybe", process: 3 }),
      'type is "maybe"; allowed: invoke, ok, fail, unknown',
    ],
  };
  for (const [name, [text, message]] of Object.entries(refused))
    it(`are refused with: ${name}`, () => {
      assert.throws(() => parseHistory(text), HistoryError, message);
    });

  it("have errors with a stable code and the line", () => {
    let error: unknown = null;
    try {
      parseHistory("\nx");
    } catch (caught) {
      error = caught;
    }
    if (!(error instanceof HistoryError)) throw new Error("no HistoryError was thrown");
    assert.equal(error.code, "BAD_HISTORY");
    assert.equal(error.at, 2);
  });
});

describe("a recorder of histories", () => {
  it("gives calls and answers their positions, and leaves open what did not end", () => {
    const recorder = new HistoryRecorder();
    const first = recorder.call(0, { op: "put", key: "k", value: "a" });
    const second = recorder.call(1, { op: "get", key: "k" });
    recorder.ok(first, { revision: 1 });
    recorder.ok(second, { value: "a", version: 1 });
    const third = recorder.call(0, { op: "delete", key: "k" });
    recorder.unknown(third);
    recorder.fail(recorder.call(0, { op: "put", key: "k", value: "b" }));
    recorder.call(1, { op: "get", key: "k" });
    const history = recorder.history();
    validateHistory(history);
    assert.deepEqual(
      history.map(({ op, call, return: end, outcome }) => [op, call, end, outcome]),
      [
        ["put", 1, 3, "ok"],
        ["get", 2, 4, "ok"],
        ["delete", 5, null, "unknown"],
        ["put", 6, 7, "fail"],
        ["get", 8, null, "unknown"],
      ],
    );
    assert.deepInclude(history[1], { value: "a", version: 1, modRevision: null, createRevision: null });
  });

  it("takes one end for an operation, and none for one that it does not know", () => {
    const recorder = new HistoryRecorder();
    const id = recorder.call(0, { op: "read", key: "k" });
    recorder.unknown(id);
    assert.throws(() => recorder.ok(id, { value: 1 }), HistoryError, "operation 0 has ended before");
    assert.throws(() => recorder.fail(7), HistoryError, "there is no operation 7");
  });
});
