import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { discardSnapshot, installSnapshot, receiveSnapshot, settleSnapshot } from "@raftkv/store";
import type { LogBegin, Store } from "@raftkv/store";
import { makeDirectory, removeDirectories } from "./support/directory.js";
import { FailingDisk } from "./support/failing-disk.js";
import { applyInSplits, applyTo, durableNow, modelOf, openWithGroup, randomLog } from "./support/log.js";
import { Random } from "./support/random.js";

const OLD = 40;
const NEW = 90;
const RECEIVING = [
  "open store-2",
  "batch sync: false",
  "batch sync: false",
  "flush",
  "batch sync: true",
  "flush latest",
  "sync store-2",
  "write checkpoint.incoming.tmp",
  "rename checkpoint.incoming.tmp checkpoint.incoming",
  "sync target",
];
const INSTALLING = ["rename checkpoint.incoming checkpoint", "sync target"];

describe("Installing a snapshot (S10)", function () {
  this.timeout(60_000);
  const random = new Random(11);
  const operations = randomLog(random, 200);
  const model = modelOf(operations);
  const base: LogBegin = { index: NEW, term: 1 };
  let chunks: Buffer[];
  let target: string;
  let root: string;

  before(async () => {
    root = await makeDirectory();
    const source = await openWithGroup(join(root, "source"));
    await applyInSplits(source, operations, NEW, random);
    const reader = await source.openSnapshot();
    chunks = [];
    for (let chunk = await reader.chunk(0); chunk !== null; chunk = await reader.chunk(chunks.length)) {
      chunks.push(chunk);
    }
    await reader.close();
    await source.close();
    await removeDirectories();
  });
  afterEach(removeDirectories);

  async function oldStore(): Promise<Store> {
    target = join(await makeDirectory(), "target");
    const store = await openWithGroup(target);
    await applyInSplits(store, operations, OLD, random);
    await store.checkpoint(durableNow);
    await applyTo(store, operations, OLD + 10);
    return store;
  }

  async function receive(disk?: FailingDisk): Promise<void> {
    const writer = await receiveSnapshot(target, {}, disk);
    for (const chunk of chunks) await writer.add(chunk);
    await writer.finish();
  }

  /** What the next start of the node finds, whose log begins behind `logBase`. */
  async function expectAfterStart(index: number, logBase: LogBegin | null, what: string): Promise<void> {
    const installed = await settleSnapshot(target, logBase);
    const store = await openWithGroup(target);
    expect(store.applied.index, what).to.equal(index);
    expect((await store.hash()).hash, what).to.equal(model.hash(model.revisionAt[index] ?? -1));
    expect(installed && index === OLD, what).to.equal(false);
    await applyInSplits(store, operations, 200, random);
    expect((await store.hash()).hash, what).to.equal(model.hash(model.revisionAt[200] ?? -1));
    await store.close({ checkpoint: durableNow });
    const names = await readdir(target);
    expect(names, what).to.have.length(2).and.to.include("checkpoint");
  }

  it("makes the data durable, then says that it is whole, and is one rename", async () => {
    await (await oldStore()).close();
    const disk = new FailingDisk();
    await receive(disk);
    expect(disk.steps).to.deep.equal(RECEIVING);
    disk.reset(Number.POSITIVE_INFINITY, false);
    await installSnapshot(target, disk);
    expect(disk.steps).to.deep.equal(INSTALLING);
    await expectAfterStart(NEW, base, "installed");
  });

  it("broken off at any step of receiving, the old store is what the next start finds", async () => {
    for (const late of [false, true]) {
      for (let failAt = 1; failAt < RECEIVING.length; failAt += 1) {
        const what = `${RECEIVING[failAt]}${late ? ", failing after its effect" : ""}`;
        const live = await oldStore();
        const disk = new FailingDisk();
        disk.reset(failAt, late);
        const error = await receive(disk).catch((reason: unknown) => reason);
        expect(error, what).to.be.instanceOf(Error);
        // The live store goes on as if nothing had been, and the log was never given a base.
        expect(live.applied.index, what).to.equal(OLD + 10);
        await applyTo(live, operations, OLD + 12);
        await live.close();
        await expectAfterStart(OLD, { index: 0, term: 0 }, what);
      }
    }
  });

  it("with the base in the log and the rename not done, or not durable, the next start completes it", async () => {
    for (const late of [false, true]) {
      for (let failAt = 0; failAt < INSTALLING.length; failAt += 1) {
        const what = `${INSTALLING[failAt]}${late ? ", failing after its effect" : ""}`;
        await (await oldStore()).close();
        await receive();
        const disk = new FailingDisk();
        disk.reset(failAt, late);
        expect(await installSnapshot(target, disk).catch((reason: unknown) => reason)).to.be.instanceOf(
          Error,
        );
        await expectAfterStart(NEW, base, what);
      }
    }
  });

  it("completing it can be broken off as well, again and again", async () => {
    await (await oldStore()).close();
    await receive();
    for (const late of [false, true]) {
      for (let failAt = 0; failAt < INSTALLING.length; failAt += 1) {
        const disk = new FailingDisk();
        disk.reset(failAt, late);
        await settleSnapshot(target, base, disk).catch(() => undefined);
      }
    }
    await expectAfterStart(NEW, base, "after many tries");
  });

  it("is discarded when the log has no base beyond D, or one of another snapshot", async () => {
    const others: (LogBegin | null)[] = [
      null,
      { index: 0, term: 0 },
      { index: OLD, term: 1 },
      { index: NEW, term: 2 },
      { index: NEW + 1, term: 1 },
    ];
    for (const other of others) {
      await (await oldStore()).close();
      await receive();
      await expectAfterStart(OLD, other, JSON.stringify(other));
    }
  });

  it("is left as it is by an opening that does not ask the log", async () => {
    await (await oldStore()).close();
    await receive();
    await (await openWithGroup(target)).close();
    await expectAfterStart(NEW, base, "opened before the log was asked");
  });

  it("that the log went past is discarded without a trace, and the next one takes another generation", async () => {
    const live = await oldStore();
    await receive();
    await discardSnapshot(target);
    await discardSnapshot(target);
    expect((await readdir(target)).sort()).to.deep.equal(["checkpoint", "store-1"]);
    const first = await receiveSnapshot(target);
    const second = await receiveSnapshot(target);
    await access(join(target, "store-3"));
    await first.abort();
    for (const chunk of chunks) await second.add(chunk);
    await second.finish();
    await live.close();
    await expectAfterStart(NEW, base, "the second");
  });
});
