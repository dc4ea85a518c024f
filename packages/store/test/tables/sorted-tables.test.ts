import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { StoreCorruptError } from "../../dist/errors.js";
import { nodeFileSystem } from "../../dist/file-system.js";
import { SortedTables } from "../../dist/tables/sorted-tables.js";
import { makeDirectory, removeDirectories } from "../support/directory.js";
import { FileLog, layOutFiles } from "../support/file-log.js";
import { Random, withSeeds } from "../support/random.js";
import { ALL, expectSame, readAll, sorted, writeRandom } from "../support/tables.js";
import type { TablesModel } from "../support/tables.js";

const WRITE_BUFFER_BYTES = 64 * 1024;

function open(location: string, create: boolean, fileSystem = nodeFileSystem): Promise<SortedTables> {
  return SortedTables.open(location, { create, writeBufferBytes: WRITE_BUFFER_BYTES }, fileSystem);
}

async function tableNames(location: string): Promise<string[]> {
  return (await readdir(location)).filter((name) => name.endsWith(".table"));
}

/** A few tables and what is in them; closed. */
async function someTables(location: string, random: Random): Promise<TablesModel> {
  const model: TablesModel = new Map();
  const tables = await open(location, true);
  for (let i = 0; i < 5; i++) await writeRandom(tables, model, random, true);
  await tables.close();
  return model;
}

