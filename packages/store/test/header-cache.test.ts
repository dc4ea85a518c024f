import { expect } from "chai";
import { HeaderCache } from "../dist/header-cache.js";
import type { Version } from "../dist/version.js";
import type { Random } from "./support/random.js";
import { withSeeds } from "./support/random.js";

/** All of a version but its value and where that is. */
type Header = Omit<Version, "source" | "valueStart" | "valueEnd" | "slot">;

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
  return { ...header, source: Buffer.alloc(0), valueStart: 0, valueEnd: 0, slot: null };
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
      const cache = new HeaderCache(random.pick([0, 200, 1_000, 4_000, 60_000]), "a test");
      const keys = Array.from(
        { length: 1 + random.below(400) },
        (_, i) =>
          String.fromCharCode(random.below(256)).repeat(random.chance(0.02) ? 1_100 : random.below(30)) +
          `${i}`,
      );
      const told = new Map<string, Header>();
      for (let i = 0; i < 2_000; i++) {
        const key = random.pick(keys);
        if (random.chance(0.5)) {
          const header = randomHeader(random, key);
          cache.set(versionOf(header));
          told.set(key, header);
        }
        const asked = random.chance(0.5) ? key : random.pick(keys);
        const found = cache.get(asked);
        if (found !== null) expect(headerOf(found)).to.deep.equal(told.get(asked));
      }
    });
  });

  it("S3: go when a later one of the key finds no room", () => {
    const cache = new HeaderCache(300, "a test");
    const header = { key: "k", modRevision: 1, sub: 0, createRevision: 1, version: 1, lease: 0, previous: 0 };
    cache.set(versionOf({ ...header, rank: 0, roots: [], bases: [] }));
    expect(cache.get("k")?.modRevision).to.equal(1);
    const roots = Array.from({ length: 100 }, () => 2 ** 40);
    cache.set(versionOf({ ...header, modRevision: 2, version: 2, rank: 0, roots, bases: [] }));
    expect(cache.get("k")).to.equal(null);
  });

  it("stay as long as there is room for them: 12,000 of keys of 16 bytes in a mebibyte, nearly all", () => {
    const cache = new HeaderCache(2 ** 20, "a test");
    const headers = Array.from({ length: 12_000 }, (_, i) => ({
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
    }));
    for (const header of headers) cache.set(versionOf(header));
    const kept = headers.filter(({ key }) => cache.get(key) !== null);
    expect(kept.length).to.be.above(11_500);
  });
});
