import { expect } from "chai";
import { crc32 } from "node:zlib";
import {
  encodeFrame,
  groupId,
  InvariantViolation,
  logIndex,
  term,
  WalCorruptError,
  WalEpochError,
  WalFormatError,
  WalOptionError,
} from "raft-ts";
import { LOSE_ALL, SimulatedDisk } from "./simulated-disk.js";
import {
  base,
  batch,
  commit,
  CONFIGURATION,
  DIR,
  durable,
  entries,
  entry,
  failure,
  GROUP,
  hardState,
  names,
  openLog,
  readAll,
} from "./support.js";

const OTHER = groupId(2);

describe("opening", () => {
  it("knows nothing in an empty directory, and positions start at 1 (W7)", async () => {
    const log = await openLog({ fileSystem: new SimulatedDisk().mount() });
    expect(log.epoch).to.equal(1);
    expect(log.groups()).to.deep.equal([]);
    expect(log.recovered(GROUP)).to.equal(null);
    expect(log.shapes(GROUP)).to.equal(null);
    expect(log.stats()).to.include({ nextSeq: 1, durableSeq: 0, segments: 1, queuedAppends: 0 });
    expect(log.append(batch([entry(1)]))).to.equal(1);
    await log.close();
  });

  it("gives back term, vote, base, configuration and entries of every group", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    await commit(log, batch([], { base: base(0, 0), hardState: hardState(1, null) }));
    await commit(log, batch(entries(1, 5), { hardState: hardState(3, "b") }));
    await commit(
      log,
      batch(entries(8, 10, 4, 40, OTHER), { group: OTHER, base: base(7, 2), hardState: hardState(4, "") }),
    );
    disk.powerLoss(LOSE_ALL);
    const again = await openLog({ fileSystem: disk.mount() });
    expect(again.groups()).to.deep.equal([GROUP, OTHER]);
    expect(again.recovered(GROUP)).to.deep.equal({
      group: GROUP,
      hardState: hardState(3, "b"),
      base: base(0, 0),
      lastIndex: 4,
    });
    expect(again.recovered(OTHER)).to.deep.equal({
      group: OTHER,
      hardState: hardState(4, ""),
      base: base(7, 2),
      lastIndex: 9,
    });
    expect(again.recovered(OTHER)?.base.configuration).to.deep.equal(CONFIGURATION);
    expect(names(await readAll(again, OTHER))).to.deep.equal(["4/8", "4/9"]);
    await again.close();
  });

  it("has the statistics right at once, and positions go on behind the largest known (W8)", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    for (let index = 1; index <= 20; index += 1) await commit(log, batch([entry(index)]));
    await commit(log, batch([], { base: base(12, 1) }));
    const before = log.stats();
    await log.close();
    const again = await openLog({ fileSystem: disk.mount() });
    const stats = again.stats();
    expect(stats).to.include({
      nextSeq: 22,
      durableSeq: 21,
      segments: before.segments + 1,
      epoch: 2,
      fsyncs: 1,
    });
    expect(stats.groups).to.deep.equal([
      { group: GROUP, baseIndex: 12, firstIndex: 13, nextIndex: 21, durableIndex: 20, memtableBytes: 0 },
    ]);
    const onDisk = disk
      .files()
      .slice(0, -1)
      .reduce((sum, path) => sum + disk.contents(path).length, 0);
    expect(stats.bytes, "the segments are cut to what they hold; the last one is reserved").to.be.above(
      onDisk,
    );
    expect(again.append(batch([entry(21)]))).to.equal(22);
    await durable(again, 22);
    await again.close();
  });

  it("hands the shapes of the entries to the core once: runs, sizes, configurations", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    const configuration = encodeFrame(
      { group: GROUP, term: term(2), index: logIndex(4), kind: "configuration" },
      Buffer.from("c4"),
    );
    await commit(log, batch(entries(1, 4, 1, 10)));
    await commit(log, batch([configuration, entry(5, 2, 20)]));
    await commit(
      log,
      batch([
        encodeFrame(
          { group: GROUP, term: term(2), index: logIndex(6), kind: "configuration" },
          Buffer.from("c6"),
        ),
      ]),
    );
    await commit(log, batch([entry(6, 3, 30)]));
    await commit(log, batch([], { base: base(2, 1) }));
    await log.close();
    const again = await openLog({ fileSystem: disk.mount() });
    const shapes = again.shapes(GROUP);
    expect(shapes).to.include({ from: 3, to: 7 });
    expect(shapes?.runs).to.deep.equal([
      { term: 1, from: 3, to: 4 },
      { term: 2, from: 4, to: 6 },
      { term: 3, from: 6, to: 7 },
    ]);
    expect([...(shapes?.sizes ?? [])]).to.deep.equal([42, 34, 52, 62]);
    expect(
      shapes?.configurations.map((frame) => [frame.index, frame.bytes.toString("latin1", 32)]),
    ).to.deep.equal([[4, "c4"]]);
    expect(again.shapes(GROUP)).to.equal(null);
    await again.close();
  });

  it("refuses options that cannot be, saying what can", async () => {
    for (const options of [
      { segmentBytes: 100 },
      { segmentBytes: 5000 },
      { sealAfterMs: 0 },
      { sealAfterMs: 2 ** 31 },
      { memtableBytes: -1 },
    ]) {
      const error = await failure(openLog({ fileSystem: new SimulatedDisk().mount(), ...options }));
      expect(error).to.be.instanceOf(WalOptionError);
      expect(error.message).to.match(/must be a/);
    }
  });
});

