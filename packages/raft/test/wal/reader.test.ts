import { expect } from "chai";
import { LogCompactedError, LogCorruptError, logIndex, LogRangeError, MemtableDisabledError } from "raft-ts";
import type { LogWriter } from "raft-ts";
import { SimulatedDisk } from "./simulated-disk.js";
import {
  base,
  batch,
  commit,
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

function read(log: LogWriter, from: number, to: number, maxBytes = 1_000_000): ReturnType<LogWriter["read"]> {
  return log.read(GROUP, { from: logIndex(from), to: logIndex(to) }, { maxBytes });
}

for (const enableMemtable of [true, false]) {
  describe(enableMemtable ? "reading entries" : "reading entries in WAL-only mode", () => {
    it("gives them across segments, ascending and without gaps", async () => {
      const disk = new SimulatedDisk();
      const log = await openLog({
        fileSystem: disk.mount(),
        segmentBytes: 8192,
        enableMemtable,
        memtableBytes: 2000,
      });
      for (let index = 1; index <= 300; index += 3) await commit(log, batch(entries(index, index + 3)));
      expect(log.stats().segments).to.be.at.least(4);
      const written = entries(1, 301);
      for (const [from, to] of [
        [1, 301],
        [1, 2],
        [150, 152],
        [299, 301],
        [300, 301],
        [90, 300],
      ] as const) {
        const frames = await read(log, from, to);
        expect(frames.map((frame) => frame.bytes)).to.deep.equal(
          written.slice(from - 1, to - 1).map((frame) => frame.bytes),
        );
      }
      await log.close();
    });

    it("stops at maxBytes, but gives at least one", async () => {
      const disk = new SimulatedDisk();
      const log = await openLog({ fileSystem: disk.mount(), enableMemtable });
      await commit(log, batch(entries(1, 21)));
      const size = entry(1).bytes.length;
      expect(names(await read(log, 5, 21, 3 * size))).to.deep.equal(["1/5", "1/6", "1/7"]);
      expect(names(await read(log, 5, 21, 4 * size - 1))).to.deep.equal(["1/5", "1/6", "1/7"]);
      expect(names(await read(log, 5, 21, 0))).to.deep.equal(["1/5"]);
      await log.close();
    });

    it("gives the new entries where a suffix was written again, before and after a restart", async () => {
      const disk = new SimulatedDisk();
      const options = { segmentBytes: 4096, enableMemtable, memtableBytes: 500 };
      let log = await openLog({ fileSystem: disk.mount(), ...options });
      await commit(log, batch(entries(1, 40, 1)));
      await commit(log, batch(entries(40, 80, 1)));
      await commit(log, batch(entries(61, 63, 2)));
      await commit(log, batch(entries(63, 90, 2)));
      await commit(log, batch(entries(30, 50, 3)));
      await commit(log, batch(entries(45, 47, 4)));
      const expected = [...entries(1, 30, 1), ...entries(30, 45, 3), ...entries(45, 47, 4)];
      for (let opening = 0; opening < 3; opening += 1) {
        for (const maxBytes of [1, 200, 5000, 1_000_000]) {
          const frames = await readAll(log, GROUP, maxBytes);
          expect(frames.map((frame) => frame.bytes)).to.deep.equal(expected.map((frame) => frame.bytes));
        }
        await log.close();
        log = await openLog({ fileSystem: disk.mount(), ...options });
        expect(log.shapes(GROUP)?.runs).to.deep.equal([
          { term: 1, from: 1, to: 30 },
          { term: 3, from: 30, to: 45 },
          { term: 4, from: 45, to: 47 },
        ]);
      }
      await log.close();
    });

    it("waits for an entry that is being written again, and never gives the old one", async () => {
      const disk = new SimulatedDisk();
      const log = await openLog({ fileSystem: disk.mount(), enableMemtable, memtableBytes: 0 });
      await commit(log, batch(entries(1, 11, 1)));
      disk.holdSyncs = true;
      log.append(batch(entries(6, 9, 2)));
      await until(() => disk.heldSyncs === 1, "the new suffix is being synced");
      const stable = log.stats().groups[0]?.durableIndex;
      expect(stable).to.equal(5);
      const old = await read(log, 4, 9);
      expect(names(old).slice(0, 2)).to.deep.equal(["1/4", "1/5"]);
      const waiting = read(log, 6, 9);
      await settle();
      disk.releaseSyncs();
      expect(names(await waiting)).to.deep.equal(["2/6", "2/7", "2/8"]);
      expect(await failure(read(log, 9, 10))).to.be.instanceOf(LogRangeError);
      await log.close();
    });

    it("does not give what was replaced while it was being read", async () => {
      const disk = new SimulatedDisk();
      const log = await openLog({ fileSystem: disk.mount(), enableMemtable, memtableBytes: 0 });
      await commit(log, batch(entries(1, 11, 1)));
      const reading = read(log, 3, 9);
      log.append(batch(entries(5, 11, 2)));
      const frames = names(await reading);
      expect(frames.slice(0, 2)).to.deep.equal(["1/3", "1/4"]);
      expect(frames).to.not.include("1/5");
      await log.close();
    });

    it("refuses what the log does not hold, saying why", async () => {
      const disk = new SimulatedDisk();
      const log = await openLog({ fileSystem: disk.mount(), enableMemtable });
      expect(await failure(read(log, 1, 2)), "an unknown group").to.be.instanceOf(LogRangeError);
      await commit(log, batch(entries(1, 11)));
      await commit(log, batch([], { base: base(4, 1) }));
      const error = await failure(read(log, 4, 6));
      expect(error).to.be.instanceOf(LogCompactedError);
      expect(error).to.include({ code: "LOG_COMPACTED", index: 4, baseIndex: 4, group: GROUP });
      expect(names(await read(log, 5, 7))).to.deep.equal(["1/5", "1/6"]);
      for (const [from, to] of [
        [7, 7],
        [8, 7],
        [5, 12],
        [11, 12],
      ] as const) {
        expect(await failure(read(log, from, to)), `[${from}, ${to})`).to.be.instanceOf(LogRangeError);
      }
      await log.close();
    });
  });
}

describe("damage met while reading (W2)", () => {
  it("is an error that names group, entry, file and offset; the entries before it are not held back", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount(), enableMemtable: false });
    await commit(log, batch(entries(1, 11)));
    const path = disk.files()[0] ?? "";
    const bytes = disk.contents(path);
    const at = bytes.indexOf("1/1/7 ");
    disk.inode(path).volatile[at + 3] = 0;
    expect(names(await read(log, 1, 7))).to.have.length(6);
    const error = await failure(read(log, 7, 9));
    expect(error).to.be.instanceOf(LogCorruptError);
    expect(error).to.include({ code: "LOG_CORRUPT", file: path, index: 7, group: GROUP, offset: at - 32 });
    await log.close();
  });

  it("is noticed in the lengths that lead to an entry as well", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount(), enableMemtable: false });
    for (let index = 1; index <= 5; index += 1) await commit(log, batch([entry(index)]));
    const path = disk.files()[0] ?? "";
    const second = disk.contents(path).indexOf("1/1/2 ") - 32 - 16 - 48;
    for (const offset of [0, 8, 48 + 8, 48 + 16]) {
      const inode = disk.inode(path);
      const before = Buffer.from(inode.volatile);
      inode.volatile[second + offset + 1] = 0x7f;
      const error = await failure(read(log, 4, 5));
      expect(error, `at ${offset}`).to.be.instanceOf(LogCorruptError);
      expect(error).to.include({ file: path });
      inode.volatile = before;
    }
    await log.close();
  });
});

