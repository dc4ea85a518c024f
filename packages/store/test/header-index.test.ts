import { expect } from "chai";
import { HeaderIndex } from "../dist/header-index.js";
import { ROOT_NUMBERS_MAX, encodeHeader, headerBytesMax } from "../dist/record.js";
import { ValueSlabs } from "../dist/value-slabs.js";
import type { Version } from "../dist/version.js";
import type { Random } from "./support/random.js";
import { withSeeds } from "./support/random.js";

/** All of a version but its value and where that is. */
type Header = Omit<Version, "source" | "valueStart" | "valueEnd" | "slot">;

const NO_BYTES = Buffer.alloc(0);

function randomHeader(random: Random, key: string): Header {
  const deleted = random.chance(0.2);
  const numbers = (count: number): number[] => Array.from({ length: count }, () => random.below(2 ** 31));
  return {
    key,
    modRevision: 1 + random.below(2 ** 31),
    sub: random.below(100),
    createRevision: deleted ? 0 : random.below(2 ** 31),
    version: deleted ? 0 : 1 + random.below(1_000),
    lease: deleted ? 0 : random.below(3),
    previous: random.below(2 ** 31),
    rank: random.below(20),
    roots: numbers(2 * random.below(6)),
    bases: numbers(2 * random.below(3)),
  };
}

function versionOf(header: Header): Version {
  return { ...header, source: NO_BYTES, valueStart: header.version === 0 ? 0 : -1, valueEnd: 0, slot: null };
}

const HEADER = Buffer.alloc(headerBytesMax(ROOT_NUMBERS_MAX));
const NO_VALUES = new ValueSlabs(0);

/** Tells the index of a version whose value is nowhere in memory. */
function tell(index: HeaderIndex, header: Header, newest = header.modRevision): void {
  const version = versionOf(header);
  const to = encodeHeader(version, HEADER, 0);
  index.set({ version, header: HEADER, from: 0, to, slab: 0, valueStart: 0, valueBytes: 0, slot: 0 }, newest);
}

function told(index: HeaderIndex, key: string): Version | null {
  return index.find(key) ? index.version(key, NO_VALUES) : null;
}

/** That of the i-th of many keys of 16 bytes. */
function usualHeader(i: number): Header {
  return {
    key: `key-${i}`.padEnd(16),
    modRevision: 1_000_000 + i,
    sub: 0,
    createRevision: 1_000 + i,
    version: 3,
    lease: 0,
    previous: 500_000 + i,
    rank: 1,
    roots: [],
    bases: [],
  };
}

function headerOf({ source, valueStart, valueEnd, slot, ...header }: Version): Header {
  expect(slot).to.equal(null);
  const elsewhere = valueStart === -1 && source.length > 0;
  const none = header.version === 0 && valueStart === valueEnd;
  if (slot !== null || !(elsewhere || none)) expect.fail("a header has neither a slot nor a value in memory");
  return header;
}

