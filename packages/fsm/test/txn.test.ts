import { expect } from "chai";
import { rangeOfKey } from "@raftkv/fsm";
import type { CommandResult, Compare, Op, OpResult, Txn } from "@raftkv/fsm";
import { TestLog } from "./support/log.js";
import { bytes, del, delRange, entry, get, put, putWith, removeDirectories, txn } from "./support/machine.js";

type NumberCompare = Exclude<Compare, { target: "value" }>;

const compare = (
  key: string,
  target: NumberCompare["target"],
  relation: Compare["relation"],
  operand: number,
): Compare => ({ range: rangeOfKey(bytes(key)), target, relation, operand });
const compareValue = (key: string, relation: Compare["relation"], operand: string): Compare => ({
  range: rangeOfKey(bytes(key)),
  target: "value",
  relation,
  operand: bytes(operand),
});
const over = (compared: Compare, start: string, end: string | null): Compare => ({
  ...compared,
  range: { start: bytes(start), end: end === null ? null : bytes(end) },
});

/** The keys that a get found, with the counters asked for, as text. */
function found(result: OpResult | undefined): string {
  if (result?.kind !== "get") throw new Error(`a get is expected, not ${result?.kind}`);
  const entries = result.entries.map(
    ({ key, value, createRevision, modRevision, version }) =>
      `${Buffer.from(key).toString()}=${Buffer.from(value).toString()} c${createRevision} m${modRevision} v${version}`,
  );
  return entries.join(", ");
}

function resultsOf(result: CommandResult): readonly OpResult[] {
  if (result.kind !== "txn") throw new Error(`not carried out: ${JSON.stringify(result)}`);
  return result.results;
}

