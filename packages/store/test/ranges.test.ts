import { expect } from "chai";
import { CompactedError, FutureRevisionError, prefixRange } from "@raftkv/store";
import type { Change, KeyRange, Store } from "@raftkv/store";
import { REAL_DISK } from "../dist/options.js";
import type { StoreDisk } from "../dist/options.js";
import { makeDirectory, removeDirectories } from "./support/directory.js";
import {
  applyInSplits,
  applyTo,
  durableNow,
  modelOf,
  openWithGroup,
  randomLog,
  whenWritten,
} from "./support/log.js";
import { Random, withSeeds } from "./support/random.js";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const ALL: KeyRange = { start: Buffer.alloc(0), end: null };
const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (error: unknown) => (error as { code?: unknown }).code,
  );

describe("Reads of more than a key", function () {
  this.timeout(60_000);
  afterEach(removeDirectories);

  it("S8: a range stands still at its revision while writes go on and the floor passes it", async () => {
    await withSeeds(20, async (random) => {
      const operations = randomLog(random, 600);
      const store = await openWithGroup(await makeDirectory(), {
        unwrittenBytesMax: 4_000,
        unsettledBytesMax: random.pick([20_000, 1_000_000]),
        cacheBytes: 10_000,
        headerBytesMax: 3_000,
      });
      await applyInSplits(store, operations, 200 + random.below(200), random);
      const { revision, compactionFloor } = store;
      const older = compactionFloor + random.below(revision - compactionFloor + 1);
      const order = random.pick(["ascending", "descending"] as const);
      const reads = [revision, older].map((at) => store.range({ range: ALL, revision: at, order }));
      const loading = store.loadRange(ALL);
      const hashing = store.hash();
      await applyInSplits(store, operations, 600, random);
      const model = modelOf(operations);
      for (const [i, at] of [revision, older].entries()) {
        const entries = model.range({ range: ALL, revision: at, order });
        expect(await reads[i]).to.deep.equal({ revision: at, entries, more: false, count: entries.length });
      }
      const alive = model.range({ range: ALL, revision });
      const facts = (await loading).map((loaded) => ({ ...loaded, value: null }));
      expect(facts).to.deep.equal(alive.map((entry) => ({ ...entry, value: null })));
      expect((await hashing).hash).to.equal(model.hash(revision));
      await store.close();
    });
  });

  it("C5: what was read for an entry is not looked up again by it, whatever the cache holds, and is forgotten behind it", async () => {
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
    const disk = { ...REAL_DISK, openDatabase };
    const store = await openWithGroup(
      await makeDirectory(),
      { cacheBytes: 0, headerBytesMax: 0, unsettledBytesMax: 0 },
      disk,
    );
    const keys = Array.from({ length: 600 }, (_, i) => bytes(`k${i}`));
    const puts = keys.map((key, i) => ({
      kind: "put" as const,
      key,
      value: key,
      lease: i % 2 === 0 ? 0 : 5,
    }));
    const othersTakeTheCache = async (): Promise<void> => {
      for (const other of ["x", "y", "z"]) {
        const next = store.beginBatch();
        next.beginEntry(store.applied.index + 1, 1);
        next.put(bytes(other), bytes(other));
        await store.applyMutationsRaft(next);
        await whenWritten(store);
      }
    };
    await applyTo(store, puts, keys.length);
    await whenWritten(store);
    await othersTakeTheCache();
    expect(await store.loadLease(5)).to.have.length(300);
    expect((await store.rangeForEntry({ range: ALL, keysOnly: true })).entries).to.have.length(603);
    const batch = store.beginBatch();
    batch.beginEntry(store.applied.index + 1, 1);
    lookups = 0;
    for (const key of keys.filter((_, i) => i % 2 === 1)) {
      expect(batch.peek(key)).to.include({ lease: 5, version: 1 });
      expect(batch.delete(key)).to.equal(true);
      expect(batch.peek(key)).to.equal(null);
    }
    expect(lookups).to.equal(0);
    await store.applyMutationsRaft(batch);
    await whenWritten(store);
    // Written over since, what was held would be wrong now; other puts take its place in the cache.
    await othersTakeTheCache();
    lookups = 0;
    expect(store.get(bytes("k1"))).to.equal(null);
    expect(lookups).to.equal(1);
    await store.close();
  });

  it("S7: a prefix is the range of the keys that begin with it, whatever its bytes", () => {
    const ends = ["a", "a\xff", "\xff\xff", ""].map((prefix) => prefixRange(bytes(prefix)).end);
    expect(ends.map((end) => end && Buffer.from(end).toString("latin1"))).to.deep.equal([
      "b",
      "b",
      null,
      null,
    ]);
  });

  it("S8: a read of a revision that is compacted or not there yet says so, with the floor", async () => {
    const store = await openWithGroup(await makeDirectory());
    await applyTo(store, [...randomLog(new Random(3), 100), { kind: "compact", behind: 10 }], 101);
    const { revision, compactionFloor: floor } = store;
    expect(floor).to.equal(revision - 10);
    for (const at of [0, floor - 1]) {
      expect(() => store.get(bytes("a"), { revision: at })).to.throw(CompactedError, `floor is ${floor}`);
      expect(await codeOf(store.range({ range: ALL, revision: at }))).to.equal("COMPACTED");
      expect(await codeOf(store.hash(at))).to.equal("COMPACTED");
    }
    expect(await codeOf(store.changes(floor, { maxChanges: 1, maxBytes: 1 }))).to.equal("COMPACTED");
    expect(await codeOf(store.changes(floor + 1, { maxChanges: 1, maxBytes: 1 }))).to.equal(null);
    for (const read of [store.range({ range: ALL, revision: floor }), store.hash(floor)]) {
      expect(await codeOf(read)).to.equal(null);
    }
    expect(() => store.get(bytes("a"), { revision: revision + 1 })).to.throw(FutureRevisionError);
    expect(await codeOf(store.range({ range: ALL, revision: revision + 1 }))).to.equal("FUTURE_REVISION");
    await store.close();
  });

  it("a range that is being read when the store closes is refused with CLOSED", async () => {
    const store = await openWithGroup(await makeDirectory());
    await applyTo(store, randomLog(new Random(4), 300), 300);
    const reading = codeOf(store.range({ range: ALL }));
    await store.close();
    expect(await reading).to.be.oneOf([null, "CLOSED"]);
    expect(await codeOf(store.range({ range: ALL }))).to.equal("CLOSED");
  });

  it("C5: a small limit where few match takes no turn for every key or two", async () => {
    let reads = 0;
    const disk: StoreDisk = {
      ...REAL_DISK,
      openDatabase: async (location, options) => {
        const database = await REAL_DISK.openDatabase(location, options);
        const open = database.iterator.bind(database);
        database.iterator = (range) => {
          const iterator = open(range);
          const nextv = iterator.nextv.bind(iterator);
          iterator.nextv = (count) => {
            reads += 1;
            return nextv(count);
          };
          return iterator;
        };
        return database;
      },
    };
    const store = await openWithGroup(await makeDirectory(), {}, disk);
    const batch = store.beginBatch();
    for (let index = 1; index <= 2_000; index += 1) {
      batch.beginEntry(index, 1);
      batch.put(bytes(`k${String(index).padStart(4, "0")}`), bytes("v"));
    }
    await store.applyMutationsRaft(batch);
    await whenWritten(store);
    reads = 0;
    const found = await store.range({ range: ALL, limit: 1, minModRevision: 2_000 });
    expect(found.entries.map(({ key }) => Buffer.from(key).toString())).to.deep.equal(["k2000"]);
    expect(reads).to.be.within(1, 30);
    await store.close();
  });

  it("a batch reads what was written before in it", async () => {
    const store = await openWithGroup(await makeDirectory());
    const batch = store.beginBatch();
    batch.beginEntry(1, 1);
    expect(batch.get(bytes("k"))).to.equal(null);
    batch.put(bytes("k"), bytes("1"), 7);
    batch.put(bytes("k"), bytes("2"), 8);
    expect(batch.get(bytes("k"))).to.deep.equal({
      key: bytes("k"),
      value: bytes("2"),
      createRevision: 1,
      modRevision: 1,
      version: 2,
      lease: 8,
    });
    batch.delete(bytes("k"));
    expect(batch.get(bytes("k"))).to.equal(null);
    await store.applyMutationsRaft(batch);
    expect([(await store.loadLease(7)).length, (await store.loadLease(8)).length]).to.deep.equal([0, 0]);
    await store.close();
  });

  for (const mode of ["sync", "nosync"] as const) {
    it(`in the mode ${mode}, what each batch changed is told in order, all of it, and only while somebody listens`, async () => {
      const random = new Random(21);
      const operations = randomLog(random, 300);
      const store = await openWithGroup(await makeDirectory(), { mode });
      const told: Change[] = [];
      await applyInSplits(store, operations, 100, random);
      const from = store.revision;
      store.onChanges = (changes) => {
        expect(changes).to.have.length.above(0);
        told.push(...changes.map((change) => ({ ...change, value: Buffer.from(change.value) })));
      };
      await applyInSplits(store, operations, 300, random);
      expect(told).to.deep.equal(modelOf(operations).changes.filter(({ revision }) => revision > from));
      store.onChanges = null;
      await store.close();
    });
  }

  it("hash contents and small state as of one moment, the same after an opening and a replay", async () => {
    const directory = await makeDirectory();
    const random = new Random(22);
    const operations = randomLog(random, 300);
    const hashes: unknown[] = [];
    let store: Store = await openWithGroup(directory);
    await applyInSplits(store, operations, 150, random);
    await store.checkpoint(durableNow);
    for (let life = 0; life < 2; life++) {
      await applyInSplits(store, operations, 200, random);
      const hashing = store.hashState();
      await applyInSplits(store, operations, 210, random);
      hashes.push(await hashing);
      await store.close();
      store = await openWithGroup(directory);
    }
    expect(hashes[1]).to.deep.equal(hashes[0]);
    const { revision, contents } = hashes[0] as Awaited<ReturnType<Store["hashState"]>>;
    expect(hashes[0]).to.include({ appliedIndex: 200 });
    expect(contents).to.equal(modelOf(operations).hash(revision));
    await applyTo(store, operations, 151);
    const [before, after] = [await store.hashState(), operations[151]];
    await applyTo(store, [...operations.slice(0, 151), { kind: "noop" }], 152);
    const noop = await store.hashState();
    expect(after).to.not.equal(undefined);
    expect(noop.contents).to.equal(before.contents);
    expect(noop.state).to.not.equal(before.state);
    expect(noop.hash).to.not.equal(before.hash);
    await store.close();
  });
});