describe("Headers that are kept without their values", () => {
  it("S3: are those of the latest version that was told of, or none, however often the ring was written over", async () => {
    await withSeeds(15, (random) => {
      const index = new HeaderIndex(random.pick([0, 200, 1_000, 4_000, 17_000, 60_000, 1_000_000]), "a test");
      const keys = Array.from(
        { length: 1 + random.below(400) },
        (_, i) =>
          String.fromCharCode(random.below(256)).repeat(random.chance(0.02) ? 1_100 : random.below(30)) +
          `${i}`,
      );
      const newestOf = new Map<string, Header>();
      for (let i = 0; i < 2_000; i++) {
        const key = random.pick(keys);
        if (random.chance(0.5)) {
          const header = randomHeader(random, key);
          tell(index, header);
          newestOf.set(key, header);
        }
        const asked = random.chance(0.5) ? key : random.pick(keys);
        const found = told(index, asked);
        if (found !== null) expect(headerOf(found)).to.deep.equal(newestOf.get(asked));
      }
    });
  });

  it("S3: are missed only where that is told: of keys that were pushed out, written over, or too long", async () => {
    await withSeeds(15, (random) => {
      const index = new HeaderIndex(random.pick([0, 1_000, 4_000, 17_000, 60_000]), "a test");
      const newestOf = new Map<string, number>();
      const long = random.chance(0.5) ? 0.02 : 0;
      let missed = 0;
      for (let i = 1; i <= 3_000; i++) {
        const key = random.chance(long) ? "k".repeat(1_100) : random.below(300).toString(36);
        tell(index, { ...usualHeader(0), key, modRevision: i });
        newestOf.set(key, i);
        const asked = random.chance(0.5) ? key : random.pick([...newestOf.keys()]);
        if (index.find(asked)) continue;
        missed += 1;
        expect(newestOf.get(asked)).to.be.at.most(index.lostRevision);
      }
      expect(missed).to.be.at.least(index.bytes < 10_000 ? 100 : 0);
    });
  });

  it("S3: tell of a place that was taken by another key, while the ring has room", () => {
    // One part, which is all that it may be: its ring holds more small entries than its places can lead to.
    const index = new HeaderIndex(16 * 1024, "a test");
    let revision = 0;
    const missing = (): string[] => {
      const keys = Array.from({ length: revision }, (_, i) => `${i + 1}`);
      return keys.filter((key) => !index.find(key));
    };
    while (missing().length === 0) {
      revision += 1;
      const header = {
        ...usualHeader(0),
        key: `${revision}`,
        modRevision: revision,
        createRevision: 1,
        previous: 0,
      };
      tell(index, header);
    }
    expect(index.lostRevision).to.equal(revision);
  });

  it("S3: tell of the first one when the ring is full to its last byte, whatever the length of the keys", () => {
    for (let length = 3; length <= 160; length++) {
      const index = new HeaderIndex(16 * 1024, "a test");
      const first = "1".padStart(length, "k");
      for (let i = 1; i === 1 || index.find(first); i++)
        tell(index, { ...usualHeader(0), key: `${i}`.padStart(length, "k"), modRevision: 2 ** 20 + i });
      expect(index.lostRevision, `keys of ${length} bytes`).to.be.above(2 ** 20);
    }
  });

  it("name the slab of a value however many there were", () => {
    const index = new HeaderIndex(2 ** 16, "a test");
    const version = versionOf(usualHeader(1));
    const to = encodeHeader(version, HEADER, 0);
    for (const slab of [1, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 7]) {
      const value = { slab, valueStart: 65_535, valueBytes: 2 ** 30 };
      index.set({ version, header: HEADER, from: 0, to, ...value, slot: 2 ** 32 - 1 }, version.modRevision);
      expect(index.find(version.key)).to.equal(true);
      expect([index.slab, index.slot]).to.deep.equal([slab, 2 ** 32 - 1]);
    }
  });

  it("S3: go when a later one of the key finds no room", () => {
    const index = new HeaderIndex(300, "a test");
    const header = { key: "k", modRevision: 1, sub: 0, createRevision: 1, version: 1, lease: 0, previous: 0 };
    tell(index, { ...header, rank: 0, roots: [], bases: [] });
    expect(told(index, "k")?.modRevision).to.equal(1);
    const roots = Array.from({ length: 100 }, () => 2 ** 40);
    tell(index, { ...header, modRevision: 2, version: 2, rank: 0, roots, bases: [] });
    expect(told(index, "k")).to.equal(null);
  });

  it("stay as long as there is room for them: 12,000 of keys of 16 bytes in a mebibyte, nearly all", () => {
    const index = new HeaderIndex(2 ** 20, "a test");
    const headers = Array.from({ length: 12_000 }, (_, i) => usualHeader(i));
    for (const header of headers) tell(index, header);
    const kept = headers.filter(({ key }) => told(index, key) !== null);
    expect(kept.length).to.be.above(11_500);
  });

  it("take memory as keys come, and nearly all stay while there is more", () => {
    const index = new HeaderIndex(2 ** 30, "a test");
    const begun = index.bytes;
    expect(begun).to.be.at.most(2 ** 23);
    for (let i = 0; i < 200_000; i++) tell(index, usualHeader(i));
    expect(index.bytes).to.be.above(1.2 * begun);
    expect(index.bytes / 200_000).to.be.below(150);
    let kept = 0;
    for (let i = 0; i < 200_000; i++) {
      const found = told(index, usualHeader(i).key);
      if (found === null) continue;
      kept += 1;
      if (found.modRevision !== usualHeader(i).modRevision) expect.fail(`key ${i} has another's header`);
    }
    expect(kept).to.be.above(196_000);
  });

  it("take no memory for keys that are too long to be kept", () => {
    const index = new HeaderIndex(64 * 1024 * 1024, "nowhere");
    const { bytes } = index;
    for (let i = 0; i < 500; i += 1) {
      const header = { ...usualHeader(i), key: `key-${i}`.padEnd(60_000) };
      tell(index, header);
      expect(told(index, header.key)).to.equal(null);
    }
    expect(index.bytes).to.equal(bytes);
  });

  it("take no more memory for keys that are put again and again, however their headers grow and shrink", () => {
    const index = new HeaderIndex(2 ** 30, "a test");
    const roots = (count: number): number[] => Array.from({ length: 2 * count }, () => 2 ** 30);
    const begun = index.bytes;
    for (let round = 0; round < 20; round++)
      for (let i = 0; i < 20_000; i++) tell(index, { ...usualHeader(i), roots: roots((round * 7 + i) % 10) });
    expect(index.bytes).to.be.below(1.4 * begun);
    for (let i = 0; i < 20_000; i += 100)
      expect(told(index, usualHeader(i).key)?.roots).to.have.length(2 * ((19 * 7 + i) % 10));
  });
});
