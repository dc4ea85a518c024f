import { expect } from "chai";
import { ValueSlabs } from "../dist/value-slabs.js";
import { withSeeds } from "./support/random.js";

/** Writes a value as a put does, behind a header. Returns where it is. */
function write(slabs: ValueSlabs, value: Buffer): { slab: number; start: number } {
  const { slab, used } = slabs.reserve(10 + value.length);
  const start = used + 10;
  value.copy(slab, start);
  return { slab: slabs.take(slab, start + value.length), start };
}

describe("Values in memory", () => {
  it("S3: stay as they were put, or are gone, whatever else is written and read", async () => {
    await withSeeds(20, (random) => {
      const bytesMax = random.pick([0, 100_000, 300_000, 2_000_000]);
      const slabs = new ValueSlabs(bytesMax);
      const put: { value: Buffer; slab: number; start: number }[] = [];
      for (let i = 0; i < 2_000; i++) {
        const bytes = random.chance(0.01)
          ? random.below(100_000)
          : random.below(random.pick([2, 300, 9_000]));
        const value = Buffer.alloc(bytes, i);
        put.push({ value, ...(random.chance(0.5) ? write(slabs, value) : slabs.copy(value, 0, bytes)) });
        const { value: expected, slab, start } = random.pick(put.slice(-200));
        const found = slabs.get(slab);
        if (found !== undefined && !found.subarray(start, start + expected.length).equals(expected))
          expect.fail(`the value of ${expected.length} bytes is another one`);
        if (random.chance(0.9) && bytesMax === 2_000_000 && put.length > 5)
          expect(slabs.get(put.at(-1)?.slab ?? 0), "the last one").to.not.equal(undefined);
      }
      expect(slabs.bytes).to.be.at.most(bytesMax + 100_010);
    });
  });

  it("are old in the older half, and a single slab is not: what is read in it again would be copied each time", () => {
    const slabs = new ValueSlabs(300_000);
    const numbers = Array.from({ length: 4 }, () => slabs.copy(Buffer.alloc(70_000), 0, 70_000).slab);
    expect(numbers.map((number) => slabs.isOld(number))).to.deep.equal([true, true, false, false]);
    const single = new ValueSlabs(0);
    for (let i = 0; i < 3; i++)
      expect(single.isOld(single.copy(Buffer.alloc(70_000), 0, 70_000).slab)).to.equal(false);
  });

  it("C7: what is written lies together, however much is read in between and however few bytes there are", () => {
    for (const bytesMax of [0, 1_000_000]) {
      const slabs = new ValueSlabs(bytesMax);
      const written = new Set<Buffer | undefined>();
      for (let i = 0; i < 300; i++) {
        const { slab } = write(slabs, Buffer.alloc(100));
        written.add(slabs.get(slab));
        for (let read = 0; read < 40; read++) slabs.copy(Buffer.alloc(1_000), 0, 1_000);
      }
      expect(written.size).to.equal(1);
    }
  });
});
