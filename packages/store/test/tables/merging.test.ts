import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { StoreClosedError, StoreCorruptError } from "../../dist/errors.js";
import { nodeFileSystem } from "../../dist/file-system.js";
import type { FileSystem } from "../../dist/file-system.js";
import { SortedTables } from "../../dist/tables/sorted-tables.js";
import { makeDirectory, removeDirectories } from "../support/directory.js";
import { FileLog } from "../support/file-log.js";
import { Random } from "../support/random.js";
import { ALL, expectSame, readAll } from "../support/tables.js";
import type { TablesModel } from "../support/tables.js";

function open(location: string, create: boolean, fileSystem = nodeFileSystem): Promise<SortedTables> {
  return SortedTables.open(location, { create, writeBufferBytes: 64 * 1024 * 1024 }, fileSystem);
}

/** One table of so many keys. */
async function flushTable(
  tables: SortedTables,
  model: TablesModel,
  {
    keys,
    valueBytes,
    fill,
    from = 0,
  }: { readonly keys: number; readonly valueBytes: number; readonly fill: number; readonly from?: number },
): Promise<void> {
  const batch = tables.batch();
  for (let i = 0; i < keys; i++) {
    const key = Buffer.from(`L${String(from + i).padStart(6, "0")}`);
    const value = Buffer.alloc(valueBytes, fill);
    batch.put(key, value);
    model.set(key.toString("hex"), value);
  }
  await batch.write({ sync: true });
}

async function tableNames(location: string): Promise<string[]> {
  return (await readdir(location)).filter((name) => name.endsWith(".table"));
}

function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    (reason: unknown) => reason,
  );
}