describe("Sorted tables", function () {
  this.timeout(60_000);
  afterEach(removeDirectories);

  it("S3, S7: have what was written last, whatever was flushed, merged, and opened again", async () => {
    await withSeeds(15, async (random) => {
      const location = await makeDirectory();
      let flushed: TablesModel = new Map();
      const model: TablesModel = new Map();
      let tables = await open(location, true);
      for (let i = 0; i < 60; i++) {
        const sync = random.chance(0.4);
        await writeRandom(tables, model, random, sync);
        if (!sync && random.chance(0.2)) await tables.flush();
        else if (!sync) continue;
        flushed = new Map(model);
        if (random.chance(0.3)) await expectSame(tables, model, random);
        if (random.chance(0.1)) {
          await tables.close();
          tables = await open(location, false);
          await expectSame(tables, flushed, random);
        }
      }
      await expectSame(tables, model, random);
      await tables.close();
    });
  });

  it("a scan and a look-up are of the moment at which they began, whatever is flushed and merged meanwhile", async () => {
    await withSeeds(5, async (random) => {
      const model: TablesModel = new Map();
      const tables = await open(await makeDirectory(), true);
      for (let i = 0; i < 6; i++) await writeRandom(tables, model, random, random.chance(0.8));
      const then = sorted(model);
      const scan = tables.iterator({ ...ALL, highWaterMarkBytes: 64 });
      const keys = then.map(([key]) => Buffer.from(key, "hex"));
      const lookup = tables.getMany(keys);
      const first = await scan.nextv(3);
      for (let i = 0; i < 30; i++) await writeRandom(tables, model, random, true);
      const found = first.map(([key, value]) => [key.toString("hex"), value]);
      for (;;) {
        const some = await scan.nextv(50);
        if (some.length === 0) break;
        for (const [key, value] of some) found.push([key.toString("hex"), value]);
      }
      expect(found).to.deep.equal(then);
      expect(await lookup).to.deep.equal(then.map(([, value]) => value));
      await scan.close();
      await tables.close();
    });
  });

  it("are merged as they become many, and their files go", async () => {
    const location = await makeDirectory();
    const random = new Random(1);
    const model: TablesModel = new Map();
    const tables = await open(location, true);
    for (let i = 0; i < 100; i++) await writeRandom(tables, model, random, true);
    while ((await tableNames(location)).length > 8) await new Promise((resolve) => setImmediate(resolve));
    await expectSame(tables, model, random);
    await tables.close();
  });

  it("forget a removed key where no older table can have it", async () => {
    const location = await makeDirectory();
    const tables = await open(location, true);
    const key = Buffer.from("gone");
    for (let i = 0; i < 8; i++) {
      const batch = tables.batch();
      if (i % 2 === 0) batch.put(key, Buffer.alloc(500));
      else batch.del(key);
      await batch.write({ sync: true });
    }
    while ((await tableNames(location)).length > 1) await new Promise((resolve) => setImmediate(resolve));
    expect(await tables.approximateSize(ALL.gte, ALL.lt)).to.equal(0);
    expect(tables.getSync(key)).to.equal(undefined);
    await tables.close();
  });

  it("S1: lose with the power what was not flushed, and never a part of what was", async () => {
    await withSeeds(4, async (random) => {
      const log = new FileLog();
      const model: TablesModel = new Map();
      const tables = await open(await makeDirectory(), true, log.fileSystem);
      /** What was there at each flush that ended, and how many events there were by then. */
      const flushes = [{ content: new Map(model), at: log.events.length }];
      for (let i = 0; i < 40; i++) {
        await writeRandom(tables, model, random, true);
        flushes.push({ content: new Map(model), at: log.events.length });
        if (random.chance(0.3)) await new Promise((resolve) => setTimeout(resolve, random.below(5)));
      }
      await tables.close();
      for (let i = 0; i < 40; i++) {
        const [, { at: first } = { at: 0 }] = flushes;
        const length = first + random.below(log.events.length - first + 1);
        const location = await makeDirectory();
        await layOutFiles(log.powerLoss(length, random), location);
        const opened = await open(location, false);
        const found = await readAll(opened, random);
        const least = flushes.findLastIndex(({ at }) => at <= length);
        const possible = flushes.slice(least).map(({ content }) => sorted(content));
        expect(
          possible.some((content) => isSame(content, found)),
          `after ${length} events`,
        ).to.equal(true);
        await writeRandom(opened, new Map(), random, true);
        await opened.close();
      }
    });
  });

  it("S9: take nothing more once a step failed, and lose nothing that was flushed", async () => {
    const random = new Random(5);
    for (let failAt = 0; failAt < 40; failAt++) {
      const location = await makeDirectory();
      const log = new FileLog();
      const model: TablesModel = new Map();
      let flushed: TablesModel = new Map();
      const tables = await open(location, true, log.fileSystem);
      log.failAt = log.events.length + failAt;
      const isFailed = (): boolean => log.events.length === log.failAt;
      let error: unknown = null;
      for (let i = 0; i < 20 && error === null; i++) {
        error = await writeRandom(tables, model, random, true).then(
          () => null,
          (reason: unknown) => reason,
        );
        if (error === null) flushed = new Map(model);
      }
      expect(isFailed(), `${failAt}`).to.equal(true);
      expect(error, `${failAt}`).to.be.instanceOf(Error);
      const again: unknown = await writeRandom(tables, new Map(), random, false).catch(
        (reason: unknown) => reason,
      );
      expect(again, `${failAt}`).to.equal(error);
      await tables.close();
      const opened = await open(location, false);
      const found = await readAll(opened, random);
      // The flush that failed may have come as far as it had to.
      const possible = [flushed, model].map((content) => isSame(sorted(content), found));
      expect(possible, `${failAt}`).to.include(true);
      await opened.close();
    }
  });

  it("C6: tell every flipped bit and every missing byte of a table, with its file", async () => {
    const location = await makeDirectory();
    const random = new Random(7);
    await someTables(location, random);
    const [name = ""] = await tableNames(location);
    const path = join(location, name);
    const whole = await readFile(path);
    const expectDamage = async (bytes: Buffer, what: string): Promise<void> => {
      await writeFile(path, bytes);
      const read = async (): Promise<void> => {
        const tables = await open(location, false);
        try {
          await readAll(tables, random);
        } finally {
          await tables.close();
        }
      };
      const error: unknown = await read().catch((reason: unknown) => reason);
      expect(error, what).to.be.instanceOf(StoreCorruptError).with.property("file", path);
    };
    for (let i = 0; i < 400; i++) {
      const flipped = Buffer.from(whole);
      const bit = random.below(8 * whole.length);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await expectDamage(flipped, `bit ${bit}`);
    }
    for (const length of [0, 1, 47, whole.length - 1])
      await expectDamage(whole.subarray(0, length), `${length} bytes`);
  });

  it("C6: tell a damaged manifest, and one that is not there, and refuse a newer one", async () => {
    const location = await makeDirectory();
    const random = new Random(8);
    await someTables(location, random);
    const path = join(location, "manifest");
    const whole = await readFile(path);
    for (let bit = 0; bit < 8 * whole.length; bit++) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await writeFile(path, flipped);
      const error: unknown = await open(location, false).catch((reason: unknown) => reason);
      expect(error, `bit ${bit}`).to.have.property("code").that.is.oneOf(["STORE_CORRUPT", "UNKNOWN_FORMAT"]);
    }
    const newer = whole.toString("latin1").replace("raftkv-tables 1 ", "raftkv-tables 2 ");
    await writeFile(path, newer, "latin1");
    expect(await open(location, false).catch((reason: unknown) => reason)).to.have.property(
      "code",
      "UNKNOWN_FORMAT",
    );
    await nodeFileSystem.remove(path);
    expect(await open(location, false).catch((reason: unknown) => reason)).to.be.instanceOf(
      StoreCorruptError,
    );
  });
});

function isSame(a: [string, Buffer][], b: [string, Buffer][]): boolean {
  return (
    a.length === b.length &&
    a.every(([key, value], i) => b[i]?.[0] === key && value.equals(b[i]?.[1] ?? Buffer.alloc(0)))
  );
}
