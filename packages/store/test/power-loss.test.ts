import { expect } from "chai";
import { join } from "node:path";
import type { Store } from "@raftkv/store";
import { makeDirectory, removeDirectories } from "./support/directory.js";
import { expectContents } from "./support/expect-contents.js";
import { collectAndClose, expectRecords, whenCollected } from "./support/expect-records.js";
import {
  applyInSplits,
  applyTo,
  durableNow,
  modelOf,
  openWithGroup,
  randomLog,
  whenWritten,
} from "./support/log.js";
import type { Model, Operation } from "./support/model.js";
import { withSeeds } from "./support/random.js";
import type { Random } from "./support/random.js";
import { RecordingDisk, dumpRecords, layOut } from "./support/recording-disk.js";
import type { Remains } from "./support/recording-disk.js";

const LOG_LENGTH = 300;
const LIVES = 4;

describe("A power loss that takes any unsynced batches of LevelDB (S1, S3)", function () {
  this.timeout(120_000);
  afterEach(removeDirectories);

  it("S3: every opening is at D exactly, and the log behind D leads to what a store that never stopped has", async () => {
    let undone = 0;
    let returnedTo = 0;
    await withSeeds(30, async (random) => {
      const root = await makeDirectory();
      const operations = randomLog(random, LOG_LENGTH);
      const model = modelOf(operations);
      let remains: Remains = { batches: [], checkpoint: null };
      for (let life = 0; life < LIVES; life++) {
        const directory = join(root, `life-${life}`, "1");
        await layOut(remains, directory);
        const disk = new RecordingDisk(remains.checkpoint === null ? undefined : remains);
        const store = await openWithGroup(
          directory,
          {
            cacheBytes: random.pick([0, 20_000, 10_000_000]),
            headerBytesMax: random.pick([0, 5_000, 10_000_000]),
            unsettledBytesMax: random.pick([5_000, 10_000_000, 10_000_000]),
            collectedPerStep: random.pick([20, 40_000, 40_000]),
          },
          disk,
        );
        undone += store.undoneChanges;
        returnedTo += store.applied.index > 0 ? 1 : 0;
        await expectContents(store, model, random);
        await live(store, operations, random);
        await store.close();
        remains = disk.powerLoss(random.below(disk.events.length + 1), directory, random);
      }
      await expectSameRecords(root, remains, operations, model, random);
    });
    expect(undone, "changes undone over all seeds").to.be.above(100);
    expect(returnedTo, "openings at a checkpoint").to.be.above(20);
  });

  it("S1: of three versions after D only the last is there: it alone tells what the key was", async () => {
    const put = (value: string): Operation => ({
      kind: "put",
      key: Buffer.from("a"),
      value: Buffer.from(value),
    });
    const operations = [put("1"), put("2"), put("3"), put("4")];
    const root = await makeDirectory();
    const disk = new RecordingDisk();
    const store = await openWithGroup(join(root, "1"), {}, disk);
    await applyTo(store, operations, 1);
    const { index } = await store.checkpoint(durableNow);
    for (const to of [2, 3, 4]) {
      await applyTo(store, operations, to);
      await whenWritten(store);
    }
    await store.close();
    const batches = disk.events.flatMap((event) => (event.kind === "write" ? [event.batch] : []));
    const checkpoint = disk.events.find((event) => event.kind === "renamed")?.bytes ?? null;
    const last = join(root, "last");
    await layOut({ batches: [...batches.slice(0, -3), ...batches.slice(-1)], checkpoint }, last);
    const opened = await openWithGroup(last);
    expect([opened.applied.index, opened.undoneChanges]).to.deep.equal([index, 1]);
    expect(opened.get(Buffer.from("a"))).to.deep.include({ modRevision: 1, value: Buffer.from("1") });
    await opened.close();
  });

  it("S3: after a return nothing is left of what was undone", async () => {
    await withSeeds(5, async (random) => {
      const directory = join(await makeDirectory(), "1");
      const operations = randomLog(random, LOG_LENGTH);
      let store = await openWithGroup(directory);
      await applyTo(store, operations, 100);
      const { revision } = await store.checkpoint(durableNow);
      await whenCollected(store);
      await store.close();
      const atCheckpoint = await dumpRecords(directory);
      store = await openWithGroup(directory);
      await applyInSplits(store, operations, LOG_LENGTH, random);
      await store.close();
      store = await openWithGroup(directory);
      expect(store.undoneChanges).to.equal(
        modelOf(operations).changes.filter((change) => change.revision > revision).length,
      );
      await store.close();
      expect(await dumpRecords(directory)).to.deep.equal(atCheckpoint);
    });
  });

  it("S3: a return that is broken off again and again comes to the same end", async () => {
    await withSeeds(10, async (random) => {
      const root = await makeDirectory();
      const operations = randomLog(random, LOG_LENGTH);
      const model = modelOf(operations);
      const disk = new RecordingDisk();
      const directory = join(root, "first", "1");
      const store = await openWithGroup(directory, {}, disk);
      await applyTo(store, operations, 100);
      await store.checkpoint(durableNow);
      await applyInSplits(store, operations, LOG_LENGTH, random);
      await store.close();
      let remains = disk.powerLoss(disk.events.length, directory, random);
      for (let attempt = 0; attempt < 4; attempt++) {
        const again = join(root, `again-${attempt}`, "1");
        await layOut(remains, again);
        const recorded = new RecordingDisk(remains);
        const opened = await openWithGroup(again, {}, recorded);
        expect(opened.applied).to.deep.equal({ index: 100, term: 1 });
        await expectContents(opened, model, random);
        await applyInSplits(opened, operations, 100 + random.below(30), random);
        await opened.close();
        remains = recorded.powerLoss(random.below(recorded.events.length + 1), again, random);
      }
      await expectSameRecords(root, remains, operations, model, random);
    });
  });
});

/** Applies entries in random batches, with checkpoints that begin and end among them. */
async function live(store: Store, operations: readonly Operation[], random: Random): Promise<void> {
  const end = Math.min(operations.length, store.applied.index + random.below(150));
  let checkpoint: Promise<unknown> = Promise.resolve();
  let release = (): void => undefined;
  while (store.applied.index < end) {
    await applyTo(store, operations, Math.min(end, store.applied.index + 1 + random.below(12)));
    if (random.chance(0.2)) {
      release();
      await checkpoint;
      const durable = new Promise<void>((resolve) => (release = resolve));
      checkpoint = store.checkpoint(() => durable);
    }
    if (random.chance(0.3)) release();
    if (random.chance(0.2)) await new Promise((resolve) => setImmediate(resolve));
  }
  release();
  await checkpoint;
}

/** Replays to the end and collects everything: what is there then is what must be, to the record. */
async function expectSameRecords(
  root: string,
  remains: Remains,
  operations: readonly Operation[],
  model: Model,
  random: Random,
): Promise<void> {
  const last = join(root, "last", "1");
  await layOut(remains, last);
  const store = await openWithGroup(last);
  await applyInSplits(store, operations, operations.length, random);
  await expectContents(store, model, random);
  await collectAndClose(store);
  expectRecords(await dumpRecords(last), model);
}
