import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { SnapshotDamagedError, Store, installSnapshot, receiveSnapshot } from "@raftkv/store";
import type { SnapshotReader, SnapshotWriter } from "@raftkv/store";
import { encodeChunk } from "../dist/snapshot-chunk.js";
import { makeDirectory, removeDirectories } from "./support/directory.js";
import { applyInSplits, applyTo, durableNow, modelOf, openWithGroup, randomLog } from "./support/log.js";
import { Random, withSeeds } from "./support/random.js";
import { dumpRecords } from "./support/recording-disk.js";

/** All chunks of a stream. */
async function chunksOf(reader: SnapshotReader): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  for (let chunk = await reader.chunk(0); chunk !== null; chunk = await reader.chunk(chunks.length)) {
    chunks.push(chunk);
    reader.release(chunks.length);
  }
  return chunks;
}

async function takeIn(directory: string, chunks: readonly Buffer[]): Promise<void> {
  const writer = await receiveSnapshot(directory);
  for (const chunk of chunks) await writer.add(chunk);
  await writer.finish();
  await installSnapshot(directory);
}

describe("A snapshot stream (S10)", function () {
  this.timeout(60_000);
  afterEach(removeDirectories);

  it("is of one applied index while writes go on, and what takes it in is equal at that index and goes on from it", async () => {
    await withSeeds(15, async (random) => {
      const root = await makeDirectory();
      const operations = randomLog(random, 600);
      const model = modelOf(operations);
      const source = await openWithGroup(join(root, "source"), {
        cacheBytes: random.pick([0, 1 << 20]),
        headerBytesMax: random.pick([0, 1 << 20]),
      });
      await applyInSplits(source, operations, 100 + random.below(100), random);
      if (random.chance(0.5)) await source.checkpoint(durableNow);
      const streamed = new AbortController();
      const applying = (async () => {
        while (!streamed.signal.aborted && source.applied.index < operations.length) {
          await applyTo(source, operations, Math.min(operations.length, source.applied.index + 7));
          if (random.chance(0.3)) await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      const reader = await source.openSnapshot();
      const { index, term, revision } = reader.position;
      expect({ term, revision }).to.deep.equal({ term: 1, revision: model.revisionAt[index] });
      await new Promise((resolve) => setImmediate(resolve));
      const chunks = await chunksOf(reader);
      streamed.abort();
      await applying;
      await reader.close();

      const target = join(root, "target");
      const before = await openWithGroup(target);
      await applyInSplits(before, operations, 20, random);
      await before.close({ checkpoint: durableNow });
      await takeIn(target, chunks);
      const installed = await openWithGroup(target);
      expect(installed.applied).to.deep.equal({ index, term: 1 });
      expect(installed.undoneChanges).to.equal(0);
      expect((await installed.hash()).hash).to.equal(model.hash(revision));
      await applyInSplits(installed, operations, 600, random);
      await applyInSplits(source, operations, 600, random);
      expect((await installed.hash()).hash).to.equal((await source.hash()).hash);
      const half = Math.max(installed.compactionFloor, Math.floor(revision / 2));
      expect((await installed.hash(half)).hash, "at an older revision").to.equal(model.hash(half));
      await installed.close({ checkpoint: durableNow });
      await source.close({ checkpoint: durableNow });
      expect((await readdir(target)).sort()).to.deep.equal(["checkpoint", "store-2"]);
    });
  });

  it("carries the small state, and a store without a change or an entry is one as well", async () => {
    const root = await makeDirectory();
    const source = await Store.open(join(root, "source"));
    const empty = await chunksOf(await source.openSnapshot());
    expect(empty).to.have.length(2);
    const large = Buffer.alloc(1_000_000, "sessions");
    await source.applyMutations([
      { kind: "setState", name: "catalog", value: Buffer.from("routes") },
      { kind: "setState", name: "sessions", value: large },
    ]);
    const chunks = await chunksOf(await source.openSnapshot());
    await source.close();
    await takeIn(join(root, "empty"), empty);
    await takeIn(join(root, "target"), chunks);
    const [nothing, target] = [await Store.open(join(root, "empty")), await Store.open(join(root, "target"))];
    expect(nothing.applied.index).to.equal(0);
    expect(target.revision).to.equal(1);
    expect(Buffer.from(target.state("catalog") ?? []).toString()).to.equal("routes");
    expect(large.equals(target.state("sessions") ?? Buffer.alloc(0))).to.equal(true);
    expect(Math.max(...chunks.map((chunk) => chunk.length))).to.be.below(200_000);
    await nothing.close();
    await target.close();
  });

  it("leaves the same records behind as the store has that it is of", async () => {
    const root = await makeDirectory();
    const random = new Random(3);
    const operations = randomLog(random, 300);
    const source = await openWithGroup(join(root, "source"));
    await applyInSplits(source, operations, 300, random);
    const chunks = await chunksOf(await source.openSnapshot());
    await source.close({ checkpoint: durableNow });
    await takeIn(join(root, "target"), chunks);
    expect(await dumpRecords(join(root, "target"))).to.deep.equal(await dumpRecords(join(root, "source")));
  });

  describe("taken in", () => {
    let root: string;
    let source: Store;
    let chunks: Buffer[];
    let writer: SnapshotWriter;

    beforeEach(async () => {
      root = await makeDirectory();
      source = await openWithGroup(join(root, "source"));
      const random = new Random(5);
      const operations = Array.from({ length: 400 }, (_, i) => ({
        kind: "put" as const,
        key: Buffer.from(`k${random.below(300)}`),
        value: Buffer.alloc(2_000, `${i}`),
      }));
      await applyInSplits(source, operations, 400, random);
      const reader = await source.openSnapshot();
      chunks = await chunksOf(reader);
      await reader.close();
      expect(chunks.length).to.be.above(5);
      writer = await receiveSnapshot(join(root, "target"));
    });
    afterEach(async () => {
      await writer.abort();
      await source.close();
    });

    async function refused(chunk: Buffer | undefined, words: RegExp): Promise<void> {
      const error = await writer.add(chunk ?? Buffer.alloc(0)).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(SnapshotDamagedError).with.property("code", "SNAPSHOT_DAMAGED");
      expect((error as Error).message).to.match(words);
    }

    it("a chunk with any byte damaged is refused", async () => {
      const random = new Random(7);
      for (const chunk of chunks.slice(0, -1)) {
        for (let i = 0; i < 20; i += 1) {
          const damaged = Buffer.from(chunk);
          const at = i < 20 / 2 ? i * 2 : random.below(chunk.length);
          damaged[at] = (damaged[at] ?? 0) ^ (1 << random.below(8));
          await refused(damaged, /^the snapshot is damaged: expected/);
        }
        await refused(chunk.subarray(0, -1), /expected a chunk of \d+ bytes, found \d+/);
        await writer.add(chunk);
      }
    });

    it("a chunk that is left out, comes twice or comes early is refused, and the right one is still taken", async () => {
      await refused(chunks[1], /expected chunk 0, found chunk 1/);
      for (const [number, chunk] of chunks.entries()) {
        if (number > 0) await refused(chunks[number - 1], new RegExp(`expected chunk ${number}, found`));
        if (number + 2 < chunks.length) await refused(chunks[number + 2], /expected chunk \d+, found/);
        await writer.add(chunk);
        expect(writer.next).to.equal(number + 1);
      }
      expect(writer.complete).to.equal(true);
    });

    it("chunks of another stream in the place of its own are found out at the end: the checksum is of the whole", async () => {
      await applyTo(
        source,
        [
          ...Array.from({ length: 400 }, () => ({ kind: "noop" as const })),
          { kind: "delete" as const, key: Buffer.from("k1") },
        ],
        401,
      );
      const other = await chunksOf(await source.openSnapshot());
      await writer.add(other[0] ?? Buffer.alloc(0));
      for (const chunk of chunks.slice(1, -1)) await writer.add(chunk);
      await refused(chunks.at(-1), /expected \d+ records, SHA-256 [0-9a-f]{64}, found \d+ records, SHA-256/);
      expect(writer.complete).to.equal(false);
    });

    it("records out of order, of an unknown kind, or a head that is none are refused", async () => {
      await refused(encodeChunk("records", 0, Buffer.alloc(0)), /expected the head first, and nowhere else/);
      await writer.add(encodeChunk("head", 0, Buffer.from("nothing")));
      await refused(encodeChunk("records", 1, Buffer.alloc(0)), /expected the head of a checkpoint/);
      await writer.abort();
      writer = await receiveSnapshot(join(root, "target"));
      await writer.add(chunks[0] ?? Buffer.alloc(0));
      await writer.add(encodeChunk("records", 1, Buffer.alloc(0)));
      await refused(encodeChunk("head", 2, Buffer.alloc(0)), /expected the head first, and nowhere else/);
      const record = (key: string): Buffer => {
        const bytes = Buffer.alloc(8 + key.length);
        bytes.writeUInt32LE(key.length, 0);
        bytes.write(key, 8, "latin1");
        return bytes;
      };
      await refused(encodeChunk("records", 2, record("B")), /expected a record's key, found 0x42/);
      await refused(encodeChunk("records", 2, record("La").subarray(0, -1)), /expected a record inside/);
      await refused(
        encodeChunk("records", 2, Buffer.concat([record("Lb"), record("La")])),
        /expected a key behind 0x4c62, found 0x4c61/,
      );
    });

    it("resumes at any chunk that was not released, from the same reader", async () => {
      const reader = await source.openSnapshot();
      for (let number = 0; number < chunks.length; number += 1) {
        await reader.chunk(Math.min(number + 2, chunks.length - 1));
        const chunk = await reader.chunk(number);
        expect(chunk?.equals(chunks[number] ?? Buffer.alloc(0))).to.equal(true);
        await writer.add(chunk ?? Buffer.alloc(0));
        reader.release(writer.next);
      }
      expect(await reader.chunk(chunks.length)).to.equal(null);
      expect(writer.complete).to.equal(true);
      await reader.close();
    });

    it("ends with an error when its store is closed meanwhile", async () => {
      const reader = await source.openSnapshot();
      await reader.chunk(0);
      await source.close();
      const error = await reader.chunk(1).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(Error);
      await reader.close();
    });
  });
});
