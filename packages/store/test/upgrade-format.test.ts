import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { flushLatest, latestPath, openLevel } from "../dist/database.js";
import type { Database, DatabaseOptions } from "../dist/database.js";
import { latestKey } from "../dist/record-keys.js";
import { makeDirectory, removeDirectories } from "./support/directory.js";
import { FailingDisk } from "./support/failing-disk.js";
import { applyInSplits, applyTo, durableNow, modelOf, openWithGroup, randomLog } from "./support/log.js";
import { Random } from "./support/random.js";

const OPTIONS: DatabaseOptions & { create: boolean } = {
  create: false,
  writeBufferBytes: 1024 * 1024,
  blockCacheBytes: 1024 * 1024,
  blockBytes: 4096,
  tableBytes: 2 * 1024 * 1024,
  compression: false,
};

async function recordsOf(database: Database, from: Buffer): Promise<[Buffer, Buffer][]> {
  const iterator = database.iterator({
    gte: from,
    lt: Buffer.from("M"),
    reverse: false,
    highWaterMarkBytes: 1 << 20,
  });
  const records: [Buffer, Buffer][] = [];
  for (let some = await iterator.nextv(1_000); some.length > 0; some = await iterator.nextv(1_000)) {
    records.push(...some);
  }
  await iterator.close();
  return records;
}

/** Makes of a store what format 1 had: all records in one LevelDB. What is in the other one is left, as a start that was broken off leaves it. */
async function makeFormatOne(directory: string, leave: "all" | "half"): Promise<void> {
  const location = join(directory, "store-1");
  const [all, latest] = [await openLevel(location, OPTIONS), await openLevel(latestPath(location), OPTIONS)];
  const batch = all.batch();
  const rest = latest.batch();
  for (const [i, [key, record]] of (await recordsOf(latest, latestKey(Buffer.alloc(0)))).entries()) {
    batch.put(key, record);
    if (leave === "half" && i % 2 === 0) rest.del(key);
  }
  await batch.write({ sync: true });
  await rest.write({ sync: true });
  await flushLatest(latest);
  await all.close();
  await latest.close();
  const path = join(directory, "checkpoint");
  const text = await readFile(path, "latin1");
  await writeFile(path, text.replace("raftkv-checkpoint 2 ", "raftkv-checkpoint 1 "), "latin1");
}

describe("A store of format 1", function () {
  this.timeout(60_000);
  const random = new Random(3);
  const operations = randomLog(random, 200);
  const model = modelOf(operations);
  afterEach(removeDirectories);

  /** At the checkpoint of entry 80, with changes behind it. */
  async function formatOne(leave: "all" | "half"): Promise<string> {
    const directory = join(await makeDirectory(), "1");
    const store = await openWithGroup(directory, { unsettledBytesMax: 1_000 });
    await applyInSplits(store, operations, 80, random);
    await store.checkpoint(durableNow);
    await applyInSplits(store, operations, 120, random);
    await store.close();
    await makeFormatOne(directory, leave);
    return directory;
  }

  it("S3: is opened at D exactly, whatever a start that was broken off left, and is of format 2 then", async () => {
    for (const leave of ["all", "half"] as const) {
      const directory = await formatOne(leave);
      const store = await openWithGroup(directory);
      expect([store.applied.index, store.undoneChanges > 0]).to.deep.equal([80, true]);
      expect((await store.hash()).hash).to.equal(model.hash(model.revisionAt[80] ?? -1));
      await applyInSplits(store, operations, 200, random);
      expect((await store.hash()).hash).to.equal(model.hash(model.revisionAt[200] ?? -1));
      await store.close();
      expect(await readFile(join(directory, "checkpoint"), "latin1")).to.match(/^raftkv-checkpoint 2 /);
      const all = await openLevel(join(directory, "store-1"), OPTIONS);
      expect(await recordsOf(all, latestKey(Buffer.alloc(0)))).to.deep.equal([]);
      await all.close();
    }
  });

  it("S3: leaves no latest version where they were, whenever a crash came", async () => {
    const directory = await formatOne("all");
    await (await openWithGroup(directory)).close();
    const location = join(directory, "store-1");
    const crashed = await openLevel(location, OPTIONS);
    const batch = crashed.batch();
    for (let i = 0; i < 2_500; i++)
      batch.put(latestKey(Buffer.from(`key-${i}`)), Buffer.from("what was there"));
    await batch.write({ sync: true });
    await crashed.close();

    const store = await openWithGroup(directory);
    expect((await store.hash()).hash).to.equal(model.hash(model.revisionAt[80] ?? -1));
    await store.close();
    const all = await openLevel(location, OPTIONS);
    expect(await recordsOf(all, latestKey(Buffer.alloc(0)))).to.deep.equal([]);
    await all.close();
  });

  it("S3: that fails at any step of becoming one of format 2 becomes it at the next opening", async () => {
    for (let failAt = 0; failAt < 7; failAt++) {
      const directory = await formatOne("half");
      const disk = new FailingDisk();
      disk.reset(failAt, failAt % 2 === 0);
      const error: unknown = await openWithGroup(directory, {}, disk).catch((reason: unknown) => reason);
      expect(error, `step ${failAt}: ${disk.steps.join(", ")}`).to.be.instanceOf(Error);
      const store = await openWithGroup(directory);
      expect((await store.hash()).hash).to.equal(model.hash(model.revisionAt[80] ?? -1));
      await applyTo(store, operations, 90);
      await store.close({ checkpoint: durableNow });
      expect((await readdir(directory)).sort()).to.deep.equal(["checkpoint", "store-1"]);
    }
  });
});
