import { expect } from "chai";
import { fork } from "node:child_process";
import { once } from "node:events";
import { Store, StoreError, StoreOpenError } from "@raftkv/store";
import { makeDirectory, removeDirectories } from "./support/directory.js";
import { expectContents } from "./support/expect-contents.js";
import { applyInSplits, applyTo, durableNow, modelOf, openWithGroup, randomLog } from "./support/log.js";
import { Random, withSeeds } from "./support/random.js";
import { RecordingDisk, dumpRecords } from "./support/recording-disk.js";

describe("The contents", function () {
  this.timeout(60_000);
  afterEach(removeDirectories);

  it("S3: are the model's after any mixture of batches, reads, checkpoints and openings", async () => {
    await withSeeds(25, async (random) => {
      const directory = await makeDirectory();
      const operations = randomLog(random, 400);
      const model = modelOf(operations);
      const options = {
        cacheBytes: random.pick([0, 10_000, 1_000_000]),
        headerBytesMax: random.pick([0, 3_000, 1_000_000]),
        unwrittenBytesMax: random.pick([0, 1_000_000]),
      };
      let store = await openWithGroup(directory, options);
      while (store.applied.index < operations.length) {
        await applyTo(
          store,
          operations,
          Math.min(operations.length, store.applied.index + 1 + random.below(40)),
        );
        await expectContents(store, model, random);
        if (random.chance(0.1)) await store.checkpoint(durableNow);
        if (random.chance(0.1)) {
          await store.close({ checkpoint: random.chance(0.5) ? durableNow : null });
          store = await openWithGroup(directory, options);
          expect(store.revision).to.equal(model.revisionAt[store.applied.index]);
        }
      }
      expect((await store.hash()).hash).to.equal(model.hash(model.revision));
      await store.close();
    });
  });

  it("F1: are the same records however the log is split into batches, with whatever cache", async () => {
    const random = new Random(7);
    const operations = randomLog(random, 500);
    const dumps: Map<string, Buffer>[] = [];
    for (const cacheBytes of [0, 5_000, 64_000_000]) {
      const directory = await makeDirectory();
      const store = await openWithGroup(directory, { cacheBytes, headerBytesMax: cacheBytes });
      await applyInSplits(store, operations, operations.length, random);
      await store.close({ checkpoint: durableNow });
      dumps.push(await dumpRecords(directory));
    }
    expect(dumps[0]?.size).to.be.above(300);
    expect(dumps[1]).to.deep.equal(dumps[0]);
    expect(dumps[2]).to.deep.equal(dumps[0]);
  });

  it("hash the same at any revision, while writes go on, whatever LevelDB's layout", async () => {
    const random = new Random(11);
    const operations = randomLog(random, 600);
    const model = modelOf(operations);
    const store = await openWithGroup(await makeDirectory(), {
      writeBufferBytes: 65_536,
      cacheBytes: 20_000,
    });
    await applyInSplits(store, operations, 300, random);
    const early = store.revision;
    const hashing = store.hash();
    await applyInSplits(store, operations, 600, random);
    expect(await hashing).to.deep.equal({ revision: early, appliedIndex: 300, hash: model.hash(early) });
    for (const revision of [store.compactionFloor, store.compactionFloor + 3, store.revision]) {
      expect((await store.hash(revision)).hash, `at ${revision}`).to.equal(model.hash(revision));
    }
    expect(await store.hash()).to.include({ revision: model.revision, appliedIndex: 600 });
    await store.close();
  });

  it("S5: reach LevelDB one batch after the other, and only as whole entries", async () => {
    const random = new Random(13);
    const operations = randomLog(random, 400);
    const disk = new RecordingDisk();
    const store = await openWithGroup(await makeDirectory(), {}, disk);
    await applyInSplits(store, operations, 400, random);
    await store.close();
    let writing = 0;
    let revision = 0;
    for (const event of disk.events) {
      if (event.kind === "written") writing -= 1;
      if (event.kind !== "write") continue;
      writing += 1;
      expect(writing, "batches on their way at once").to.equal(1);
      // A revision's changes are never split over two batches.
      const whole = revision;
      for (const { key } of event.batch.operations) {
        if (key[0] !== 0x48) continue;
        const next = Number(key.readBigUInt64BE(1));
        expect(next).to.be.within(whole + 1, revision + 1);
        revision = next;
      }
    }
    expect(revision).to.equal(store.revision);
  });

  it("take bounded memory: of latest versions, settled or not, and of changes that LevelDB has not got", async () => {
    const options = { cacheBytes: 2_000_000, unwrittenBytesMax: 500_000, unsettledBytesMax: 300_000 };
    const store = await openWithGroup(await makeDirectory(), options);
    const value = Buffer.alloc(1_000);
    for (let i = 0; i < 20_000; i++) {
      const batch = store.beginBatch();
      batch.beginEntry(i + 1, 1);
      batch.put(Buffer.from(`key-${i}`), value);
      await store.applyMutationsRaft(batch);
      expect(store.unwrittenBytes).to.be.below(options.unwrittenBytesMax + 2_000);
      expect(store.cachedBytes).to.be.below(options.cacheBytes + 3 * options.unsettledBytesMax);
    }
    for (let i = 0; i < 20_000; i += 37) {
      const found = store.get(Buffer.from(`key-${i}`));
      expect([found?.modRevision, found?.value.length]).to.deep.equal([i + 1, 1_000]);
      expect(store.cachedBytes).to.be.below(options.cacheBytes + 3 * options.unsettledBytesMax);
    }
    await store.close();
  });

  it("S3: survive kill -9 at any moment, from the checkpoint on", async () => {
    const directory = await makeDirectory();
    const seed = 5;
    const operations = randomLog(new Random(seed), 4_000);
    const model = modelOf(operations);
    const random = new Random(99);
    let undone = 0;
    for (let round = 0; round < 6; round++) {
      const child = fork(new URL("support/victim.js", import.meta.url), [directory, `${seed}`], {
        stdio: "inherit",
      });
      let reports = 1 + random.below(40);
      await new Promise<void>((resolve, reject) => {
        child.on("message", () => {
          if (--reports === 0) resolve();
        });
        child.on("exit", (code) =>
          code === 0 ? resolve() : reject(new Error(`the victim exited with ${code}`)),
        );
      });
      child.removeAllListeners("exit");
      const exit = child.exitCode === null ? once(child, "exit") : null;
      child.kill("SIGKILL");
      await exit;
      const store = await openWithGroup(directory);
      undone += store.undoneChanges;
      const revision = model.revisionAt[store.applied.index] ?? -1;
      expect(store.revision).to.equal(revision);
      expect((await store.hash()).hash).to.equal(model.hash(revision));
      await store.close();
    }
    expect(undone, "changes undone over all rounds").to.be.above(0);
  });

  it("are not opened twice at once: the second is refused with the reason", async () => {
    const directory = await makeDirectory();
    const store = await Store.open(directory);
    await store.applyMutations([]);
    const error = await Store.open(directory).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(StoreOpenError).with.property("code", "STORE_OPEN_FAILED");
    expect((error as StoreOpenError).message).to.match(/store-1 cannot be opened: .*lock/i);
    await store.close();
  });

  it("are not opened with a size that is none", async () => {
    const directory = await makeDirectory();
    for (const cacheBytes of [-1, 0.5, Number.NaN]) {
      const error = await Store.open(directory, { cacheBytes }).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(StoreError).with.property("code", "INVALID_ARGUMENT");
    }
  });
});
