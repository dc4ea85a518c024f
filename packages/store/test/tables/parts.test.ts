import { crc32 } from "node:zlib";
import { expect } from "chai";
import { BloomFilter } from "../../dist/tables/bloom-filter.js";
import { EntryList, EntryPlace, findEntry } from "../../dist/tables/entries.js";
import { crcInTurns } from "../../dist/tables/in-turns.js";
import { compareKeys, hashKey } from "../../dist/tables/key-order.js";
import { planMerge } from "../../dist/tables/merge-plan.js";
import { Random, withSeeds } from "../support/random.js";
import { randomKey, randomValue } from "../support/tables.js";

const MIB = 1024 * 1024;

function hashOf(text: string): number {
  const key = Buffer.from(text);
  return hashKey(key, 0, key.length);
}

describe("The parts of sorted tables", () => {
  it("S7: keys compare as bytes, one that begins with another behind it", async () => {
    await withSeeds(20, (random) => {
      for (let i = 0; i < 500; i++) {
        // Those that begin alike for long are compared in another way.
        const head = Buffer.alloc(random.pick([0, 0, 120, 127, 128, 129, 300]), 0x61);
        const [a, b] = [randomKey(random), randomKey(random)].map((tail) => Buffer.concat([head, tail])) as [
          Buffer,
          Buffer,
        ];
        const order = compareKeys(a, 0, a.length, b, 0, b.length);
        expect(Math.sign(order)).to.equal(a.compare(b));
      }
    });
  });

  it("a filter knows every key that was added, also when it was folded, and few others", async () => {
    const filter = BloomFilter.for(100_000);
    for (let i = 0; i < 10_000; i++) filter.add(hashOf(`key-${i}`));
    const folded = await filter.folded(10_000);
    expect(folded.bytes.length).to.equal(16_384);
    let others = 0;
    for (let i = 0; i < 10_000; i++) {
      expect(folded.mayHave(hashOf(`key-${i}`)), `${i}`).to.equal(true);
      if (folded.mayHave(hashOf(`other-${i}`))) others += 1;
    }
    expect(others).to.be.below(300);
  });

  it("C5: what a large table brings is gone over in many turns of the event loop", async () => {
    let turns = 0;
    const count = (): void => {
      turns += 1;
      turning = setImmediate(count);
    };
    let turning = setImmediate(count);
    after(() => clearImmediate(turning));
    const filter = BloomFilter.for(20_000_000);
    filter.add(hashOf("key"));
    expect(filter.bytes.length).to.equal(32 * MIB);
    expect(await crcInTurns(filter.bytes)).to.equal(crc32(filter.bytes));
    expect(turns).to.be.above(30);
    turns = 0;
    const folded = await filter.folded(10);
    expect(turns).to.be.above(20);
    clearImmediate(turning);
    expect([folded.bytes.length, folded.mayHave(hashOf("key"))]).to.deep.equal([64, true]);
  });

  it("a list has the last of what came for a key, and a view of it what was there", async () => {
    await withSeeds(20, (random) => {
      const model = new Map<string, Buffer | null>();
      const all = new EntryList();
      for (let i = 0; i < 20; i++) {
        const list = new EntryList();
        for (let k = random.below(20); k >= 0; k--) {
          const key = randomKey(random);
          const value = random.chance(0.2) ? null : randomValue(random);
          list.put(key, value);
          model.set(key.toString("hex"), value);
        }
        list.sort();
        const [view, before] = [all.view(), new Map(model)];
        const count = view.count;
        all.addAll(list);
        expect(view.count).to.equal(count);
        for (const [key, value] of before)
          expect(findEntry(all.view(), Buffer.from(key, "hex"))).to.deep.equal(value);
      }
      expect(all.count).to.equal(model.size);
    });
  });

  it("lengths of every size are read as they were written", () => {
    for (const bytes of [0, 1, 126, 127, 128, 16_383, 16_384, 3_000_000]) {
      const list = new EntryList();
      list.put(Buffer.alloc(bytes, 1), Buffer.alloc(bytes, 2));
      const view = list.view();
      const place = new EntryPlace();
      expect(place.read(view.bytes, 0, list.byteLength)).to.equal(true);
      expect([place.keyTo - place.keyFrom, place.to - place.keyTo, place.to]).to.deep.equal([
        bytes,
        bytes,
        list.byteLength,
      ]);
      expect(place.read(view.bytes, 0, list.byteLength - 1)).to.equal(false);
    }
  });

  it("eight neighbours of one tier are merged, with what is smaller between them, and nothing newer or older", () => {
    const sizes = (...mebibytes: number[]): { bytes: number; entries: number }[] =>
      mebibytes.map((size) => ({ bytes: size * MIB, entries: 1 }));
    expect(planMerge([])).to.equal(null);
    expect(planMerge(sizes(1, 1, 1, 1, 1, 1, 1, 30, 30, 200))).to.equal(null);
    expect(planMerge(sizes(1, 1, 1, 1, 1, 1, 1, 1, 30))).to.deep.equal({ from: 0, to: 8 });
    expect(planMerge(sizes(1, 30, 30, 30, 1, 30, 30, 30, 30, 30, 200))).to.deep.equal({ from: 1, to: 10 });
    expect(planMerge(sizes(1, 1, 30, 1, 30))).to.equal(null);
    expect(planMerge(sizes(1, 1, 30, 1, 1, 30, 1))).to.deep.equal({ from: 3, to: 5 });
    expect(planMerge(sizes(1, 1, 200, 30, 1, 200))).to.deep.equal({ from: 3, to: 5 });
    expect(planMerge(sizes(...Array<number>(9).fill(3_000)))).to.deep.equal({ from: 0, to: 9 });
  });

  it("there are never many tables for long, and few bytes are written again, whatever sizes are flushed", () => {
    const random = new Random(1);
    const flushes: ((i: number) => number)[] = [
      () => 0.05,
      () => 8,
      (i) => (i % 8 === 7 ? 8 : 0.01),
      () => (random.chance(0.8) ? 0.01 : 8),
    ];
    for (const [number, mebibytes] of flushes.entries()) {
      let tables: { bytes: number; entries: number }[] = [];
      let [flushed, written] = [0, 0];
      for (let i = 0; i < 5_000; i++) {
        const bytes = Math.round(mebibytes(i) * MIB);
        flushed += bytes;
        tables = [{ bytes, entries: 1 }, ...tables];
        for (let plan = planMerge(tables); plan !== null; plan = planMerge(tables)) {
          const { from, to } = plan;
          const merged = tables.slice(from, to).reduce((sum, table) => sum + table.bytes, 0);
          written += merged;
          tables = tables.toSpliced(from, to - from, { bytes: merged, entries: 1 });
        }
        expect(tables.length, `${number}, ${i}`).to.be.below(64);
      }
      expect(written / flushed, `${number}`).to.be.below(10);
    }
  });
});