describe("a new base", () => {
  it("keeps the entries above it when the log has its index and term, and replaces the log otherwise (R23)", async () => {
    for (const [newBase, kept] of [
      [base(5, 1), 10],
      [base(5, 2), 5],
      [base(10, 1), 10],
      [base(14, 1), 14],
    ] as const) {
      const disk = new SimulatedDisk();
      const log = await openLog({ fileSystem: disk.mount() });
      await commit(log, batch(entries(1, 11)));
      await commit(log, batch([], { base: newBase }));
      expect(log.stats().groups[0]?.nextIndex).to.equal(kept + 1);
      await commit(log, batch(entries(kept + 1, kept + 3, 2)));
      const expected = [...entries(newBase.index + 1, kept + 1, 1), ...entries(kept + 1, kept + 3, 2)];
      expect(names(await readAll(log))).to.deep.equal(names(expected));
      await log.close();
      const again = await openLog({ fileSystem: disk.mount() });
      expect(again.recovered(GROUP)).to.include({ lastIndex: kept + 2 });
      expect(names(await readAll(again))).to.deep.equal(names(expected));
      expect(again.shapes(GROUP)).to.include({ from: newBase.index + 1, to: kept + 3 });
      await again.close();
    }
  });

  it("and what does not follow the log is our own bug: refused, and nothing is changed", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    await commit(log, batch(entries(5, 9, 2), { base: base(4, 1) }));
    const before = log.stats();
    for (const wrong of [
      batch([entry(10, 2)]),
      batch([entry(4, 2)]),
      batch([entry(9, 2), entry(11, 2)]),
      batch([], { base: base(3, 1) }),
      batch(entries(9, 10, 2, 40, OTHER), { group: GROUP }),
    ]) {
      expect(() => log.append(wrong)).to.throw(InvariantViolation);
    }
    expect(log.stats()).to.deep.equal(before);
    await commit(log, batch([entry(9, 2)]));
    await log.close();
  });
});

