import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { SnapshotFileError, SnapshotFileParser, encodeAbout, inspectSnapshot } from "@raftkv/store";
import type { Store } from "@raftkv/store";
import { makeDirectory, removeDirectories } from "./support/directory.js";
import { applyInSplits, openWithGroup, randomLog } from "./support/log.js";
import type { Random } from "./support/random.js";
import { withSeeds } from "./support/random.js";

const ABOUT = { clusterId: "c1", node: "n1", version: "0.1.0", savedAt: "2026-01-02T03:04:05.678Z" };

interface Saved {
  readonly path: string;
  readonly bytes: Buffer;
  /** Where each chunk begins, and behind the last one the length of the file. */
  readonly starts: readonly number[];
}

async function save(store: Store, path: string): Promise<Saved> {
  const reader = await store.openSnapshot();
  const parts = [encodeAbout(ABOUT)];
  const starts: number[] = [];
  let length = parts[0]?.length ?? 0;
  for (let chunk = await reader.chunk(0); chunk !== null; chunk = await reader.chunk(starts.length)) {
    starts.push(length);
    parts.push(chunk);
    length += chunk.length;
    reader.release(starts.length);
  }
  await reader.close();
  writeFileSync(path, Buffer.concat(parts));
  return { path, bytes: readFileSync(path), starts: [...starts, length] };
}

/** What is said of `bytes`, which come in pieces of any size. */
function damageOf(bytes: Buffer, random: Random): SnapshotFileError {
  const parser = new SnapshotFileParser("the file");
  try {
    for (let at = 0; at < bytes.length;) {
      const length = 1 + random.below(300_000);
      parser.push(bytes.subarray(at, at + length));
      at += length;
    }
    parser.end();
  } catch (error) {
    if (error instanceof SnapshotFileError) return error;
    throw error;
  }
  throw new Error("the damage was not noticed");
}

describe("A saved snapshot (S10)", function () {
  this.timeout(60_000);
  afterEach(removeDirectories);

  it("has the hashes that the store had, whatever was put, deleted, compacted or collected", async () => {
    await withSeeds(10, async (random) => {
      const root = await makeDirectory();
      const store = await openWithGroup(join(root, "source"), {
        inlineValueBytesMax: random.pick([0, 4, 64]),
      });
      await applyInSplits(store, randomLog(random, 500), 50 + random.below(400), random);
      const { path, bytes } = await save(store, join(root, "file"));
      const hashes = await store.hashState();
      const found = await inspectSnapshot(path);
      const { keys } = await store.sizes();
      await store.close();
      expect(found).to.include({
        ...ABOUT,
        bytes: bytes.length,
        index: hashes.appliedIndex,
        revision: hashes.revision,
        hash: hashes.contents,
        stateHash: hashes.hash,
        keys,
      });
    });
  });

  it("tells where it is damaged: bytes that changed, an end that is missing, chunks that are gone, doubled or exchanged", async () => {
    await withSeeds(2, async (random) => {
      const root = await makeDirectory();
      const store = await openWithGroup(join(root, "source"));
      const batch = store.beginBatch();
      for (let index = 1; index <= 60; index += 1) {
        batch.beginEntry(index, 1);
        batch.put(Buffer.from(`key ${index}`), Buffer.alloc(1 + random.below(20_000), index));
      }
      await store.applyMutationsRaft(batch);
      const { path, bytes, starts } = await save(store, join(root, "file"));
      await store.close();
      expect(starts.length, "several chunks").to.be.greaterThan(5);

      const pieceOf = (at: number): { offset: number; chunk: number | null } => {
        const chunk = starts.findLastIndex((start) => start <= at);
        return chunk < 0 ? { offset: 0, chunk: null } : { offset: starts[chunk] ?? 0, chunk };
      };
      const expectDamage = (damaged: Buffer, at: number, what: string): void => {
        const error = damageOf(damaged, random);
        const piece = pieceOf(at);
        expect(error.chunk, `${what}: ${error.message}`).to.equal(piece.chunk);
        if (piece.chunk !== null) expect(error.offset, `${what}: ${error.message}`).to.equal(piece.offset);
        expect(error.message).to.contain(`the file is damaged at byte ${error.offset}`);
        expect(error.expected).to.not.equal(error.found);
      };

      // Every byte of the file's head and of the first and last headers, and many others.
      const places = [
        ...Array.from({ length: (starts[0] ?? 0) + 20 }, (_, at) => at),
        ...starts.slice(1, -1).flatMap((start) => [0, 4, 8, 9, 10, 12, 13, 16].map((field) => start + field)),
        ...Array.from({ length: 100 }, () => random.below(bytes.length)),
        bytes.length - 1,
      ];
      for (const at of places) {
        const damaged = Buffer.from(bytes);
        damaged[at] = (damaged[at] ?? 0) ^ (1 << random.below(8));
        expectDamage(damaged, at, `bit of byte ${at}`);
      }
      for (const length of [
        0,
        1,
        30,
        ...starts.slice(0, -1),
        ...Array.from({ length: 30 }, () => random.below(bytes.length)),
      ]) {
        expectDamage(bytes.subarray(0, length), length, `cut to ${length}`);
      }
      for (let chunk = 0; chunk + 1 < starts.length; chunk += 1) {
        const [start = 0, end = 0] = starts.slice(chunk, chunk + 2);
        const [before, itself, behind] = [
          bytes.subarray(0, start),
          bytes.subarray(start, end),
          bytes.subarray(end),
        ];
        expectDamage(Buffer.concat([before, behind]), start, `without chunk ${chunk}`);
        expectDamage(Buffer.concat([before, itself, itself, behind]), end, `chunk ${chunk} twice`);
        if (behind.length > 0)
          expectDamage(Buffer.concat([before, behind, itself]), start, `chunk ${chunk} last`);
      }
      expect((await inspectSnapshot(path)).keys, "undamaged").to.equal(60);
    });
  });
});
