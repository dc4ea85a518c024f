import { assert } from "chai";
import { HistoryError, checkListAppend } from "@raftkv/checker";
import type { Transaction } from "@raftkv/checker";
import { txn } from "./support/operations.js";

const good: Record<string, Transaction[]> = {
  "an empty list": [txn("x=", 1, 2)],
  "what was appended before": [txn("x+1", 1, 2), txn("x=1", 3, 4)],
  "one that overlaps may be seen": [txn("x+1", 1, 4), txn("x=1", 2, 3)],
  "one that overlaps may not be seen": [txn("x+1", 1, 4), txn("x=", 2, 3)],
  "own appends are seen at once": [txn("x= x+1 x=1 x+2 x=1,2", 1, 2)],
  "own appends behind those of others": [txn("x+1", 1, 2), txn("x=1 x+2 x=1,2", 3, 4)],
  "two appends of one transaction in one piece": [txn("x+1 x+2", 1, 2), txn("x=1,2", 3, 4)],
  "two lists in one transaction": [txn("x+1 y+1", 1, 2), txn("x=1 y=1", 3, 4)],
  "a long chain over two lists": [
    txn("x+1", 1, 2),
    txn("x=1 y+1", 3, 4),
    txn("y=1 x+2", 5, 6),
    txn("x=1,2 y=1", 7, 8),
  ],
  "an unknown one that happened": [txn("x+1", 1, "?"), txn("x=1", 2, 3)],
  "an unknown one that happened late": [txn("x+1", 1, "?"), txn("x=", 2, 3), txn("x=1", 4, 5)],
  "an unknown one that never happened": [txn("x+1", 1, "?"), txn("x=", 2, 3), txn("x=", 4, 5)],
  "a failed one that left nothing": [txn("x+1", 1, 2, "fail"), txn("x=", 3, 4)],
  "an element that failed and was tried again": [
    txn("x+1", 1, 2, "fail"),
    txn("x+1", 3, 4),
    txn("x=1", 5, 6),
  ],
  "appends that nobody read": [txn("x+1", 1, 2), txn("x+2", 3, 4)],
  "overlapping reads in either order": [txn("x+1", 1, "?"), txn("x=1", 2, 5), txn("x=", 3, 6)],
  "write skew in two steps of time": [txn("x= y+1", 1, 2), txn("y=1 x+1", 3, 4)],
  "equal positions overlap": [txn("x+1", 1, 3), txn("x=", 3, 4)],
};

