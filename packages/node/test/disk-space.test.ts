import { expect } from "chai";
import { encodeFrame, groupId, logIndex, term } from "raft-ts";
import { DiskSpace, watermarks } from "../dist/disk-space.js";
import { HandOver } from "../dist/group/hand-over.js";
import { needsRoom } from "../dist/group/space-for-entries.js";
import { createLogger } from "../dist/logger.js";
import { until } from "./support/nodes.js";
import { SmallDisk } from "./support/small-disk.js";

const MIB = 1024 * 1024;

describe("the room on the disk (W12)", () => {
  let space: DiskSpace | null = null;
  let fulls = 0;
  let inflightBytes = 0;

  async function watch(disk: SmallDisk, checkIntervalMs = 10): Promise<DiskSpace> {
    fulls = 0;
    inflightBytes = 0;
    space = new DiskSpace({
      directory: "/data",
      segmentBytes: 1 * MIB,
      reserveBytes: 64 * MIB,
      checkIntervalMs,
      inflightBytes: () => inflightBytes,
      logger: createLogger("silent", "n1", () => ({ group: 1, term: 1 })),
      onFull: () => (fulls += 1),
      statfs: disk.statfs,
    });
    await space.watch();
    return space;
  }

  const looked = (disk: SmallDisk): Promise<true> => {
    const { looks } = disk;
    return until("it was looked at again", () => (disk.looks > looks + 1 ? true : null));
  };

  afterEach(() => space?.close());

  it("keeps the reserve and a segment; on a small disk half of it; and a follower goes on longer than a leader", () => {
    const options = { reserveBytes: 64 * MIB, segmentBytes: 16 * MIB };
    expect(watermarks(10_000 * MIB, options)).to.deep.equal({
      spare: 144 * MIB,
      admit: 80 * MIB,
      append: 64 * MIB,
    });
    expect(watermarks(8 * MIB, options)).to.deep.equal({
      spare: 21 * MIB,
      admit: 20 * MIB,
      append: 19 * MIB,
    });
  });

  it("is known before anything is admitted", async () => {
    const disk = new SmallDisk(1_000 * MIB);
    disk.freeBytes = 60 * MIB;
    const full = await watch(disk);
    expect([full.admits, full.takesEntries, fulls]).to.deep.equal([false, true, 1]);
  });

  it("ends writes at the first mark and a leader's entries at the second; both come back a sixteenth above", async () => {
    const disk = new SmallDisk(1_000 * MIB);
    const watched = await watch(disk);
    const at = async (freeMib: number): Promise<[boolean, boolean]> => {
      disk.freeBytes = freeMib * MIB;
      await looked(disk);
      return [watched.admits, watched.takesEntries];
    };
    expect(await at(65)).to.deep.equal([true, true]);
    expect(await at(64)).to.deep.equal([false, true]);
    expect(await at(48)).to.deep.equal([false, false]);
    expect(await at(51)).to.deep.equal([false, false]);
    expect(await at(53)).to.deep.equal([false, true]);
    expect(await at(68)).to.deep.equal([false, true]);
    expect(await at(70)).to.deep.equal([true, true]);
    expect(fulls).to.equal(1);
  });

  it("what may go goes above the first mark, by the reserve or an eighth of the disk", async () => {
    const disk = new SmallDisk(1_000 * MIB);
    const watched = await watch(disk);
    const at = async (freeMib: number): Promise<[boolean, boolean]> => {
      disk.freeBytes = freeMib * MIB;
      await looked(disk);
      return [watched.hasSpare, watched.admits];
    };
    expect(await at(129)).to.deep.equal([true, true]);
    expect(await at(128)).to.deep.equal([false, true]);
    expect(await at(136)).to.deep.equal([false, true]);
    expect(await at(138)).to.deep.equal([true, true]);
  });

  it("counts what was taken and is not on the disk yet, three times: log, LevelDB's log, table", async () => {
    const disk = new SmallDisk(1_000 * MIB);
    disk.freeBytes = 100 * MIB;
    const watched = await watch(disk);
    inflightBytes = 11 * MIB;
    await looked(disk);
    expect(watched.admits).to.equal(true);
    inflightBytes = 12 * MIB;
    await looked(disk);
    expect(watched.admits).to.equal(false);
  });

  it("is looked at at once when what was taken since may have used it up", async () => {
    const disk = new SmallDisk(1_000 * MIB);
    disk.freeBytes = 100 * MIB;
    const watched = await watch(disk, 60_000);
    watched.spend(11 * MIB);
    expect(disk.looks).to.equal(1);
    disk.freeBytes = 50 * MIB;
    watched.spend(1 * MIB);
    await until("writes are refused", () => (watched.admits ? null : true));
    expect(disk.looks).to.equal(2);
  });

  it("is looked at at once for the second mark too, when a follower has passed the first", async () => {
    const disk = new SmallDisk(1_000 * MIB);
    disk.freeBytes = 60 * MIB;
    const watched = await watch(disk, 60_000);
    expect([watched.admits, watched.takesEntries]).to.deep.equal([false, true]);
    watched.spend(3 * MIB);
    expect(disk.looks).to.equal(1);
    disk.freeBytes = 40 * MIB;
    watched.spend(1 * MIB);
    await until("entries are let pass by", () => (watched.takesEntries ? null : true));
    watched.spend(100 * MIB);
    expect(disk.looks).to.equal(2);
  });

  it("an append is let pass by when it holds a command or nothing, not when it holds a leader's own entries", () => {
    const entry = (kind: "noop" | "command" | "configuration", index: number): Buffer =>
      encodeFrame({ group: groupId(1), term: term(1), index: logIndex(index), kind }, Buffer.from("{}"))
        .bytes;
    expect(needsRoom(entry("noop", 1))).to.equal(false);
    expect(needsRoom(Buffer.concat([entry("noop", 1), entry("configuration", 2)]))).to.equal(false);
    expect(needsRoom(Buffer.concat([entry("noop", 1), entry("command", 2)]))).to.equal(true);
    expect(needsRoom(Buffer.alloc(0))).to.equal(true);
  });

  it("a leader without room hands over at once, then after pauses that grow, until there is room", () => {
    const tries: number[] = [];
    let nowMs = 0;
    const group = { leads: true, handOver: () => void tries.push(nowMs) };
    const handOver = new HandOver(group);
    const tick = (toMs: number, hasRoom: boolean): void => {
      for (; nowMs < toMs; nowMs += 10) handOver.tick(nowMs, hasRoom);
    };
    tick(8_000, false);
    expect(tries).to.deep.equal([0, 1_000, 3_000, 7_000]);
    tick(9_000, true);
    tick(9_500, false);
    expect(tries.at(-1)).to.equal(9_000);
    group.leads = false;
    tick(100_000, false);
    expect(tries).to.have.length(5);
  });
});
