import { expect } from "chai";
import { join } from "node:path";
import { nodeFileSystem } from "../dist/file-system.js";
import { StoreFailedError } from "@raftkv/store";
import type { Store } from "@raftkv/store";
import { makeDirectory, removeDirectories } from "./support/directory.js";
import { whenCollected } from "./support/expect-records.js";
import { FailingDisk } from "./support/failing-disk.js";
import {
  applyInSplits,
  applyTo,
  durableNow,
  modelOf,
  openWithGroup,
  randomLog,
  whenWritten,
} from "./support/log.js";
import { Random } from "./support/random.js";

const STEPS = [
  "flush",
  "batch sync: true",
  "sync store-1",
  "batch sync: false",
  "flush latest",
  "write checkpoint.tmp",
  "rename checkpoint.tmp checkpoint",
  "sync 1",
];

/** A promise that is settled from outside. */
function gate(): { promise: Promise<void>; open: () => void; fail: (error: Error) => void } {
  let open = (): void => undefined;
  let fail = (_error: Error): void => undefined;
  const promise = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

describe("A checkpoint", () => {
  const random = new Random(1);
  const operations = randomLog(random, 200);
  const model = modelOf(operations);
  let directory: string;
  let disk: FailingDisk;
  let store: Store;
  let failures: StoreFailedError[];

  beforeEach(async () => {
    directory = join(await makeDirectory(), "1");
    disk = new FailingDisk();
    failures = [];
    store = await openWithGroup(directory, { onFailure: (error) => failures.push(error) }, disk);
    await applyInSplits(store, operations, 50, random);
    await store.checkpoint(durableNow);
    await whenCollected(store);
  });
  afterEach(async () => {
    await store.close();
    await removeDirectories();
  });

  const expectAt = async (opened: Store, index: number): Promise<void> => {
    expect(opened.applied.index).to.equal(index);
    expect(opened.revision).to.equal(model.revisionAt[index]);
    expect((await opened.hash()).hash).to.equal(model.hash(model.revisionAt[index] ?? -1));
  };

  it("S2: flushes the changes, writes something synced, syncs their directory, then flushes the latest versions, and only then replaces the D file", async () => {
    await applyTo(store, operations, 100);
    await whenWritten(store);
    disk.reset(Number.POSITIVE_INFINITY, false);
    await store.checkpoint(durableNow);
    expect(disk.steps).to.deep.equal(STEPS);
    expect(store.checkpointed).to.include({ index: 100, term: 1, revision: model.revisionAt[100] });
  });

  it("S2: broken off at any step, leads to the old or the new one, whole, and the store serves nothing more", async () => {
    for (const late of [false, true]) {
      for (let failAt = 0; failAt < STEPS.length; failAt++) {
        const what = `${STEPS[failAt]}${late ? ", failing after its effect" : ""}`;
        const path = join(await makeDirectory(), "1");
        const told: StoreFailedError[] = [];
        const failing = new FailingDisk();
        const victim = await openWithGroup(path, { onFailure: (error) => told.push(error) }, failing);
        await applyInSplits(victim, operations, 50, random);
        await victim.checkpoint(durableNow);
        await whenCollected(victim);
        await applyTo(victim, operations, 100);
        await whenWritten(victim);
        failing.reset(failAt, late);
        const error = await victim.checkpoint(durableNow).catch((reason: unknown) => reason);
        expect(error, what).to.be.instanceOf(StoreFailedError).with.property("code", "STORE_FAILED");
        expect(told, what).to.deep.equal([error]);
        expect(() => victim.get(Buffer.from("a")), what).to.throw(StoreFailedError);
        expect(() => victim.beginBatch(), what).to.throw(StoreFailedError);
        await victim.close();

        const opened = await openWithGroup(path);
        await expectAt(
          opened,
          failAt === STEPS.length - 1 || (failAt === STEPS.length - 2 && late) ? 100 : 50,
        );
        await applyInSplits(opened, operations, 200, random);
        await expectAt(opened, 200);
        await opened.close();
      }
    }
  });

  it("S2: is recorded only when the node's own log is durable up to it, and is of the moment it was sampled", async () => {
    await applyTo(store, operations, 100);
    const durable = gate();
    const asked: number[] = [];
    const made = store.checkpoint((index) => {
      asked.push(index);
      return durable.promise;
    });
    await new Promise((resolve) => setImmediate(resolve));
    await applyInSplits(store, operations, 150, random);
    while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(store.checkpointed?.index).to.equal(50);
    durable.open();
    expect((await made).index).to.equal(100);
    expect(asked).to.deep.equal([100]);
    await store.close();
    store = await openWithGroup(directory);
    await expectAt(store, 100);
  });

  it("S2: that the log cannot cover is given up, the one before stays, and the store goes on", async () => {
    await applyTo(store, operations, 100);
    const error = new Error("the log failed");
    expect(await store.checkpoint(() => Promise.reject(error)).catch((reason: unknown) => reason)).to.equal(
      error,
    );
    expect(store.checkpointed?.index).to.equal(50);
    await applyInSplits(store, operations, 120, random);
    await store.close();
    store = await openWithGroup(directory);
    await expectAt(store, 50);
    await applyInSplits(store, operations, 120, random);
    expect((await store.checkpoint(durableNow)).index).to.equal(120);
    await applyInSplits(store, operations, 150, random);
    await store.close();
    store = await openWithGroup(directory);
    await expectAt(store, 120);
    expect(failures).to.deep.equal([]);
  });

  it("comes one after the other, and costs nothing when nothing was applied since", async () => {
    await applyTo(store, operations, 60);
    const first = gate();
    const both = [store.checkpoint(() => first.promise)];
    await new Promise((resolve) => setImmediate(resolve));
    await applyTo(store, operations, 70);
    both.push(store.checkpoint(durableNow));
    first.open();
    expect((await Promise.all(both)).map((made) => made.index)).to.deep.equal([60, 70]);
    disk.reset(Number.POSITIVE_INFINITY, false);
    expect((await store.checkpoint(durableNow)).index).to.equal(70);
    expect(disk.steps).to.deep.equal([]);
  });

  it("S3: a clean close makes one, so that opening has nothing to undo", async () => {
    await applyInSplits(store, operations, 130, random);
    await store.close({ checkpoint: durableNow });
    store = await openWithGroup(directory);
    expect(store.undoneChanges).to.equal(0);
    await expectAt(store, 130);
    await applyInSplits(store, operations, 160, random);
    await store.close();
    store = await openWithGroup(directory);
    const undone = model.changes.filter(
      ({ revision }) => revision > (model.revisionAt[130] ?? 0) && revision <= (model.revisionAt[160] ?? 0),
    );
    expect(store.undoneChanges).to.equal(undone.length);
    await expectAt(store, 130);
  });

  it("W11: is believed at opening only once its name is durable, and LevelDB's new names are before any write", async () => {
    await applyInSplits(store, operations, 60, random);
    await store.close();
    disk.reset(Number.POSITIVE_INFINITY, false);
    store = await openWithGroup(directory, {}, disk);
    expect(disk.steps).to.deep.equal([
      "sync 1",
      "open store-1",
      "sync store-1",
      "batch sync: true",
      "batch sync: false",
    ]);
  });

  it("S3: has the small state of its moment, and an opening returns to that", async () => {
    await store.close();
    store = await openWithGroup(join(directory, "fresh"));
    await applyTo(store, operations, 1);
    const durable = gate();
    const made = store.checkpoint(() => durable.promise);
    await new Promise((resolve) => setImmediate(resolve));
    await applyTo(store, operations, 2);
    expect(store.state("index")).to.equal(null);
    durable.open();
    await made;
    expect(store.state("index")).to.deep.equal(Uint8Array.from(Buffer.from("1")));
    await store.close();
    store = await openWithGroup(join(directory, "fresh"));
    expect(store.state("index")).to.deep.equal(Uint8Array.from(Buffer.from("1")));
    expect(store.state("other")).to.equal(null);
  });

  it("S9: a write that fails in the background makes the store fail, and tells it once", async () => {
    await whenWritten(store);
    disk.reset(0, false);
    await applyTo(store, operations, 51);
    while (failures.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(failures[0]?.message).to.include("batch sync: false failed");
    expect(() => store.get(Buffer.from("a"))).to.throw(StoreFailedError);
    for (const call of [store.hash(), store.checkpoint(durableNow)]) {
      expect(await call.catch((reason: unknown) => reason)).to.equal(failures[0]);
    }
    expect(failures).to.have.length(1);
    await store.close();
    store = await openWithGroup(directory);
    await expectAt(store, 50);
  });

  it("S9: a write that fails while a checkpoint is made ends that, and the store can be closed", async () => {
    const failing = new FailingDisk();
    const asked = gate();
    const flushed = gate();
    let isHeld = false;
    const syncDirectory = async (path: string): Promise<void> => {
      if (isHeld) {
        asked.open();
        await flushed.promise;
      }
      await nodeFileSystem.syncDirectory(path);
    };
    const { openDatabase, fileSystem } = failing;
    const slow = { openDatabase, fileSystem: { ...fileSystem, syncDirectory } };
    const told: StoreFailedError[] = [];
    const onFailure = (error: StoreFailedError): unknown => told.push(error);
    const own = await openWithGroup(await makeDirectory(), { onFailure }, slow);
    await applyTo(own, operations, 1);
    isHeld = true;
    const made = own.checkpoint(durableNow).catch((reason: unknown) => reason);
    await asked.promise;
    failing.reset(0, false);
    await applyTo(own, operations, 2);
    while (told.length === 0) await new Promise((resolve) => setImmediate(resolve));
    flushed.open();
    expect(await made).to.equal(told[0]);
    await own.close();
  });

  it("S9: a synced write that fails rejects what waited for it", async () => {
    const failing = new FailingDisk();
    const synced = await openWithGroup(await makeDirectory(), { mode: "sync" }, failing);
    failing.reset(0, false);
    const puts = ["1", "2", "3"].map(
      (text) => ({ kind: "put", key: Buffer.from(text), value: Buffer.from(text) }) as const,
    );
    const outcomes = [1, 2, 3].map((to) => applyTo(synced, puts, to).catch((reason: unknown) => reason));
    for (const outcome of outcomes) expect(await outcome).to.be.instanceOf(StoreFailedError);
    await synced.close();
  });
});
