import { expect } from "chai";
import { join } from "node:path";
import { makeDirectory, removeDirectories } from "./support/directory.js";
import { expectContents } from "./support/expect-contents.js";
import { collectAndClose, expectRecords, whenCollected } from "./support/expect-records.js";
import { HeldDisk } from "./support/held-disk.js";
import {
  applyInSplits,
  applyTo,
  durableNow,
  modelOf,
  openWithGroup,
  randomLog,
  whenWritten,
} from "./support/log.js";
import type { Operation } from "./support/model.js";
import { withSeeds } from "./support/random.js";
import { RecordingDisk, dumpRecords, layOut } from "./support/recording-disk.js";
import type { Remains } from "./support/recording-disk.js";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const put = (key: string): Operation => ({ kind: "put", key: bytes(key), value: bytes("v") });
const remove = (key: string): Operation => ({ kind: "delete", key: bytes(key) });
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const compact: Operation = { kind: "compact", behind: 0 };

describe("The collection of compacted history", function () {
  this.timeout(120_000);
  afterEach(removeDirectories);

  it("S8: leaves exactly what reads at and above the floor need, whatever the size of a step", async () => {
    await withSeeds(10, async (random) => {
      const directory = await makeDirectory();
      const operations = randomLog(random, 200);
      const model = modelOf(operations);
      const options = {
        collectedPerStep: random.pick([5, 20, 40_000]),
        cacheBytes: random.pick([0, 10_000, 1_000_000]),
        headerBytesMax: random.pick([0, 3_000, 1_000_000]),
      };
      const store = await openWithGroup(directory, options);
      while (store.applied.index < operations.length) {
        await applyTo(
          store,
          operations,
          Math.min(operations.length, store.applied.index + 1 + random.below(60)),
        );
        if (random.chance(0.5)) await store.checkpoint(durableNow);
        if (random.chance(0.3)) await whenCollected(store);
        await expectContents(store, model, random);
      }
      await collectAndClose(store);
      expectRecords(await dumpRecords(directory), model);
    });
  });

  it("S4: goes by the floor in the D file, not by one that a return takes back", async () => {
    const directory = await makeDirectory();
    const operations = [put("a"), put("a"), put("a"), compact];
    let store = await openWithGroup(directory);
    await applyTo(store, operations, 3);
    await store.checkpoint(durableNow);
    await applyTo(store, operations, 4);
    expect(store.compactionFloor).to.equal(3);
    await store.close();
    store = await openWithGroup(directory);
    expect(store.compactionFloor).to.equal(0);
    expect(store.get(bytes("a"), { revision: 1 })).to.include({ modRevision: 1 });
    await store.close();
  });

  it("S4: a return to D finds what it needs, also a deletion that was collected before the put behind it was undone", async () => {
    for (const cacheBytes of [0, 1_000_000]) {
      const directory = await makeDirectory();
      const operations = [put("a"), put("a"), remove("a"), put("b"), compact, put("a"), put("a")];
      let store = await openWithGroup(directory, { cacheBytes, headerBytesMax: cacheBytes });
      await applyTo(store, operations, 5);
      await store.checkpoint(durableNow);
      await applyTo(store, operations, 7);
      await whenCollected(store);
      for (let opening = 0; opening < 2; opening++) {
        await store.close();
        store = await openWithGroup(directory, { cacheBytes, headerBytesMax: cacheBytes });
        expect(store.get(bytes("a"))).to.equal(null);
        await applyTo(store, operations, 7);
        expect(store.get(bytes("a"))).to.include({ createRevision: 5, modRevision: 6, version: 2 });
        expect(store.get(bytes("a"), { revision: 4 })).to.equal(null);
      }
      await collectAndClose(store);
      expectRecords(await dumpRecords(directory), modelOf(operations));
    }
  });

  it("S4: a put while the deletion before it is being collected stays", async () => {
    await withSeeds(8, async (random) => {
      const directory = await makeDirectory();
      const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`);
      const operations = [...keys.map(put), ...keys.map(remove), compact];
      const again: Operation[] = [];
      for (let i = 0; i < 60; i++) {
        const key = random.pick(keys);
        again.push(random.chance(0.8) ? put(key) : remove(key));
      }
      operations.push(...again);
      const store = await openWithGroup(directory, {
        collectedPerStep: random.pick([8, 1_000]),
        cacheBytes: 0,
        headerBytesMax: 0,
      });
      await applyTo(store, operations, 81);
      await store.checkpoint(durableNow);
      for (let to = 82; to <= operations.length; to++) {
        await applyTo(store, operations, to);
        for (let turns = random.below(4); turns > 0; turns--) {
          await nextTurn();
        }
      }
      const model = modelOf(operations);
      await expectContents(store, model, random);
      await collectAndClose(store);
      expectRecords(await dumpRecords(directory), model);
    });
  });

  it("S8: that is cut off by a power loss between any two steps goes on and leaves nothing behind", async () => {
    let steps = 0;
    await withSeeds(12, async (random) => {
      const root = await makeDirectory();
      const operations = [...randomLog(random, 80), compact];
      const model = modelOf(operations);
      let remains: Remains = { batches: [], checkpoint: null };
      for (let life = 0; life < 4; life++) {
        const directory = join(root, `life-${life}`, "1");
        await layOut(remains, directory);
        const disk = new RecordingDisk(remains.checkpoint === null ? undefined : remains);
        const store = await openWithGroup(directory, { collectedPerStep: random.pick([3, 10, 40]) }, disk);
        await applyInSplits(store, operations, operations.length, random);
        await store.checkpoint(durableNow);
        const begin = disk.events.length;
        await whenCollected(store);
        await store.close();
        steps += disk.events.slice(begin).filter(({ kind }) => kind === "flush").length;
        remains = disk.powerLoss(begin + random.below(disk.events.length - begin + 1), directory, random);
      }
      const last = join(root, "last", "1");
      await layOut(remains, last);
      const store = await openWithGroup(last);
      await expectContents(store, model, random);
      await collectAndClose(store);
      expectRecords(await dumpRecords(last), model);
    });
    expect(steps, "steps over all seeds").to.be.above(50);
  });

  it("S8: goes on after an opening by itself", async () => {
    const directory = await makeDirectory();
    const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`);
    const operations = [...keys.map(put), ...keys.map(put), compact];
    let store = await openWithGroup(directory, { collectedPerStep: 1 });
    await applyTo(store, operations, operations.length);
    await store.checkpoint(durableNow);
    await store.close();
    store = await openWithGroup(directory);
    expect(store.collected).to.be.below(40);
    await whenCollected(store);
    expect(store.collected).to.equal(40);
    await store.close();
  });

  it("S8: waits for a read of an older revision, and goes on when that ends", async () => {
    const operations = [put("a"), put("b"), put("a"), remove("b"), put("a"), compact];
    const model = modelOf(operations);
    const disk = new HeldDisk();
    const store = await openWithGroup(await makeDirectory(), { cacheBytes: 0, headerBytesMax: 0 }, disk);
    await applyTo(store, operations, 5);
    await store.checkpoint(durableNow);
    const release = disk.holdScans();
    const range = { start: bytes(""), end: null };
    const read = store.range({ range, revision: 2 });
    await applyTo(store, operations, 6);
    await store.checkpoint(durableNow);
    while (store.collected < 2) await nextTurn();
    for (let turn = 0; turn < 100; turn++) await nextTurn();
    expect(store.collected).to.equal(2);
    release();
    expect((await read).entries).to.deep.equal(model.range({ range, revision: 2 }));
    await whenCollected(store);
    expect(store.collected).to.equal(5);
    await store.close();
  });

  it("S5: what it removes goes before a put that comes later", async () => {
    const directory = await makeDirectory();
    const operations = [put("a"), remove("a"), compact, put("b"), put("a")];
    const disk = new HeldDisk();
    const store = await openWithGroup(directory, {}, disk);
    await applyTo(store, operations, 3);
    let release = (): void => undefined;
    await store.checkpoint(async () => {
      release = disk.holdWrites();
      await applyTo(store, operations, 4);
      while (disk.writesHeld === 0) await nextTurn();
    });
    // Both changes and the latest version: handed over, and not written.
    while (disk.removals < 3) await nextTurn();
    await applyTo(store, operations, 5);
    release();
    await collectAndClose(store);
    expectRecords(await dumpRecords(directory), modelOf(operations));
  });

  it("S4: a put that is written while the deletion before it is looked up stays", async () => {
    const directory = await makeDirectory();
    const operations = [put("a"), remove("a"), compact, put("a")];
    const disk = new HeldDisk();
    let store = await openWithGroup(directory, { unsettledBytesMax: 0 }, disk);
    await applyTo(store, operations, 2);
    await store.close({ checkpoint: durableNow });
    store = await openWithGroup(directory, { unsettledBytesMax: 0 }, disk);
    const release = disk.holdLookups();
    await applyTo(store, operations, 3);
    await store.checkpoint(durableNow);
    while (disk.lookups === 0) await nextTurn();
    await applyTo(store, operations, 4);
    await whenWritten(store);
    release();
    await collectAndClose(store);
    expectRecords(await dumpRecords(directory), modelOf(operations));
  });
});
