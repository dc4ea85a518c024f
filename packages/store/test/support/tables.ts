import { expect } from "chai";
import type { Records } from "../../dist/database.js";
import type { Random } from "./random.js";

/** Behind every key that these tests use. */
export const END = Buffer.from([0xff, 0xff, 0xff]);
export const ALL = { gte: Buffer.alloc(0), lt: END, reverse: false, highWaterMarkBytes: 1 << 20 } as const;

/** Records by their keys in hex. */
export type TablesModel = Map<string, Buffer>;

/** Some with bytes that are first and last in order, some that begin with others. */
export function randomKey(random: Random): Buffer {
  const head = Array.from({ length: random.below(3) }, () => random.pick([0, 1, 0x61, 0xfe]));
  return Buffer.concat([Buffer.from(head), Buffer.from(random.chance(0.9) ? `${random.below(150)}` : "")]);
}

/** Mostly small; now and then longer than a block, or empty. */
export function randomValue(random: Random): Buffer {
  const length = random.pick([0, 3, 20, 20, 130, random.chance(0.1) ? 9_000 : 40]);
  return Buffer.alloc(length, random.below(256));
}

/** One batch, written to both. */
export async function writeRandom(
  records: Records,
  model: TablesModel,
  random: Random,
  sync: boolean,
): Promise<void> {
  const batch = records.batch();
  for (let i = random.below(30); i >= 0; i--) {
    const key = randomKey(random);
    if (random.chance(0.3)) {
      batch.del(key);
      model.delete(key.toString("hex"));
    } else {
      const value = randomValue(random);
      batch.put(key, value);
      model.set(key.toString("hex"), value);
    }
  }
  await batch.write({ sync });
}

/** In the order of keys. */
export function sorted(model: TablesModel): [string, Buffer][] {
  return [...model].sort(([a], [b]) => Buffer.from(a, "hex").compare(Buffer.from(b, "hex")));
}

export async function readAll(
  records: Records,
  random: Random,
  range = ALL as RangeOptions,
): Promise<[string, Buffer][]> {
  const iterator = records.iterator(range);
  const found: [string, Buffer][] = [];
  try {
    for (;;) {
      const some = await iterator.nextv(1 + random.below(40));
      if (some.length === 0) return found;
      for (const [key, value] of some) found.push([key.toString("hex"), value]);
    }
  } finally {
    await iterator.close();
  }
}

export interface RangeOptions {
  readonly gte: Buffer;
  readonly lt: Buffer;
  readonly reverse: boolean;
  readonly highWaterMarkBytes: number;
}

/** Everything that can be read is as the model has it. */
export async function expectSame(records: Records, model: TablesModel, random: Random): Promise<void> {
  expect(await readAll(records, random)).to.deep.equal(sorted(model));
  for (let i = 0; i < 4; i++) {
    const [gte, lt] = [randomKey(random), random.chance(0.2) ? END : randomKey(random)];
    const reverse = random.chance(0.5);
    const range = { gte, lt, reverse, highWaterMarkBytes: random.pick([1, 500, 1 << 20]) };
    const expected = sorted(model).filter(([hex]) => {
      const key = Buffer.from(hex, "hex");
      return key.compare(gte) >= 0 && key.compare(lt) < 0;
    });
    expect(await readAll(records, random, range)).to.deep.equal(reverse ? expected.reverse() : expected);
  }
  const keys = Array.from({ length: 40 }, () => randomKey(random));
  const expected = keys.map((key) => model.get(key.toString("hex")));
  expect(keys.map((key) => records.getSync(key))).to.deep.equal(expected);
  expect(await records.getMany(keys)).to.deep.equal(expected);
}