describe("segments", () => {
  it("each begin with the state of every group, so that those before it can go (W10)", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount(), segmentBytes: 4096 });
    await commit(log, batch([], { base: base(0, 0), hardState: hardState(2, "c") }));
    await commit(log, batch([], { group: OTHER, base: base(9, 3), hardState: hardState(5, "a") }));
    for (let index = 1; index <= 100; index += 1) await commit(log, batch([entry(index)]));
    await commit(log, batch([], { base: base(90, 1) }));
    await log.close();
    const files = disk.files();
    expect(files.length).to.be.at.least(4);
    for (const path of files.slice(0, -2)) disk.remove(path);
    const again = await openLog({ fileSystem: disk.mount() });
    expect(again.recovered(GROUP)).to.deep.equal({
      group: GROUP,
      hardState: hardState(2, "c"),
      base: base(90, 1),
      lastIndex: 100,
    });
    expect(again.recovered(OTHER)).to.deep.equal({
      group: OTHER,
      hardState: hardState(5, "a"),
      base: base(9, 3),
      lastIndex: 9,
    });
    expect(names(await readAll(again))).to.deep.equal(names(entries(91, 101)));
    expect(again.shapes(GROUP)).to.include({ from: 91, to: 101 });
    await again.close();
  });

  it("that are missing are noticed, in the middle and at the start (W3, W5)", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount(), segmentBytes: 4096 });
    for (let index = 1; index <= 120; index += 1) await commit(log, batch([entry(index)]));
    await log.close();
    for (const path of disk.files().slice(0, -1)) {
      const without = disk.clone();
      without.remove(path);
      expect(await failure(openLog({ fileSystem: without.mount() })), path).to.be.instanceOf(WalCorruptError);
    }
  });

  it("that are missing are noticed by the numbers of the batches alone, where no entry is missing (W3)", async () => {
    const disk = new SimulatedDisk();
    for (let opening = 1; opening <= 3; opening += 1) {
      const log = await openLog({ fileSystem: disk.mount() });
      await commit(log, batch([], { hardState: hardState(opening, "a") }));
      await log.close();
    }
    disk.remove(`${DIR}/0000000000000002.wal`);
    const error = await failure(openLog({ fileSystem: disk.mount() }));
    expect(error).to.be.instanceOf(WalCorruptError);
    expect(error.message).to.match(/expected batch 4, found batch 7/);
  });

  it("of an older epoch behind a newer one are refused (W6)", async () => {
    const disk = new SimulatedDisk();
    for (let opening = 1; opening <= 2; opening += 1) {
      const log = await openLog({ fileSystem: disk.mount() });
      expect(log.epoch).to.equal(opening);
      await commit(log, batch([entry(opening)]));
      await log.close();
    }
    const bytes = disk.contents(`${DIR}/0000000000000001.wal`);
    disk.put(`${DIR}/0000000000000003.wal`, bytes);
    const renamed = await failure(openLog({ fileSystem: disk.mount() }));
    expect(renamed, "a copy under another name").to.be.instanceOf(WalCorruptError);
    bytes.writeUInt32LE(3, 16);
    bytes.writeUInt32LE(crc32(bytes.subarray(12, 512)), 8);
    disk.put(`${DIR}/0000000000000003.wal`, bytes);
    const error = await failure(openLog({ fileSystem: disk.mount() }));
    expect(error).to.be.instanceOf(WalEpochError);
    expect(error).to.include({ file: `${DIR}/0000000000000003.wal`, epoch: 1, newestEpoch: 2 });
  });

  it("of a newer format are refused, naming both versions", async () => {
    const disk = new SimulatedDisk();
    await (await openLog({ fileSystem: disk.mount() })).close();
    const path = disk.files()[0] ?? "";
    const bytes = disk.contents(path);
    bytes.writeUInt32LE(2, 12);
    bytes.writeUInt32LE(crc32(bytes.subarray(12, 512)), 8);
    disk.put(path, bytes);
    const error = await failure(openLog({ fileSystem: disk.mount() }));
    expect(error).to.be.instanceOf(WalFormatError);
    expect(error.message).to.match(/format 2.*reads 1/);
  });

  it("that end with what a later version wrote are refused: whole and unknown is no torn tail (W3)", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    const later = entry(1);
    later.bytes[8] = 2;
    later.bytes.writeUInt32LE(crc32(later.bytes.subarray(8)), 4);
    await commit(log, batch([later]));
    disk.killProcess();
    const error = await failure(openLog({ fileSystem: disk.mount() }));
    expect(error).to.be.instanceOf(WalCorruptError);
    expect(error.message).to.match(/frame format 2, this version reads 1.*a later version wrote it/);

    const other = new SimulatedDisk();
    await commit(await openLog({ fileSystem: other.mount() }), batch([], { hardState: hardState(3, "b") }));
    other.killProcess();
    const path = other.files()[0] ?? "";
    const bytes = other.contents(path);
    const last = bytes.subarray(560, 560 + bytes.readUInt32LE(568));
    for (const [at, message] of [
      [49, /record format 1, found 7/],
      [48, /a record kind of 1, 2, 3, found 7/],
    ] as const) {
      const was = last[at] ?? 0;
      last[at] = 7;
      last.writeUInt32LE(crc32(last.subarray(8, 48 + 16 + 10), bytes.readUInt32LE(8)), 4);
      other.put(path, bytes);
      const refusal = await failure(openLog({ fileSystem: other.mount() }));
      expect(refusal).to.be.instanceOf(WalCorruptError);
      expect(refusal.message).to.match(message);
      last[at] = was;
    }
  });

  it("do not take another segment's batches for their own, though number and place fit (W2)", async () => {
    const [one, two] = [new SimulatedDisk(), new SimulatedDisk()];
    for (const disk of [one, two]) {
      const log = await openLog({ fileSystem: disk.mount() });
      await commit(log, batch([entry(1)]));
      disk.killProcess();
    }
    const path = one.files()[0] ?? "";
    const bytes = one.contents(path);
    two.contents(path).copy(bytes, 512, 512);
    one.put(path, bytes);
    const log = await openLog({ fileSystem: one.mount() });
    expect(log.recovered(GROUP), "bytes left over from elsewhere are no records").to.equal(null);
    await log.close();
  });

  it("take a batch of another epoch than their own for damage, whatever its checksum says (W6)", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    await commit(log, batch([entry(1)]));
    await log.close();
    const path = disk.files()[0] ?? "";
    const bytes = disk.contents(path);
    const opening = bytes.subarray(512, 560);
    opening.writeUInt32LE(7, 24);
    opening.writeUInt32LE(crc32(opening.subarray(8), bytes.readUInt32LE(8)), 4);
    disk.put(path, bytes);
    const error = await failure(openLog({ fileSystem: disk.mount() }));
    expect(error).to.be.instanceOf(WalCorruptError);
    expect(error.message).to.match(/a batch of epoch 1, found one of epoch 7/);
  });

  it("take a position that goes back for damage (W8)", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    await commit(log, batch([entry(1)]));
    await log.close();
    const path = disk.files()[0] ?? "";
    const bytes = disk.contents(path);
    const seal = bytes.subarray(bytes.length - 48);
    seal.writeUInt32LE(0, 40);
    seal.writeUInt32LE(crc32(seal.subarray(8), bytes.readUInt32LE(8)), 4);
    disk.put(path, bytes);
    const error = await failure(openLog({ fileSystem: disk.mount() }));
    expect(error).to.be.instanceOf(WalCorruptError);
    expect(error.message).to.match(/a position of at least 1, found 0/);
  });

  it("take the bytes of a batch inside an entry for no batch: a batch knows its place (W2)", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    await commit(log, batch([entry(1)]));
    const path = disk.files()[0] ?? "";
    const embedded = encodeFrame(
      { group: GROUP, term: term(1), index: logIndex(2), kind: "command" },
      disk.contents(path).subarray(560, 1024),
    );
    expect(embedded.bytes.toString("latin1", 32, 36)).to.equal("RWAB");
    const at = log.stats().bytes;
    await commit(log, batch([embedded]));
    disk.killProcess();
    const bytes = disk.contents(path);
    bytes[at] = 0;
    disk.put(path, bytes);
    const again = await openLog({ fileSystem: disk.mount() });
    expect(again.recovered(GROUP), "a torn tail, with nothing behind it").to.include({ lastIndex: 1 });
    await again.close();
  });

  it("claim a new epoch at each opening, also when nothing was ever appended (W6)", async () => {
    const disk = new SimulatedDisk();
    for (let opening = 1; opening <= 4; opening += 1) {
      const log = await openLog({ fileSystem: disk.mount() });
      expect(log.epoch).to.equal(opening);
      disk.powerLoss(LOSE_ALL);
    }
  });

  it("that were prepared and not used go once the next epoch is claimed, and may not hold anything (W3, W6)", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount(), segmentBytes: 4096 });
    for (let index = 1; index <= 15; index += 1) await commit(log, batch([entry(index, 1, 60)]));
    disk.killProcess();
    const [used = "", prepared = ""] = disk.files();
    expect(disk.files()).to.deep.equal([`${DIR}/0000000000000001.wal`, `${DIR}/0000000000000002.wal`]);

    const torn = disk.clone();
    for (const path of [used, prepared]) {
      const bytes = torn.contents(path);
      bytes[4000] = 1;
      torn.put(path, bytes);
    }
    const error = await failure(openLog({ fileSystem: torn.mount() }));
    expect(error, "a crash tears one batch").to.be.instanceOf(WalCorruptError);
    expect(error.message).to.include("is torn as well");

    const from = disk.operations.length;
    await (await openLog({ fileSystem: disk.mount(), segmentBytes: 4096 })).close();
    const operations = disk.operations.slice(from);
    expect(operations.indexOf(`unlink ${prepared}`)).to.be.above(
      operations.indexOf(`link ${DIR}/0000000000000003.wal`),
    );
    expect(disk.files()).to.deep.equal([used, `${DIR}/0000000000000003.wal`]);
  });

  it("grow for a batch that fits into none of the usual size", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount(), segmentBytes: 4096 });
    await commit(log, batch([entry(1, 1, 20_000), entry(2, 1, 30_000)]));
    await commit(log, batch([entry(3)]));
    disk.powerLoss(LOSE_ALL);
    const again = await openLog({ fileSystem: disk.mount(), segmentBytes: 4096 });
    expect((await readAll(again)).map((frame) => frame.bytes.length)).to.deep.equal([20_032, 30_032, 72]);
    await again.close();
  });
});