describe("A transaction, as in etcd", () => {
  let log: TestLog;

  const carryOut = (made: Txn & { kind: "txn" }): Promise<CommandResult> => log.apply(made);
  const succeeds = async (...compares: Compare[]): Promise<boolean> => {
    const result = await carryOut(txn(compares, []));
    return result.kind === "txn" && result.succeeded;
  };

  beforeEach(async () => {
    log = await TestLog.open();
    // a at revision 2, b at 3 and 4, c at 5; d is not there.
    await log.apply(put("a", "1"));
    await log.apply(put("b", "1"));
    await log.apply(put("b", "2"));
    await log.apply(put("c", "5"));
  });
  afterEach(async () => {
    await log.close();
    await removeDirectories();
  });

  it("without compares succeeds, and without writes takes no revision", async () => {
    expect(await carryOut(txn([], [], [put("no", "v")]))).to.deep.equal({
      kind: "txn",
      revision: 5,
      succeeded: true,
      results: [],
    });
    expect(await carryOut(txn([], [get("d"), del("d")]))).to.deep.equal({
      kind: "txn",
      revision: 5,
      succeeded: true,
      results: [
        { kind: "get", entries: [], more: false, count: 0 },
        { kind: "delete", deleted: 0, previous: [] },
      ],
    });
  });

  it("takes the branch that its compares choose, all of which must hold", async () => {
    const yes = compare("a", "version", "=", 1);
    const no = compare("a", "version", "=", 2);
    for (const [compares, succeeded] of [
      [[yes], true],
      [[yes, yes], true],
      [[no], false],
      [[yes, no], false],
      [[no, yes], false],
    ] as const) {
      const result = await carryOut(txn(compares, [put("took", "then")], [put("took", "else")]));
      expect(result).to.include({ kind: "txn", succeeded });
      expect(log.store.get(bytes("took"))?.value).to.deep.equal(bytes(succeeded ? "then" : "else"));
    }
  });

  it("compares every counter by every relation", async () => {
    const lease = await log.grantLease();
    await log.apply(putWith("leased", "v", { lease }));
    const facts = [
      ["b", "version", 2],
      ["b", "create", 3],
      ["b", "mod", 4],
      ["leased", "lease", lease],
      ["b", "lease", 0],
      ["d", "version", 0],
      ["d", "create", 0],
      ["d", "mod", 0],
      ["d", "lease", 0],
    ] as const;
    for (const [key, target, is] of facts) {
      for (const operand of [is, is + 1, ...(is > 0 ? [is - 1] : [])]) {
        expect(await succeeds(compare(key, target, "=", operand))).to.equal(is === operand);
        expect(await succeeds(compare(key, target, "!=", operand))).to.equal(is !== operand);
        expect(await succeeds(compare(key, target, "<", operand))).to.equal(is < operand);
        expect(await succeeds(compare(key, target, ">", operand))).to.equal(is > operand);
      }
    }
  });

  it("compares values as bytes; where no key is, that never holds", async () => {
    for (const [relation, operand, holds] of [
      ["=", "2", true],
      ["=", "22", false],
      ["!=", "", true],
      ["<", "20", true],
      [">", "1\xff", true],
      ["<", "2", false],
    ] as const) {
      expect(await succeeds(compareValue("b", relation, operand)), relation + operand).to.equal(holds);
    }
    for (const relation of ["=", "!=", "<", ">"] as const) {
      expect(await succeeds(compareValue("d", relation, ""))).to.equal(false);
    }
  });

  it("a compare over a range holds when it does for every key; over no key as for one that is not there", async () => {
    expect(await succeeds(over(compare("", "mod", "<", 6), "a", null))).to.equal(true);
    expect(await succeeds(over(compare("", "mod", "<", 5), "a", null))).to.equal(false);
    expect(await succeeds(over(compare("", "mod", "<", 5), "a", "c"))).to.equal(true);
    expect(await succeeds(over(compareValue("", ">", "1"), "a", "c"))).to.equal(false);
    expect(await succeeds(over(compareValue("", ">", "1"), "b", null))).to.equal(true);
    expect(await succeeds(over(compare("", "version", "=", 0), "x", "z"))).to.equal(true);
    expect(await succeeds(over(compareValue("", "!=", "1"), "x", "z"))).to.equal(false);
    // A range that ends before it begins holds nothing.
    expect(await succeeds(over(compare("", "version", "=", 0), "c", "a"))).to.equal(true);
  });

  it("a compare over more keys than one page is judged to the end", async () => {
    const puts = Array.from({ length: 1_000 }, (_, i) => put(`p${`${i}`.padStart(4, "0")}`, "v"));
    await carryOut(txn([], puts));
    const all = over(compare("", "version", "=", 1), "p", "q");
    expect(await succeeds(all)).to.equal(true);
    await log.apply(put("p1000", "v"));
    expect(await succeeds(all)).to.equal(true);
    await log.apply(put("p1000", "v"));
    expect(await succeeds(all)).to.equal(false);
    await log.apply({ kind: "settingsChange", settings: { rangeDeleteKeysMax: 999 } });
    expect(await carryOut(txn([all], []))).to.deep.equal({
      kind: "refused",
      code: "TOO_LARGE",
      facts: { rangeDeleteKeysMax: 999 },
    });
    // The compares of a transaction count together (C7).
    await log.apply({ kind: "settingsChange", settings: { rangeDeleteKeysMax: 1_500 } });
    const there = over(compare("", "version", ">", 0), "p", "q");
    expect(await succeeds(there)).to.equal(true);
    expect(await carryOut(txn([there, there], []))).to.include({ kind: "refused", code: "TOO_LARGE" });
  });

  it("its reads see its writes so far, and not those behind them", async () => {
    const read = get("a", "z");
    const result = await carryOut(
      txn(
        [],
        [read, put("b", "3"), read, del("a"), put("bb", "1"), get("b"), read, delRange("b", "bc"), read],
      ),
    );
    const before = "a=1 c2 m2 v1, b=2 c3 m4 v2, c=5 c5 m5 v1";
    const results = resultsOf(result);
    expect([results[0], results[2], results[5], results[6], results[8]].map(found)).to.deep.equal([
      before,
      "a=1 c2 m2 v1, b=3 c3 m6 v3, c=5 c5 m5 v1",
      "b=3 c3 m6 v3",
      "b=3 c3 m6 v3, bb=1 c6 m6 v1, c=5 c5 m5 v1",
      "c=5 c5 m5 v1",
    ]);
    expect(results[7]).to.include({ kind: "delete", deleted: 2 });
  });

  it("all its writes share one revision", async () => {
    const changes: string[] = [];
    log.store.onChanges = (list) => {
      for (const { revision, sub, key } of list)
        changes.push(`${revision}.${sub} ${Buffer.from(key).toString()}`);
    };
    const result = await carryOut(txn([], [put("x", "1"), txn([], [put("y", "1")]), delRange("a", "c")]));
    expect(result).to.include({ revision: 6 });
    expect(changes).to.deep.equal(["6.0 x", "6.1 y", "6.2 a", "6.3 b"]);
  });

  it("nested ones are judged by what was there before the outermost", async () => {
    const nested = txn([compare("n", "version", "=", 0)], [get("n")], [put("wrong", "v")]);
    const result = await carryOut(txn([], [put("n", "1"), nested]));
    const [, inner] = resultsOf(result);
    expect(inner).to.include({ kind: "txn", succeeded: true });
    expect(inner?.kind === "txn" && found(inner.results[0])).to.equal("n=1 c6 m6 v1");
    expect(log.store.get(bytes("wrong"))).to.equal(null);
    // The same where a range makes them be judged beforehand.
    const ranged = txn([over(compare("", "version", "=", 0), "m", "n\x00")], [], [put("wrong", "v")]);
    expect(resultsOf(await carryOut(txn([], [del("n"), ranged])))[1]).to.include({ succeeded: false });
  });

  it("nested ones of a branch that is not taken do nothing", async () => {
    const result = await carryOut(
      txn(
        [compare("a", "version", "=", 9)],
        [txn([], [put("t", "v")])],
        [txn([], [], [put("e", "v")]), get("a", "b")],
      ),
    );
    expect(resultsOf(result)[0]).to.deep.equal({ kind: "txn", succeeded: true, results: [] });
    expect([log.store.get(bytes("t")), log.store.get(bytes("e")), log.store.revision]).to.deep.equal([
      null,
      null,
      5,
    ]);
  });

  it("gets by limit, order, keys only, count only and bounds, beside writes or not", async () => {
    const gets: [Op, string, boolean, number | null][] = [
      [get("a", "z", { limit: 2 }), "a=1 c2 m2 v1, b=2 c3 m4 v2", true, null],
      [get("a", "z", { limit: 3 }), "a=1 c2 m2 v1, b=2 c3 m4 v2, c=5 c5 m5 v1", false, 3],
      [get("a", "z", { limit: 1, order: "descending" }), "c=5 c5 m5 v1", true, null],
      [get("a", "z", { keysOnly: true, limit: 1 }), "a= c2 m2 v1", true, null],
      [get("a", "z", { countOnly: true, limit: 1 }), "", false, 3],
      [get("a", "z", { minModRevision: 4 }), "b=2 c3 m4 v2, c=5 c5 m5 v1", false, 2],
      [get("a", "z", { maxModRevision: 4 }), "a=1 c2 m2 v1, b=2 c3 m4 v2", false, 2],
      [get("a", "z", { minCreateRevision: 3, maxCreateRevision: 3 }), "b=2 c3 m4 v2", false, 1],
      [get("b", null, { minModRevision: 5 }), "", false, 0],
      [get("b", null, { keysOnly: true }), "b= c3 m4 v2", false, 1],
      [get("z", "a"), "", false, 0],
    ];
    for (const [op, expected, more, count] of gets) {
      // Alone it is read whole; behind a write into its range it is put together.
      const [alone] = resultsOf(await carryOut(txn([], [op])));
      const [, beside] = resultsOf(await carryOut(txn([], [del("y"), op])));
      for (const result of [alone, beside]) {
        expect([found(result), result?.kind === "get" && [result.more, result.count]]).to.deep.equal([
          expected,
          [more, count],
        ]);
      }
    }
  });

  it("gives what was there before a put and a delete, writes of its own included", async () => {
    const put1 = putWith("a", "2", { wantPrevious: true });
    const nothing = putWith("new", "2", { wantPrevious: true });
    const results = resultsOf(await carryOut(txn([], [put1, nothing, delRange("b", "d", true)])));
    const text = (value: Uint8Array | undefined): string => Buffer.from(value ?? []).toString();
    const [first, second, third] = results;
    expect(first?.kind === "put" && text(first.previous?.value)).to.equal("1");
    expect(second).to.deep.equal({ kind: "put", previous: null });
    expect(third?.kind === "delete" && third.previous.map(({ value }) => text(value))).to.deep.equal([
      "2",
      "5",
    ]);
  });

  it("that is refused for one operation writes nothing of the others", async () => {
    const { hash } = await log.store.hash();
    await log.apply({ kind: "settingsChange", settings: { rangeDeleteKeysMax: 2, answerBytesMax: 100 } });
    const refusals: [Op[], string, Record<string, number>][] = [
      [[putWith("z", "v", { lease: 77 })], "LEASE_NOT_FOUND", { lease: 77 }],
      [[txn([], [putWith("z", "v", { lease: 77 })])], "LEASE_NOT_FOUND", { lease: 77 }],
      [[delRange("a", "z")], "TOO_LARGE", { rangeDeleteKeysMax: 2 }],
      [[del("a"), get("a", "z", { keysOnly: true })], "TOO_LARGE", { rangeDeleteKeysMax: 2 }],
      [[get("a", "z")], "TOO_LARGE", { answerBytesMax: 100 }],
      [[get("a"), get("b"), get("c")], "TOO_LARGE", { answerBytesMax: 100 }],
      [[delRange("a", "c", true), get("c")], "TOO_LARGE", { answerBytesMax: 100 }],
      // All operations together, also when none is above the limit.
      [[delRange("a", "c"), txn([], [delRange("a", "b")])], "TOO_LARGE", { rangeDeleteKeysMax: 2 }],
      [[delRange("a", "c"), get("b", "d", { keysOnly: true })], "TOO_LARGE", { rangeDeleteKeysMax: 2 }],
      [[get("a", "c"), get("a", "c")], "TOO_LARGE", { answerBytesMax: 100 }],
    ];
    for (const [ops, code, facts] of refusals) {
      const result = await carryOut(txn([], [put("~1", "v"), ...ops, put("~2", "v")]));
      expect(result).to.deep.equal({ kind: "refused", code, facts });
    }
    expect(await log.store.hash()).to.deep.equal({ revision: 5, appliedIndex: 15, hash });
  });

  it("C7: reads no further than the operation that is too much: many small ones cannot fill the memory", async () => {
    await log.apply({ kind: "settingsChange", settings: { rangeDeleteKeysMax: 3, answerBytesMax: 100 } });
    let reads = 0;
    const { store } = log;
    const [range, rangeForEntry] = [store.range.bind(store), store.rangeForEntry.bind(store)];
    store.range = (query) => {
      reads += 1;
      return range(query);
    };
    store.rangeForEntry = (query) => {
      reads += 1;
      return rangeForEntry(query);
    };
    for (const op of [delRange("a", "c", true), get("a", "c"), get("a", "c", { keysOnly: true })]) {
      reads = 0;
      const ops = Array.from({ length: 50 }, () => op);
      expect(await carryOut(txn([], [txn([], ops), ...ops]))).to.include({
        kind: "refused",
        code: "TOO_LARGE",
      });
      expect(reads).to.equal(2);
    }
  });

  it("C5: a range delete reads no value that is not asked for, and looks at no key that was not loaded", async () => {
    const { store } = log;
    const values: string[] = [];
    const loaded: unknown[] = [];
    const [beginBatch, rangeForEntry] = [store.beginBatch.bind(store), store.rangeForEntry.bind(store)];
    store.beginBatch = () => {
      const batch = beginBatch();
      const read = batch.get.bind(batch);
      batch.get = (key) => {
        values.push(Buffer.from(key).toString());
        return read(key);
      };
      return batch;
    };
    store.rangeForEntry = (query) => {
      loaded.push(query.keysOnly);
      return rangeForEntry(query);
    };
    const keysOf = get("a", "z", { keysOnly: true });
    expect(resultsOf(await carryOut(txn([], [del("a"), keysOf, delRange("a", "z")])))).to.have.length(3);
    expect(values).to.deep.equal([]);
    expect(loaded).to.deep.equal([true, true]);
  });
});

