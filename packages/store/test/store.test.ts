import { expect } from "chai";
import {
  FutureRevisionError,
  GroupAttachedError,
  InvariantViolation,
  Store,
  StoreClosedError,
} from "@raftkv/store";
import { REAL_DISK } from "../dist/options.js";
import type { StoreDisk } from "../dist/options.js";
import { makeDirectory, removeDirectories } from "./support/directory.js";
import { durableNow, openWithGroup } from "./support/log.js";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

/** Applies one entry with these changes: a value puts, null deletes. */
async function entry(store: Store, changes: readonly [string, string | null][]): Promise<void> {
  const batch = store.beginBatch();
  batch.beginEntry(store.applied.index + 1, 1);
  for (const [key, value] of changes) {
    if (value === null) batch.delete(bytes(key));
    else batch.put(bytes(key), bytes(value));
  }
  await store.applyMutationsRaft(batch);
}

function read(store: Store, key: string, revision?: number): unknown {
  const found = store.get(bytes(key), revision === undefined ? {} : { revision });
  if (found === null) return null;
  const { value, createRevision, modRevision, version } = found;
  return [Buffer.from(value).toString("latin1"), createRevision, modRevision, version];
}

describe("The store", () => {
  let directory: string;
  let store: Store;
  beforeEach(async () => {
    directory = await makeDirectory();
    store = await openWithGroup(directory);
  });
  afterEach(async () => {
    await store.close();
    await removeDirectories();
  });

  it("counts create, modify and version as etcd does, anew after a delete", async () => {
    await entry(store, [["k", "1"]]);
    await entry(store, [["other", "x"]]);
    await entry(store, [["k", "2"]]);
    expect(read(store, "k")).to.deep.equal(["2", 1, 3, 2]);
    await entry(store, [["k", null]]);
    expect(read(store, "k")).to.equal(null);
    await entry(store, [["k", "3"]]);
    expect(read(store, "k")).to.deep.equal(["3", 5, 5, 1]);
    expect(store.revision).to.equal(5);
  });

  it("F2: an entry without a change moves the applied index and no revision, also a delete of what is not there", async () => {
    await entry(store, [["k", "1"]]);
    await entry(store, []);
    await entry(store, [["missing", null]]);
    expect([store.revision, store.applied]).to.deep.equal([1, { index: 3, term: 1 }]);
    await entry(store, [["k", null]]);
    await entry(store, [["k", null]]);
    expect([store.revision, store.applied.index]).to.deep.equal([2, 5]);
  });

  it("gives all changes of one entry one revision", async () => {
    await entry(store, [
      ["a", "1"],
      ["b", "2"],
      ["missing", null],
    ]);
    expect([read(store, "a"), read(store, "b")]).to.deep.equal([
      ["1", 1, 1, 1],
      ["2", 1, 1, 1],
    ]);
    expect(store.revision).to.equal(1);
  });

  it("S7: keys that extend each other do not interfere, and come in byte order", async () => {
    const keys = [
      "",
      "\x00",
      "a",
      "a\x00",
      "a\x00\x00",
      "a\x01",
      "a\xff",
      "a\xff\xff",
      "b",
      "\xff",
      "\xff\xff",
    ];
    for (const key of keys) await entry(store, [[key, `value of ${key}`]]);
    for (const key of keys) await entry(store, [[key, null]]);
    for (const [i, key] of keys.entries()) {
      for (const other of keys) expect(read(store, other), `deleted ${other}`).to.equal(null);
      await entry(store, [[key, "again"]]);
      expect(read(store, key)).to.deep.equal(["again", store.revision, store.revision, 1]);
      expect(read(store, key, i + 1)).to.deep.equal([`value of ${key}`, i + 1, i + 1, 1]);
      await entry(store, [[key, null]]);
    }
  });

  it("reads keys as they stood at any revision, written to LevelDB or not", async () => {
    for (let i = 1; i <= 200; i++) await entry(store, [["k", i % 10 === 0 ? null : `v${i}`]]);
    expect(store.unwrittenBytes, "bytes that LevelDB has not got").to.be.above(0);
    const expectAll = (): void => {
      for (let i = 1; i <= 200; i++) {
        const created = i - (i % 10) + 1;
        const expected = i % 10 === 0 ? null : [`v${i}`, created, i, i % 10];
        expect(read(store, "k", i)).to.deep.equal(expected);
      }
      expect(read(store, "k", 0)).to.equal(null);
    };
    expectAll();
    await store.checkpoint(durableNow);
    expect(store.unwrittenBytes).to.equal(0);
    expectAll();
  });

  it("S8: a read of a future revision is refused, naming the current one", async () => {
    await entry(store, [["k", "1"]]);
    expect(() => store.get(bytes("k"), { revision: 2 }))
      .to.throw(FutureRevisionError, "revision 2 is not there yet, the current one is 1")
      .with.property("code", "FUTURE_REVISION");
    const error = await store.hash(2).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(FutureRevisionError);
  });

  it("stores a large value once, and finds it at once, later and after opening", async () => {
    const large = "x".repeat(100_000);
    await entry(store, [["k", large]]);
    expect(read(store, "k")).to.deep.equal([large, 1, 1, 1]);
    await entry(store, [["k", "small"]]);
    await entry(store, [["k", large]]);
    await store.close({ checkpoint: durableNow });
    store = await openWithGroup(directory);
    expect(read(store, "k")).to.deep.equal([large, 1, 3, 3]);
    expect(read(store, "k", 2)).to.deep.equal(["small", 1, 2, 2]);
    expect(read(store, "k", 1)).to.deep.equal([large, 1, 1, 1]);
  });

  it("finds what was read once in memory, an empty value too", async () => {
    const directory = await makeDirectory();
    const before = await openWithGroup(directory);
    const batch = before.beginBatch();
    batch.beginEntry(1, 1);
    const lengths = [0, 1, 64, 65, 8_192, 8_193, 70_000];
    for (const length of lengths) batch.put(Buffer.from(`${length}`), Buffer.alloc(length, "v"));
    await before.applyMutationsRaft(batch);
    await before.close({ checkpoint: durableNow });
    let lookups = 0;
    const openDatabase: StoreDisk["openDatabase"] = async (...args) => {
      const database = await REAL_DISK.openDatabase(...args);
      const getSync = database.getSync.bind(database);
      database.getSync = (key) => {
        lookups += 1;
        return getSync(key);
      };
      return database;
    };
    const store = await openWithGroup(directory, {}, { ...REAL_DISK, openDatabase });
    for (const looksUp of [true, false]) {
      for (const length of lengths) {
        lookups = 0;
        expect(store.get(Buffer.from(`${length}`))?.value.length).to.equal(length);
        expect(lookups > 0, `${length} bytes`).to.equal(looksUp);
      }
    }
    await store.close();
  });

  it("keeps no bytes of a caller and hands out none of its own", async () => {
    const key = bytes("key");
    const value = bytes("value");
    const batch = store.beginBatch();
    batch.beginEntry(1, 1);
    batch.put(key, value);
    await store.applyMutationsRaft(batch);
    key.fill(0);
    value.fill(0);
    store.get(bytes("key"))?.value.fill(0);
    expect(read(store, "key")).to.deep.equal(["value", 1, 1, 1]);
  });

  it("S6: direct writes are refused while a group is attached", async () => {
    const error = await store
      .applyMutations([{ kind: "put", key: bytes("k"), value: bytes("v") }])
      .catch((e: unknown) => e);
    expect(error).to.be.instanceOf(GroupAttachedError).with.property("code", "GROUP_ATTACHED");
    expect([store.revision, read(store, "k")]).to.deep.equal([0, null]);
  });

  it("S6: entries are refused while no group is attached, and a second group always", async () => {
    const other = await Store.open(await makeDirectory());
    expect(() => other.beginBatch()).to.throw(InvariantViolation);
    const group = { smallState: () => new Map<string, Uint8Array>() };
    other.attachGroup(group);
    expect(() => other.attachGroup(group)).to.throw(InvariantViolation);
    await other.close();
  });

  it("takes entries in order only, each once, with terms that never go back", async () => {
    await entry(store, [["k", "1"]]);
    for (const [index, term] of [
      [1, 1],
      [3, 1],
      [2, 0],
    ] as const) {
      const other = await openWithGroup(await makeDirectory());
      const first = other.beginBatch();
      first.beginEntry(1, 1);
      expect(() => first.beginEntry(index, term), `${index} ${term}`).to.throw(InvariantViolation);
      await other.close();
    }
  });

  it("after close everything fails with CLOSED, and closing again does no harm", async () => {
    await entry(store, [["k", "1"]]);
    await store.close();
    await store.close();
    const calls = [() => store.get(bytes("k")), () => store.beginBatch(), () => store.state("x")];
    for (const call of calls) expect(call).to.throw(StoreClosedError).with.property("code", "CLOSED");
    for (const call of [store.hash(), store.checkpoint(durableNow), store.applyMutations([])]) {
      expect(await call.catch((reason: unknown) => reason)).to.be.instanceOf(StoreClosedError);
    }
  });
});
