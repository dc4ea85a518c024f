import { expect } from "chai";
import { logIndex, WalClosedError, WalPoisonedError } from "raft-ts";
import type { WalEvent } from "raft-ts";
import { SimulatedDisk, systemError } from "./simulated-disk.js";
import {
  batch,
  commit,
  durable,
  entries,
  entry,
  failure,
  GROUP,
  names,
  openLog,
  readAll,
  settle,
  until,
} from "./support.js";

describe("group commit", () => {
  it("writes and syncs together everything that queued up while the batch before was synced", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    const before = log.stats();
    disk.holdSyncs = true;
    const first = log.append(batch([entry(1)]));
    await until(() => disk.heldSyncs === 1, "the first batch is being synced");
    for (let index = 2; index <= 65; index += 1) log.append(batch([entry(index)]));
    expect(log.stats().queuedAppends).to.equal(65);
    await settle();
    expect(disk.heldSyncs, "the next batch waits for the sync of the one before (W3)").to.equal(1);
    disk.releaseSyncs();
    await durable(log, first + 64);
    expect(log.stats().fsyncs - before.fsyncs).to.equal(2);
    expect(log.stats().batches - before.batches).to.equal(2);
    expect(log.stats().queuedAppends).to.equal(0);
    expect(log.stats().queuedBytes).to.equal(0);
    await log.close();
  });

  it("cuts a long queue into batches that fit, so that none puts the sync off for long", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount(), segmentBytes: 16_384 });
    const before = log.stats().batches;
    for (let index = 1; index <= 40; index += 1) log.append(batch([entry(index, 1, 1000)]));
    await durable(log, log.stats().nextSeq - 1);
    expect(log.stats().batches - before, "of at most half a segment each").to.equal(6);
    const segments = disk.files().filter((path) => path.endsWith(".wal"));
    expect(segments.map((path) => disk.contents(path).length)).to.deep.equal(segments.map(() => 16_384));
    await log.close();
  });

  it("takes what is appended in one turn as one batch", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    const before = log.stats().fsyncs;
    for (let index = 1; index <= 30; index += 1) log.append(batch([entry(index)]));
    await durable(log, log.stats().nextSeq - 1);
    expect(log.stats().fsyncs - before).to.equal(1);
    await log.close();
  });

  it("acknowledges nothing before its own datasync has returned (C8)", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    disk.holdSyncs = true;
    let acknowledged = false;
    const seq = log.append(batch([entry(1)]));
    log.durability.wait(seq, () => (acknowledged = true));
    await until(() => disk.heldSyncs === 1, "the batch is being synced");
    await settle();
    expect(acknowledged).to.equal(false);
    expect(log.durability.durableSeq).to.equal(seq - 1);
    expect(log.stats().groups[0]?.durableIndex).to.equal(0);
    expect(disk.operations.at(-1)).to.match(/^datasync /);
    expect(disk.operations.at(-2), "written, then synced").to.match(/^writev /);
    disk.releaseSyncs();
    await until(() => acknowledged, "it is acknowledged");
    expect(log.stats().groups[0]?.durableIndex).to.equal(1);
    await log.close();
  });

  it("shows entries to readers before they are durable", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    disk.holdSyncs = true;
    log.append(batch(entries(1, 4)));
    const read = log.cached(GROUP, logIndex(1), logIndex(4), 10_000);
    expect(names(read ?? [])).to.deep.equal(["1/1", "1/2", "1/3"]);
    await settle();
    disk.releaseSyncs();
    await log.close();
  });

  it("calls back in the order of positions, however the batches fell", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    const called: number[] = [];
    const appended: number[] = [];
    for (let index = 1; index <= 200; index += 1) {
      const seq = log.append(batch([entry(index)]));
      appended.push(seq);
      log.durability.wait(seq, () => called.push(seq));
      if (index % 7 === 0) await Promise.resolve();
    }
    await durable(log, appended.at(-1) ?? 0);
    expect(called).to.deep.equal(appended);
    await log.close();
  });

  it("continues a short write where it stopped, in order (W9)", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    disk.writeLimit = (bytes) => Math.min(bytes, 37);
    await commit(log, batch(entries(1, 20, 1, 3000)));
    disk.writeLimit = (bytes) => bytes;
    await log.close();
    const again = await openLog({ fileSystem: disk.mount() });
    const read = await readAll(again);
    expect(read.map((frame) => frame.bytes)).to.deep.equal(
      entries(1, 20, 1, 3000).map((frame) => frame.bytes),
    );
    await again.close();
  });

  it("fails when a write writes nothing at all, instead of trying for ever (W9)", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    disk.writeLimit = () => 0;
    expect(await failure(commit(log, batch([entry(1)])))).to.be.instanceOf(WalPoisonedError);
    await log.close();
  });

  it("counts a batch without records as a barrier: durable when all before it is", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    disk.holdSyncs = true;
    log.append(batch([entry(1)]));
    await until(() => disk.heldSyncs === 1, "the entry is being synced");
    const barrier = log.append(batch([]));
    let passed = false;
    log.durability.wait(barrier, () => (passed = true));
    await settle();
    expect(passed).to.equal(false);
    disk.releaseSyncs();
    await until(() => passed, "the barrier is passed");
    await commit(log, batch([]));
    await log.close();
  });
});