const bad: Record<string, { history: Transaction[]; anomaly: string; cycle?: number }> = {
  "G0: two transactions overwrite each other": {
    history: [txn("x+1 y+1", 1, 9), txn("x+2 y+2", 2, 8), txn("x=1,2 y=2,1", 3, 10)],
    anomaly: "G0",
    cycle: 2,
  },
  "G1a: aborted read": { history: [txn("x+1", 1, 2, "fail"), txn("x=1", 3, 4)], anomaly: "G1a" },
  "G1b: intermediate read": { history: [txn("x+1 x+2", 1, 4), txn("x=1", 2, 3)], anomaly: "G1b" },
  "G1c: two transactions read each other's appends": {
    history: [txn("x+1 y=1", 1, 4), txn("y+1 x=1", 2, 3)],
    anomaly: "G1c",
    cycle: 2,
  },
  "G1c: in a ring of three": {
    history: [txn("x+1 z=1", 1, 7), txn("x=1 y+1", 2, 8), txn("y=1 z+1", 3, 9)],
    anomaly: "G1c",
    cycle: 3,
  },
  "G-single: a fractured read": {
    history: [txn("x+1 y+1", 1, 4), txn("x=1 y=", 2, 3), txn("y=1", 5, 6)],
    anomaly: "G-single",
    cycle: 2,
  },
  "G-single: a lost update": {
    history: [txn("x= x+1", 1, 4), txn("x= x+2", 2, 3), txn("x=1,2", 5, 6)],
    anomaly: "G-single",
    cycle: 2,
  },
  "G2-item: write skew": {
    history: [txn("x= y+1", 1, 4), txn("y= x+1", 2, 3), txn("x=1 y=1", 5, 6)],
    anomaly: "G2-item",
    cycle: 2,
  },
  "G2-item: of appends that nobody read": {
    history: [txn("x= y+1", 1, 4), txn("y= x+1", 2, 3)],
    anomaly: "G2-item",
    cycle: 2,
  },
  "G2-item: two readers see two appends in different orders": {
    history: [txn("x+1", 1, 20), txn("y+1", 2, 19), txn("x=1 y=", 3, 18), txn("x= y=1", 4, 17)],
    anomaly: "G2-item",
    cycle: 4,
  },
  "G0-realtime: appends against the order of time": {
    history: [txn("x+1", 1, 2), txn("x+2", 3, 4), txn("x=2,1", 5, 6)],
    anomaly: "G0-realtime",
    cycle: 2,
  },
  "G1c-realtime: read before it was asked for": {
    history: [txn("x=1", 1, 2), txn("x+1", 3, 4)],
    anomaly: "G1c-realtime",
    cycle: 2,
  },
  "G-single-realtime: a stale read": {
    history: [txn("x+1", 1, 2), txn("x+2", 3, 4), txn("x=1", 5, 6), txn("x=1,2", 7, 8)],
    anomaly: "G-single-realtime",
    cycle: 2,
  },
  "G2-item-realtime: two readers in a row and a third that contradicts them": {
    history: [txn("x+1", 1, 20), txn("y+1", 2, 21), txn("y=1 x=", 3, 19), txn("x=1", 4, 5), txn("y=", 6, 7)],
    anomaly: "G2-item-realtime",
    cycle: 5,
  },
  "internal: a read without an own append": { history: [txn("x+1 x=", 1, 2)], anomaly: "internal" },
  "internal: a list that changes between two reads": {
    history: [txn("x+1", 1, 10), txn("x= y= x=1", 2, 9)],
    anomaly: "internal",
  },
  "internal: an own append before it was made": { history: [txn("x=1 x+1", 1, 2)], anomaly: "internal" },
  "incompatible order: two reads that no list can have given": {
    history: [txn("x+1", 1, 10), txn("x+2", 2, 9), txn("x=1,2", 3, 8), txn("x=2,1", 4, 7)],
    anomaly: "incompatible order",
  },
  "incompatible order: own appends the other way round": {
    history: [txn("x+1 x+2", 1, 2), txn("x=2,1", 3, 4)],
    anomaly: "incompatible order",
  },
  "duplicate element": { history: [txn("x+1", 1, 2), txn("x=1,1", 3, 4)], anomaly: "duplicate element" },
  "phantom element: nobody appended it": { history: [txn("x=7", 1, 2)], anomaly: "phantom element" },
  "phantom element: it belongs to another list": {
    history: [txn("y+1", 1, 2), txn("x=1", 3, 4)],
    anomaly: "phantom element",
  },
  "lost element: acknowledged, and missing later": {
    history: [txn("x+1", 1, 2), txn("x=", 3, 4)],
    anomaly: "lost element",
  },
  "lost element: of a transaction whose other list is there": {
    history: [txn("x+1 y+1", 1, 2), txn("x=1", 3, 4), txn("y=", 5, 6)],
    anomaly: "lost element",
  },
  "an unknown one that was seen, and then not": {
    history: [txn("x+1", 1, "?"), txn("x=1", 2, 3), txn("x=", 4, 5)],
    anomaly: "G-single-realtime",
    cycle: 3,
  },
  "half of an unknown one": {
    history: [txn("x+1 y+1", 1, "?"), txn("x=1 y=", 2, 3)],
    anomaly: "G-single",
    cycle: 2,
  },
};

describe("list-append transactions (strict serializability)", () => {
  for (const [name, history] of Object.entries(good))
    it(`accepts: ${name}`, () => {
      assert.deepEqual([...checkListAppend(history).findings], []);
    });

  for (const [name, { anomaly, cycle, history }] of Object.entries(bad))
    it(`refuses, by its name: ${name}`, () => {
      const { findings, ok } = checkListAppend(history);
      assert.isFalse(ok);
      assert.deepEqual(
        findings.map((finding) => finding.anomaly as string),
        [anomaly],
      );
      const [finding] = findings;
      assert.lengthOf(finding?.cycle ?? [], cycle ?? 0);
      for (const [at, { to }] of finding?.cycle.entries() ?? [])
        assert.equal(to, finding?.cycle[(at + 1) % (cycle ?? 1)]?.from, "each ends where the next begins");
    });

  it("shows the cycle with what each dependency rests on", () => {
    const history = [txn("x= y+1", 1, 4), txn("y= x+1", 2, 3)];
    const [finding] = checkListAppend(history).findings;
    assert.deepEqual([...(finding?.transactions ?? [])], history);
    assert.equal(
      finding?.reason,
      "T1 read x without what T2 appended (rw); T2 read y without what T1 appended (rw)",
    );
  });

  it("tells one set of entangled transactions once, and another by its own name", () => {
    const first = [txn("x= y+1", 1, 4), txn("y= x+1", 2, 3)];
    const second = [txn("u+1 v=1", 5, 8), txn("v+1 u=1", 6, 7)];
    assert.deepEqual(
      checkListAppend([...first, ...second]).findings.map(({ anomaly }) => anomaly),
      ["G1c", "G2-item"],
    );
  });

  it("counts what was read, and the unknown ones that took effect", () => {
    const result = checkListAppend([txn("x+1", 1, "?"), txn("x+2", 2, "?"), txn("x=1 y=", 3, 4)]);
    assert.deepInclude(result, { ok: true, transactions: 3, reads: 2, recovered: 1 });
  });

  it("cannot judge a history in which two append the same element to a list", () => {
    assert.throws(
      () => checkListAppend([txn("x+1", 1, 2), txn("x+1", 3, 4)]),
      HistoryError,
      "1 is appended twice",
    );
  });
});