describe("Merging tables", function () {
  this.timeout(60_000);
  afterEach(removeDirectories);

  it("C5: small tables are merged while a large merge is under way, and writers do not wait for its end", async () => {
    const location = await makeDirectory();
    /** Each write of the large merge waits for a flush, so it lasts as long as this needs, on whatever machine. */
    const large = { writes: 0, flushes: 0, mayEnd: false, hasEnded: false };
    const fileSystem: FileSystem = {
      ...nodeFileSystem,
      createFile: async (path) => {
        const file = await nodeFileSystem.createFile(path);
        if (basename(path) !== "9.table") return file;
        return {
          write: async (bytes) => {
            large.writes += 1;
            while (!large.mayEnd && large.flushes < large.writes) await setTimeout(1);
            await file.write(bytes);
          },
          sync: () => file.sync(),
          close: () => file.close(),
        };
      },
      remove: (path) => {
        if (basename(path) === "1.table") large.hasEnded = true;
        return nodeFileSystem.remove(path);
      },
    };
    const model: TablesModel = new Map();
    const tables = await open(location, true, fileSystem);
    for (let i = 0; i < 8; i++)
      await flushTable(tables, model, { keys: 9_000, valueBytes: 490, fill: i, from: 8_000 * i });
    while (large.writes === 0) await setTimeout(1);
    for (; large.flushes < 100; large.flushes += 1) {
      await flushTable(tables, model, { keys: 5, valueBytes: 10, fill: large.flushes });
      while (!large.hasEnded && large.writes <= large.flushes) await setTimeout(1);
      // Eight large ones, some small ones, and those that are being written.
      expect((await tableNames(location)).length, `${large.flushes}`).to.be.below(40);
      expect(large.hasEnded, `${large.flushes}`).to.equal(false);
    }
    large.mayEnd = true;
    while (!large.hasEnded) await setTimeout(1);
    await expectSame(tables, model, new Random(1));
    await tables.close();
  });

  it("S3: a merge keeps removals while an older table has the keys", async () => {
    const location = await makeDirectory();
    const model: TablesModel = new Map();
    const tables = await open(location, true);
    await flushTable(tables, model, { keys: 9_000, valueBytes: 490, fill: 1 });
    for (let i = 0; i < 8; i++) {
      const batch = tables.batch();
      const key = Buffer.from(`L00${i}000`);
      batch.del(key);
      model.delete(key.toString("hex"));
      await batch.write({ sync: true });
    }
    while ((await tableNames(location)).length > 2) await setTimeout(1);
    await expectSame(tables, model, new Random(1));
    await tables.close();
  });

  it("S9: a merge that failed is told by the next write, and nothing is lost", async () => {
    const location = await makeDirectory();
    const merge = { failures: 0 };
    const fileSystem: FileSystem = {
      ...nodeFileSystem,
      createFile: (path) => {
        if (basename(path) !== "9.table") return nodeFileSystem.createFile(path);
        merge.failures += 1;
        return Promise.reject(new Error("no such luck"));
      },
    };
    const model: TablesModel = new Map();
    const tables = await open(location, true, fileSystem);
    for (let i = 0; i < 8; i++) await flushTable(tables, model, { keys: 5, valueBytes: 9, fill: i });
    while (merge.failures === 0) await setTimeout(1);
    await setTimeout(1);
    const late = tables.batch();
    late.put(Buffer.from("Lx"), Buffer.alloc(1));
    const error = await failureOf(late.write({ sync: false }));
    expect(error).to.be.instanceOf(Error).with.property("message", "no such luck");
    expect(await failureOf(tables.flush())).to.equal(error);
    await expectSame(tables, model, new Random(1));
    await tables.close();
    const again = await open(location, false);
    await expectSame(again, model, new Random(1));
    await again.close();
  });

  it("W12: a merge takes no more than half of the room that is left, and is made when there is more", async () => {
    const location = await makeDirectory();
    let free = 1_000;
    const fileSystem: FileSystem = { ...nodeFileSystem, freeBytes: () => Promise.resolve(free) };
    const model: TablesModel = new Map();
    const tables = await open(location, true, fileSystem);
    for (let i = 0; i < 80; i++) await flushTable(tables, model, { keys: 5, valueBytes: 20, fill: i });
    expect(await tableNames(location)).to.have.length(80);
    free = 1_000_000;
    await flushTable(tables, model, { keys: 5, valueBytes: 20, fill: 99 });
    while ((await tableNames(location)).length > 1) await setTimeout(1);
    await expectSame(tables, model, new Random(1));
    await tables.close();
  });

  it("S2: a table and its name are synced before the manifest is written, and the manifest and its name before it counts", async () => {
    const location = await makeDirectory();
    const log = new FileLog();
    const tables = await open(location, true, log.fileSystem);
    const from = log.events.length;
    await flushTable(tables, new Map(), { keys: 5, valueBytes: 9, fill: 1 });
    const steps = log.events.slice(from).map(({ kind }) => kind);
    expect(steps.filter((kind, i) => kind !== "write" || steps[i - 1] !== "write")).to.deep.equal([
      "create",
      "write",
      "sync",
      "syncDirectory",
      "create",
      "write",
      "sync",
      "rename",
      "syncDirectory",
    ]);
    await tables.close();
  });

  it("S3: what is being flushed is read, and what came behind it before that", async () => {
    const location = await makeDirectory();
    const model: TablesModel = new Map();
    const tables = await open(location, true);
    const [key, other] = [Buffer.from("La"), Buffer.from("Lb")];
    const batch = tables.batch();
    batch.put(key, Buffer.from("first"));
    batch.put(other, Buffer.from("other"));
    const flushed = batch.write({ sync: true });
    // A turn later it is no longer in what is filled.
    await Promise.resolve();
    await Promise.resolve();
    const late = tables.batch();
    late.put(key, Buffer.from("second"));
    await late.write({ sync: false });
    model.set(key.toString("hex"), Buffer.from("second"));
    model.set(other.toString("hex"), Buffer.from("other"));
    expect(await tableNames(location)).to.have.length.below(2);
    expect([tables.getSync(key), tables.getSync(other)]).to.deep.equal(
      ["second", "other"].map((text) => Buffer.from(text)),
    );
    await expectSame(tables, model, new Random(1));
    await flushed;
    await expectSame(tables, model, new Random(1));
    await tables.close();
  });

  it("C6, S10: a scan that met damage never goes on behind it", async () => {
    const location = await makeDirectory();
    const model: TablesModel = new Map();
    const tables = await open(location, true);
    for (let i = 1; i <= 2; i++) await flushTable(tables, model, { keys: 500, valueBytes: 500, fill: i });
    const path = join(location, "2.table");
    const bytes = await readFile(path);
    bytes[100_000] = (bytes[100_000] ?? 0) ^ 1;
    await writeFile(path, bytes);
    const scan = tables.iterator({ ...ALL, highWaterMarkBytes: 64 * 1024 });
    let error: unknown = null;
    for (let i = 0; i < 200 && error === null; i++) error = await failureOf(scan.nextv(10));
    expect(error).to.be.instanceOf(StoreCorruptError).with.property("file", path);
    for (let i = 0; i < 5; i++) expect(await failureOf(scan.nextv(10))).to.equal(error);
    const lookUps = [...model.keys()].map((hex) => failureOf(tables.getMany([Buffer.from(hex, "hex")])));
    expect((await Promise.all(lookUps)).some((found) => found instanceof StoreCorruptError)).to.equal(true);
    await scan.close();
    await tables.close();
  });

  it("C6: a table that the manifest names and is not there is told, with its file", async () => {
    const location = await makeDirectory();
    const tables = await open(location, true);
    await flushTable(tables, new Map(), { keys: 5, valueBytes: 9, fill: 1 });
    await tables.close();
    const [name = ""] = await tableNames(location);
    await rm(join(location, name));
    expect(await failureOf(open(location, false)))
      .to.be.instanceOf(StoreCorruptError)
      .with.property("file", join(location, name));
  });

  it("S9: nothing is read or written once they are closed, except by a scan that was begun", async () => {
    const location = await makeDirectory();
    const model: TablesModel = new Map();
    const tables = await open(location, true);
    for (let i = 0; i < 3; i++) await flushTable(tables, model, { keys: 900, valueBytes: 90, fill: i });
    const scan = tables.iterator(ALL);
    const late = tables.batch();
    late.put(Buffer.from("Lx"), Buffer.alloc(1));
    await tables.close();
    const names = await readdir(location);
    expect(await failureOf(late.write({ sync: true }))).to.be.instanceOf(StoreClosedError);
    expect(await failureOf(tables.flush())).to.be.instanceOf(StoreClosedError);
    expect(await failureOf(tables.getMany([Buffer.from("Lx")]))).to.be.instanceOf(StoreClosedError);
    expect(() => tables.getSync(Buffer.from("Lx"))).to.throw(StoreClosedError);
    expect(() => tables.iterator(ALL)).to.throw(StoreClosedError);
    expect(await readdir(location)).to.deep.equal(names);
    let found = 0;
    for (let some = await scan.nextv(100); some.length > 0; some = await scan.nextv(100))
      found += some.length;
    expect(found).to.equal(model.size);
    await scan.close();
  });

  it("long keys stand in a table once, and in its index with what tells them apart", async () => {
    const location = await makeDirectory();
    const tables = await open(location, true);
    const model: TablesModel = new Map();
    const batch = tables.batch();
    for (let i = 0; i < 300; i++) {
      const key = Buffer.concat([Buffer.from(String(i).padStart(3, "0")), Buffer.alloc(6_000, 97)]);
      batch.put(key, Buffer.from([i % 256]));
      model.set(key.toString("hex"), Buffer.from([i % 256]));
    }
    await batch.write({ sync: true });
    const [name = ""] = await tableNames(location);
    expect((await readFile(join(location, name))).length).to.be.below(300 * 6_060);
    const random = new Random(2);
    expect((await readAll(tables, random)).length).to.equal(300);
    for (const [hex, value] of model) {
      const key = Buffer.from(hex, "hex");
      expect(tables.getSync(key)).to.deep.equal(value);
      expect(tables.getSync(key.subarray(0, 4))).to.equal(undefined);
      expect(tables.getSync(Buffer.concat([key, Buffer.alloc(1)]))).to.equal(undefined);
      const range = { ...ALL, gte: key.subarray(0, 3), lt: Buffer.concat([key, Buffer.alloc(1)]) };
      expect(await readAll(tables, random, range)).to.deep.equal([[hex, value]]);
    }
    await tables.close();
  });
});
