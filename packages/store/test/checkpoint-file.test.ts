import { expect } from "chai";
import { CheckpointFormatError, Store, StoreCorruptError } from "@raftkv/store";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SNAPSHOT_HEAD_FORMAT, decodeCheckpoint, encodeCheckpoint } from "../dist/checkpoint-file.js";
import { makeDirectory, removeDirectories } from "./support/directory.js";

const CHECKPOINT = {
  index: 12,
  term: 3,
  revision: 9,
  floor: 4,
  keys: 5,
  collected: 2,
  generation: 2,
  state: new Map([
    ["b", Uint8Array.of(0, 10, 255)],
    ["a", new Uint8Array()],
  ]),
};

describe("The D file", () => {
  afterEach(removeDirectories);

  it("is read as it was written, its state in the order of its names", async () => {
    const bytes = await encodeCheckpoint(CHECKPOINT);
    expect(decodeCheckpoint(bytes, "checkpoint")).to.deep.equal(CHECKPOINT);
    expect(bytes.toString("latin1").split("\n")[1]).to.equal(
      '{"index":12,"term":3,"revision":9,"floor":4,"keys":5,"collected":2,"generation":2,"state":[["a",0],["b",3]]}',
    );
  });

  it("S2: is refused after any one of its bits flipped, and when it was cut anywhere", async () => {
    const bytes = await encodeCheckpoint(CHECKPOINT);
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      // A flipped format may read as a newer one, which is refused as well.
      expect(() => decodeCheckpoint(flipped, "D"), `bit ${bit}`).to.throw(/^D(:| has format)/);
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeCheckpoint(bytes.subarray(0, length), "D"), `${length} bytes`).to.throw(
        StoreCorruptError,
      );
    }
  });

  it("a newer format is refused, naming both; an older one is read, and is that of a snapshot's head", async () => {
    const text = (await encodeCheckpoint(CHECKPOINT)).toString("latin1");
    const newer = Buffer.from(text.replace("checkpoint 3", "checkpoint 4"), "latin1");
    const older = await encodeCheckpoint(CHECKPOINT, SNAPSHOT_HEAD_FORMAT);
    expect(older.toString("latin1", 0, 20)).to.equal("raftkv-checkpoint 1 ");
    expect(() => decodeCheckpoint(newer, "D"))
      .to.throw(
        CheckpointFormatError,
        "D has format 4, this version reads 3: it was written by a newer version",
      )
      .with.property("code", "UNKNOWN_FORMAT");
    expect(decodeCheckpoint(older, "D")).to.deep.equal(CHECKPOINT);
    expect(() => decodeCheckpoint(Buffer.from(text, "latin1"), "D", SNAPSHOT_HEAD_FORMAT))
      .to.throw(CheckpointFormatError, "D has format 3, this version reads 1")
      .with.property("code", "UNKNOWN_FORMAT");
  });

  it("damaged, keeps the store from opening and from being discarded; names file, expected and found", async () => {
    const directory = await makeDirectory();
    const store = await Store.open(directory);
    await store.applyMutations([{ kind: "put", key: Buffer.from("k"), value: Buffer.from("v") }]);
    await store.close();
    const path = join(directory, "checkpoint");
    const whole = await readFile(path);
    const damaged = Buffer.from(whole);
    damaged[damaged.length - 3] = 0x20;
    await writeFile(path, damaged);
    const error = await Store.open(directory).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(StoreCorruptError).with.property("file", path);
    expect(error)
      .to.have.property("expected")
      .that.matches(/^a checksum of [0-9a-f]{8}$/);
    await writeFile(path, whole);
    const again = await Store.open(directory);
    expect(Buffer.from(again.get(Buffer.from("k"))?.value ?? []).toString()).to.equal("v");
    await again.close();
  });

  it("S3: without it the store is discarded and begun anew, under a number of its own", async () => {
    const directory = await makeDirectory();
    const store = await Store.open(directory);
    await store.applyMutations([{ kind: "put", key: Buffer.from("k"), value: Buffer.from("v") }]);
    await store.close();
    await rm(join(directory, "checkpoint"));
    const again = await Store.open(directory);
    expect([again.revision, again.get(Buffer.from("k"))]).to.deep.equal([0, null]);
    await again.applyMutations([]);
    expect(again.checkpointed?.generation).to.equal(2);
    await again.close();
  });

  it("that names a LevelDB which is not there is corruption", async () => {
    const directory = await makeDirectory();
    const store = await Store.open(directory);
    await store.applyMutations([]);
    await store.close();
    await rm(join(directory, "store-1"), { recursive: true });
    const error = await Store.open(directory).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(StoreCorruptError).with.property("file", join(directory, "store-1"));
  });
});
