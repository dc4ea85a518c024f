import { expect } from "chai";
import { StoreCorruptError } from "@raftkv/store";
import { decodeRecord, encodeHeader, encodeLatest, headerBytesMax } from "../dist/record.js";
import type { Version } from "../dist/version.js";
import { withSeeds } from "./support/random.js";
import type { Random } from "./support/random.js";

type Header = Omit<Version, "key" | "source" | "valueStart" | "valueEnd" | "slot">;

function encode(header: Header, value: Buffer): Buffer {
  const target = Buffer.alloc(headerBytesMax(header.roots.length) + value.length);
  const end = encodeHeader(header, target, 0);
  value.copy(target, end);
  return target.subarray(0, end + value.length);
}

function randomRevision(random: Random): number {
  return Math.floor(random.next() * 2 ** random.pick([1, 7, 8, 14, 31, 32, 33, 53]));
}

const FIRST: Header = {
  modRevision: 300,
  sub: 0,
  createRevision: 300,
  version: 1,
  lease: 0,
  previous: 0,
  rank: 0,
  roots: [],
  bases: [],
};

describe("A version's record", () => {
  it("is read as it was written, with revisions up to 2^53 - 1", async () => {
    await withSeeds(200, (random) => {
      const deleted = random.chance(0.3);
      const header: Header = {
        modRevision: randomRevision(random),
        sub: randomRevision(random),
        createRevision: deleted ? 0 : Number.MAX_SAFE_INTEGER,
        version: deleted ? 0 : 1 + randomRevision(random),
        lease: deleted || random.chance(0.5) ? 0 : randomRevision(random),
        previous: randomRevision(random),
        rank: random.below(50),
        roots: Array.from({ length: 2 * random.below(20) }, () => randomRevision(random)),
        bases: Array.from({ length: 2 * random.below(3) }, () => randomRevision(random)),
      };
      const value = Buffer.alloc(deleted ? 0 : random.below(100), "x");
      const record = encode(header, value);
      const { key, source, valueStart, valueEnd, slot, ...read } = decodeRecord("k", record, "dir");
      expect(read).to.deep.equal(header);
      expect([key, slot]).to.deep.equal(["k", null]);
      expect(source.subarray(valueStart, valueEnd)).to.deep.equal(value);
    });
  });

  it("has the bytes that docs/storage-format.md shows", () => {
    const version = {
      ...FIRST,
      modRevision: 301,
      version: 2,
      previous: 300,
      roots: [0, 300],
      bases: [100, 7],
    };
    expect(encode(FIRST, Buffer.from("v")).toString("hex")).to.equal("00ac0200ac020100000076");
    expect(encode(version, Buffer.alloc(0)).toString("hex")).to.equal("04ad0200ac0202ac02000100ac026407");
  });

  it("of the latest version is that of the change, or says that its value is only there", () => {
    const change = encode({ ...FIRST, roots: [0, 5], bases: [1, 2] }, Buffer.from("value"));
    const version = decodeRecord("k", change, "dir");
    expect(encodeLatest(version, 5)).to.deep.equal(change);
    const shortened = encodeLatest(version, 4);
    expect(shortened.length).to.equal(change.length - 5);
    const { modRevision, roots, bases, valueStart } = decodeRecord("k", shortened, "dir");
    expect([modRevision, roots, bases, valueStart]).to.deep.equal([300, [0, 5], [1, 2], -1]);
  });

  it("S9: bytes that are none are refused, naming the directory and the key", () => {
    const whole = encode({ ...FIRST, roots: [0, 5], bases: [1, 2] }, Buffer.alloc(0));
    const damaged = [Buffer.alloc(0), Buffer.from([0x10]), Buffer.from([0x0c]), whole.subarray(0, 5)];
    damaged.push(
      whole.subarray(0, whole.length - 1),
      Buffer.concat([Buffer.from([0x01]), whole.subarray(1)]),
      Buffer.concat([Buffer.from([(whole[0] ?? 0) | 0x20]), whole.subarray(1)]),
    );
    for (const bytes of damaged) {
      expect(() => decodeRecord("ab", bytes, "/data/store-1"), bytes.toString("hex"))
        .to.throw(StoreCorruptError, "/data/store-1: expected a record of the key 0x6162, found")
        .with.property("code", "STORE_CORRUPT");
    }
  });
});
