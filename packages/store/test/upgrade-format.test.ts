import { access, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { decodeCheckpoint, encodeCheckpoint } from "../dist/checkpoint-file.js";
import { latestPath, levelOfLatestPath, openLevel } from "../dist/database.js";
import type { DatabaseOptions, Records } from "../dist/database.js";
import { nodeFileSystem } from "../dist/file-system.js";
import { latestKey } from "../dist/record-keys.js";
import { SortedTables } from "../dist/tables/sorted-tables.js";
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

async function recordsOf(database: Records, from: Buffer): Promise<[Buffer, Buffer][]> {
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

const ALL = latestKey(Buffer.alloc(0));
/** What is left of the tables: all of them, as a start that was broken off leaves them, or none, as the old version did. */
type Left = "all" | "none";

/** Makes of a store what format 1 had, all records in one LevelDB, or what format 2 had, the latest versions in a second one. */
async function makeFormat(directory: string, format: 1 | 2, left: Left): Promise<void> {
  const location = join(directory, "store-1");
  const tables = await SortedTables.open(latestPath(location), OPTIONS, nodeFileSystem);
  const level =
    format === 1
      ? await openLevel(location, OPTIONS)
      : await openLevel(levelOfLatestPath(location), { ...OPTIONS, create: true });
  const batch = level.batch();
  for (const [key, record] of await recordsOf(tables, ALL)) batch.put(key, record);
  await batch.write({ sync: true });
  await level.close();
  await tables.close();
  if (left === "none") await rm(latestPath(location), { recursive: true });
  const path = join(directory, "checkpoint");
  await writeFile(path, await encodeCheckpoint(decodeCheckpoint(await readFile(path), path), format));
}

const FORMATS = [1, 2] as const;

describe("A store of format 1 or 2", function () {
  this.timeout(60_000);
  const random = new Random(3);
  const operations = randomLog(random, 200);
  const model = modelOf(operations);
  afterEach(removeDirectories);

  /** At the checkpoint of entry 80, with changes behind it. */
  async function storeOf(format: 1 | 2, left: Left): Promise<string> {
    const directory = join(await makeDirectory(), "1");
    const store = await openWithGroup(directory, { unsettledBytesMax: 1_000 });
    await applyInSplits(store, operations, 80, random);
    await store.checkpoint(durableNow);
    await applyInSplits(store, operations, 120, random);
    await store.close();
    await makeFormat(directory, format, left);
    return directory;
  }

  /** Nothing is where the latest versions were. */
  async function expectNothingOld(directory: string): Promise<void> {
    const location = join(directory, "store-1");
    const level = await openLevel(location, OPTIONS);
    expect(await recordsOf(level, ALL)).to.deep.equal([]);
    await level.close();
    const found: unknown = await access(levelOfLatestPath(location)).catch((error: unknown) => error);
    expect(found).to.have.property("code", "ENOENT");
  }

  it("S3: is opened at D exactly, whatever a start that was broken off left, and is of format 3 then", async () => {
    for (const format of FORMATS) {
      for (const left of ["all", "none"] as const) {
        const directory = await storeOf(format, left);
        const store = await openWithGroup(directory);
        expect([store.applied.index, store.undoneChanges > 0]).to.deep.equal([80, true]);
        expect((await store.hash()).hash).to.equal(model.hash(model.revisionAt[80] ?? -1));
        await applyInSplits(store, operations, 200, random);
        expect((await store.hash()).hash).to.equal(model.hash(model.revisionAt[200] ?? -1));
        await store.close();
        expect(await readFile(join(directory, "checkpoint"), "latin1")).to.match(/^raftkv-checkpoint 3 /);
        await expectNothingOld(directory);
      }
    }
  });

  it("S3: leaves no latest version where they were, whenever a crash came", async () => {
    for (const format of FORMATS) {
      const directory = await storeOf(format, "none");
      await (await openWithGroup(directory)).close();
      const location = join(directory, "store-1");
      const level = format === 1 ? location : levelOfLatestPath(location);
      const crashed = await openLevel(level, { ...OPTIONS, create: format === 2 });
      const batch = crashed.batch();
      for (let i = 0; i < 2_500; i++)
        batch.put(latestKey(Buffer.from(`key-${i}`)), Buffer.from("what was there"));
      await batch.write({ sync: true });
      await crashed.close();

      const store = await openWithGroup(directory);
      expect((await store.hash()).hash).to.equal(model.hash(model.revisionAt[80] ?? -1));
      await store.close();
      await expectNothingOld(directory);
    }
  });

  it("S3: that fails at any step of becoming one of format 3 becomes it at the next opening", async () => {
    for (let failAt = 0; failAt < 14; failAt++) {
      const directory = await storeOf(failAt % 3 === 0 ? 1 : 2, "all");
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
