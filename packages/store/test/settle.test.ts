import { join } from "node:path";
import { expect } from "chai";
import { Store } from "@raftkv/store";
import { REAL_DISK } from "../dist/options.js";
import type { StoreDisk } from "../dist/options.js";
import { isOfLatest } from "../dist/record-keys.js";
import { makeDirectory, removeDirectories } from "./support/directory.js";
import { RecordingDisk } from "./support/recording-disk.js";

const KEY_BYTES = 60_000;
const KEYS = 40;

/** Keys that are alike but for their ends. */
function longKeys(): Buffer[] {
  return Array.from({ length: KEYS }, (_, i) =>
    Buffer.concat([Buffer.alloc(KEY_BYTES, 97), Buffer.from([i])]),
  );
}

function put(store: Store, keys: readonly Buffer[]): Promise<unknown> {
  return store.applyMutations(keys.map((key) => ({ kind: "put", key, value: Buffer.alloc(10) })));
}

describe("Large keys", () => {
  afterEach(removeDirectories);

  it("C5: are settled in batches of a few hundred KiB", async () => {
    const disk = new RecordingDisk();
    const store = await Store.open(join(await makeDirectory(), "1"), {}, disk);
    const keys = longKeys();
    await put(store, keys);
    let settled = 0;
    for (const event of disk.events) {
      if (event.kind !== "write" || !event.batch.operations.some(({ key }) => isOfLatest(key))) continue;
      const bytes = event.batch.operations.reduce((sum, { key }) => sum + key.length, 0);
      expect(bytes).to.be.below(512 * 1024 + 2 * KEY_BYTES);
      settled += event.batch.operations.length;
    }
    expect(settled).to.equal(KEYS);
    await store.close();
  });

  it("S10: a stream that met an error in reading never goes on behind it", async () => {
    let failAt = Number.POSITIVE_INFINITY;
    let reads = 0;
    const disk: StoreDisk = {
      ...REAL_DISK,
      openDatabase: async (location, options) => {
        const database = await REAL_DISK.openDatabase(location, options);
        const iterator: typeof database.iterator = (range) => {
          const real = database.iterator(range);
          const nextv: typeof real.nextv = async (count) => {
            const records = await real.nextv(count);
            reads += 1;
            if (reads === failAt) throw new Error("a bad sector");
            return records;
          };
          return { nextv, close: () => real.close() };
        };
        return new Proxy(database, {
          get: (target, name) => {
            if (name === "iterator") return iterator;
            const value: unknown = Reflect.get(target, name);
            return typeof value === "function" ? (value.bind(target) as unknown) : value;
          },
        });
      },
    };
    const store = await Store.open(join(await makeDirectory(), "1"), {}, disk);
    await put(store, longKeys());
    const reader = await store.openSnapshot();
    failAt = reads + 4;
    let [number, error]: [number, unknown] = [0, null];
    while (error === null) {
      const got = await reader.chunk(number).catch((reason: unknown) => reason);
      if (got instanceof Error) error = got;
      else expect(got).to.not.equal(null);
      number += 1;
    }
    expect(error).to.have.property("message", "a bad sector");
    for (let i = 0; i < 3; i++)
      expect(await reader.chunk(number - 1).catch((reason: unknown) => reason)).to.equal(error);
    await reader.close();
    await store.close();
  });
});
