import { expect } from "chai";
import { GroupAttachedError, Store } from "@raftkv/store";
import type { FsmSyncMode } from "@raftkv/store";
import { makeDirectory, removeDirectories } from "./support/directory.js";
import { applyTo, openWithGroup } from "./support/log.js";
import { Random } from "./support/random.js";
import { RecordingDisk, layOut } from "./support/recording-disk.js";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const PUT = { kind: "put", key: bytes("k"), value: bytes("v") } as const;
const MODES: readonly FsmSyncMode[] = ["sync", "nosync"];
const BARRIERS = ["42", "4d"];

/** The `sync` option of each batch that reached LevelDB, barriers of checkpoints aside. */
function syncOptions(disk: RecordingDisk): boolean[] {
  const options: boolean[] = [];
  for (const event of disk.events) {
    if (event.kind !== "write") continue;
    const keys = event.batch.operations.map((operation) => operation.key.toString("hex"));
    if (!keys.some((key) => BARRIERS.includes(key))) options.push(event.batch.sync);
  }
  return options;
}

describe("The two ways to write (S6)", () => {
  afterEach(removeDirectories);

  for (const mode of MODES) {
    it(`S6: in the mode ${mode} applyMutations reaches LevelDB with sync: true`, async () => {
      const disk = new RecordingDisk();
      const store = await Store.open(await makeDirectory(), { mode }, disk);
      await store.applyMutations([PUT]);
      await store.applyMutations([{ kind: "delete", key: bytes("k") }]);
      // Each with its change, then with its latest versions.
      expect(syncOptions(disk)).to.deep.equal([true, true, true, true]);
      await store.close();
    });

    it(`S6: in the mode ${mode} applyMutationsRaft reaches LevelDB with sync: ${mode === "sync"}`, async () => {
      const disk = new RecordingDisk();
      const store = await openWithGroup(await makeDirectory(), { mode }, disk);
      await applyTo(store, [PUT], 1);
      await applyTo(store, [PUT, PUT], 2);
      if (mode === "sync") expect(store.unwrittenBytes, "unwritten after a synced write").to.equal(0);
      await store.close();
      expect(new Set(syncOptions(disk))).to.deep.equal(new Set([mode === "sync"]));
    });

    it(`S6: in the mode ${mode} deletePrefixAt reaches LevelDB with sync: true, and ends in a checkpoint`, async () => {
      const disk = new RecordingDisk();
      const store = await Store.open(await makeDirectory(), { mode }, disk);
      await store.applyMutations(["k", "ka", "l"].map((key) => ({ ...PUT, key: bytes(key) })));
      expect(await store.deletePrefixAt(bytes("k"))).to.deep.equal({ revision: 2, deleted: 2 });
      expect(await store.deletePrefixAt(bytes("k"))).to.deep.equal({ revision: 2, deleted: 0 });
      // Each with its change, then with its latest versions.
      expect(syncOptions(disk)).to.deep.equal([true, true, true, true]);
      expect(store.checkpointed?.revision).to.equal(2);
      expect([store.get(bytes("ka")), store.get(bytes("l"))?.modRevision]).to.deep.equal([null, 1]);
      await store.close();
    });

    it(`S6: in the mode ${mode} deletePrefixAtRaft reaches LevelDB with sync: ${mode === "sync"}`, async () => {
      const disk = new RecordingDisk();
      const store = await openWithGroup(await makeDirectory(), { mode }, disk);
      await applyTo(store, [PUT, { ...PUT, key: bytes("ka") }], 2);
      const done = await store.deletePrefixAtRaft({ index: 3, term: 1 }, bytes("k"));
      expect(done).to.deep.equal({ revision: 3, deleted: 2 });
      expect([store.applied, store.get(bytes("k"))]).to.deep.equal([{ index: 3, term: 1 }, null]);
      if (mode === "sync") expect(store.unwrittenBytes, "unwritten after a synced write").to.equal(0);
      const refused = await store.deletePrefixAt(bytes("")).catch((error: unknown) => error);
      expect(refused).to.be.instanceOf(GroupAttachedError);
      await store.close();
      expect(new Set(syncOptions(disk))).to.deep.equal(new Set([mode === "sync"]));
    });

    it(`S6: in the mode ${mode} a direct write survives a power loss right after its promise resolved`, async () => {
      const directory = await makeDirectory();
      const disk = new RecordingDisk();
      const store = await Store.open(`${directory}/a`, { mode }, disk);
      await store.applyMutations([PUT, { kind: "setState", name: "s", value: bytes("state") }]);
      const eventCount = disk.events.length;
      await store.close();
      for (let seed = 0; seed < 20; seed++) {
        const after = `${directory}/after-${seed}`;
        await layOut(disk.powerLoss(eventCount, `${directory}/a`, new Random(seed)), after);
        const opened = await Store.open(after, { mode });
        expect(Buffer.from(opened.get(PUT.key)?.value ?? []).toString()).to.equal("v");
        expect(Buffer.from(opened.state("s") ?? []).toString()).to.equal("state");
        expect(opened.revision).to.equal(1);
        await opened.close();
      }
    });
  }

  it("both ways leave the same contents, and a direct write takes exactly one revision", async () => {
    const direct = await Store.open(await makeDirectory());
    expect(await direct.applyMutations([PUT, { ...PUT, key: bytes("l") }])).to.deep.equal({ revision: 1 });
    expect(await direct.applyMutations([{ kind: "delete", key: bytes("missing") }])).to.deep.equal({
      revision: 2,
    });
    const logged = await openWithGroup(await makeDirectory());
    const batch = logged.beginBatch();
    batch.beginEntry(1, 1);
    batch.put(PUT.key, PUT.value);
    batch.put(bytes("l"), PUT.value);
    await logged.applyMutationsRaft(batch);
    expect((await direct.hash()).hash).to.equal((await logged.hash()).hash);
    expect(direct.applied).to.deep.equal({ index: 0, term: 0 });
    await direct.close();
    await logged.close();
  });
});