describe("the memtable", () => {
  it("keeps the recent entries within its bound, and the older ones come from the disk", async () => {
    const disk = new SimulatedDisk();
    const size = entry(1).bytes.length;
    const log = await openLog({ fileSystem: disk.mount(), memtableBytes: 10 * size });
    for (let index = 1; index <= 50; index += 1) await commit(log, batch([entry(index)]));
    expect(log.stats().groups[0]?.memtableBytes).to.equal(10 * size);
    expect(names(log.cached(GROUP, logIndex(41), logIndex(51), 1_000_000) ?? [])).to.have.length(10);
    expect(log.cached(GROUP, logIndex(40), logIndex(51), 1_000_000)).to.equal(null);
    expect(log.cached(GROUP, logIndex(45), logIndex(52), 1_000_000)).to.equal(null);
    expect(names(log.cached(GROUP, logIndex(45), logIndex(51), 0) ?? [])).to.deep.equal(["1/45"]);
    expect(await readAll(log)).to.have.length(50);
    await log.close();
  });

  it("lets nothing go that cannot be read from the disk yet", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount(), memtableBytes: 0 });
    disk.holdSyncs = true;
    log.append(batch(entries(1, 30)));
    expect(log.cached(GROUP, logIndex(1), logIndex(30), 1_000_000)).to.have.length(29);
    await until(() => disk.heldSyncs === 1, "it is being synced");
    log.append(batch(entries(30, 33)));
    disk.held.shift()?.();
    await until(() => log.stats().queuedAppends === 1, "the first of them is durable");
    expect(log.cached(GROUP, logIndex(29), logIndex(30), 1_000_000)).to.equal(null);
    expect(log.cached(GROUP, logIndex(30), logIndex(33), 1_000_000)).to.have.length(3);
    disk.releaseSyncs();
    await until(() => log.stats().queuedAppends === 0, "the second is durable");
    expect(log.cached(GROUP, logIndex(32), logIndex(33), 1_000_000)).to.equal(null);
    await log.close();
  });

  it("says so when it is asked for in WAL-only mode", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount(), enableMemtable: false });
    await commit(log, batch(entries(1, 3)));
    expect(() => log.cached(GROUP, logIndex(1), logIndex(2), 100)).to.throw(
      MemtableDisabledError,
      /enableMemtable: false/,
    );
    expect(log.stats().groups[0]?.memtableBytes).to.equal(0);
    await log.close();
  });
});