describe("A delete of a range", () => {
  let log: TestLog;

  beforeEach(async () => {
    log = await TestLog.open();
    for (const key of ["a", "b", "b\x00", "c"]) await log.apply(put(key, key.repeat(40)));
  });
  afterEach(async () => {
    await log.close();
    await removeDirectories();
  });

  it("takes all keys from its start on and before its end, at one revision", async () => {
    expect(await log.apply(delRange("b", "c"))).to.deep.equal({
      kind: "delete",
      revision: 6,
      deleted: 2,
      previous: [],
    });
    expect(await log.apply(delRange("b", "c"))).to.include({ revision: 6, deleted: 0 });
    expect(await log.apply(delRange("c", "a"))).to.include({ revision: 6, deleted: 0 });
    const all = await log.apply(delRange("", null, true));
    expect(all.kind === "delete" && all.previous.map(({ key }) => Buffer.from(key).toString())).to.deep.equal(
      ["a", "c"],
    );
    expect(all).to.include({ revision: 7, deleted: 2 });
  });

  it("of more keys than the settings allow, or a larger answer, is refused and deletes nothing", async () => {
    await log.apply({ kind: "settingsChange", settings: { rangeDeleteKeysMax: 3, answerBytesMax: 90 } });
    const refused = { kind: "refused", code: "TOO_LARGE" };
    expect(await log.apply(delRange("a", null))).to.deep.equal({
      ...refused,
      facts: { rangeDeleteKeysMax: 3 },
    });
    expect(await log.apply(delRange("b", null, true))).to.deep.equal({
      ...refused,
      facts: { answerBytesMax: 90 },
    });
    expect(await log.apply(delRange("b", null))).to.include({ deleted: 3 });
  });

  it("comes between what is before and behind it in one advance", async () => {
    const commands = [put("b1", "v"), delRange("b", "c"), put("b2", "v"), delRange("b1", "b3", true)];
    const results = await log.machine.apply(commands.map((command, i) => entry(5 + i, command)));
    expect(
      results.map((result) => (result?.kind === "delete" ? result.deleted : result?.kind)),
    ).to.deep.equal(["put", 3, "put", 1]);
  });
});

describe("A compaction", () => {
  it("S8: raises the floor, and is refused at or below it and above the revision", async () => {
    const log = await TestLog.open();
    for (let i = 0; i < 4; i++) await log.apply(put("k", `${i}`));
    expect(await log.apply({ kind: "compact", revision: 3 })).to.deep.equal({ kind: "compact", floor: 3 });
    for (const revision of [3, 2, 0]) {
      expect(await log.apply({ kind: "compact", revision })).to.deep.equal({
        kind: "refused",
        code: "COMPACTED",
        facts: { floor: 3 },
      });
    }
    expect(await log.apply({ kind: "compact", revision: 6 })).to.deep.equal({
      kind: "refused",
      code: "FUTURE_REVISION",
      facts: { revision: 5 },
    });
    expect(await log.apply({ kind: "compact", revision: 5 })).to.have.property("floor", 5);
    expect([log.store.compactionFloor, log.store.revision]).to.deep.equal([5, 5]);
    await log.close();
    await removeDirectories();
  });
});