describe("a failed write or sync (W1)", () => {
  for (const operation of ["writev", "datasync"] as const) {
    it(`of the log poisons it: ${operation}`, async () => {
      const disk = new SimulatedDisk();
      const events: WalEvent[] = [];
      const log = await openLog({ fileSystem: disk.mount(), onEvent: (event) => events.push(event) });
      await commit(log, batch([entry(1)]));
      disk.holdSyncs = true;
      const before = log.append(batch([entry(2)]));
      await until(() => disk.heldSyncs === 1, "a good batch is being synced");
      const failing = [3, 4].map((index) => durable(log, log.append(batch([entry(index)]))));
      disk.fault = (at) => (at === operation ? systemError("EIO", "the disk") : null);
      const results = Promise.all(failing.map(failure));
      disk.releaseSyncs();
      await durable(log, before);
      for (const error of await results) {
        expect(error).to.be.instanceOf(WalPoisonedError);
        expect(error.cause).to.have.property("code", "EIO");
      }
      disk.fault = null;
      const operations = disk.operations.length;
      expect(() => log.append(batch([entry(5)]))).to.throw(WalPoisonedError);
      expect(() => log.cached(GROUP, logIndex(1), logIndex(2), 100)).to.throw(WalPoisonedError);
      expect(await failure(readAll(log)), "reads are refused as well").to.be.instanceOf(WalPoisonedError);
      expect(await failure(durable(log, before)), "waiters to come").to.be.instanceOf(WalPoisonedError);
      expect(log.durability.durableSeq, "what was durable before stays so").to.equal(before);
      expect(log.stats().queuedAppends, "the batches stay in the queue").to.equal(2);
      expect(events.filter((event) => event.kind === "poisoned")).to.have.length(1);
      await settle();
      await log.close();
      expect(disk.operations.slice(operations), "nothing is tried again, not even a seal").to.deep.equal([]);
    });
  }

  it("of a new segment poisons it too", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    disk.fault = (operation) => (operation === "link" ? systemError("EIO", "the disk") : null);
    await commit(log, batch(entries(1, 10)));
    const error = await failure(commit(log, batch(entries(10, 12, 1, 9000))));
    expect(error).to.be.instanceOf(WalPoisonedError);
    await log.close();
  });
});

describe("closing", () => {
  it("writes what is queued, seals, and fails what comes later; twice is as good as once", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    const outcome: (Error | null)[] = [];
    for (let index = 1; index <= 10; index += 1) {
      log.durability.wait(log.append(batch([entry(index)])), (error) => outcome.push(error));
    }
    const closing = log.close();
    expect(log.close()).to.equal(closing);
    expect(() => log.append(batch([entry(11)]))).to.throw(WalClosedError);
    await closing;
    expect(outcome).to.deep.equal(Array.from({ length: 10 }, () => null));
    expect(await failure(durable(log, 1))).to.be.instanceOf(WalClosedError);
    expect(await failure(readAll(log))).to.be.instanceOf(WalClosedError);
    disk.powerLoss({ sector: () => false, size: () => false, name: () => false });
    const again = await openLog({ fileSystem: disk.mount() });
    expect(names(await readAll(again))).to.have.length(10);
    await again.close();
  });

  it("may be asked for while a batch is being synced", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    disk.holdSyncs = true;
    const seq = log.append(batch([entry(1)]));
    await until(() => disk.heldSyncs === 1, "the batch is being synced");
    const waiting = durable(log, seq);
    const closing = log.close();
    disk.releaseSyncs();
    await waiting;
    await closing;
  });

  it("gives back the room that was reserved, so that restarts do not leave a segment each", async () => {
    const disk = new SimulatedDisk();
    for (let opening = 0; opening < 5; opening += 1)
      await (await openLog({ fileSystem: disk.mount() })).close();
    const bytes = disk.files().reduce((sum, path) => sum + disk.contents(path).length, 0);
    expect(bytes).to.be.below(5 * 1024);
  });
});
