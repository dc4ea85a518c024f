import { expect } from "chai";
import { groupId, InvariantViolation, LogCompactedError, logIndex, WalPoisonedError } from "raft-ts";
import type { LogWriter, WalEvent } from "raft-ts";
import { KEEP_ALL, LOSE_ALL, SimulatedDisk, systemError } from "./simulated-disk.js";
import type { CrashPlan } from "./simulated-disk.js";
import {
  base,
  batch,
  commit,
  DIR,
  entries,
  entry,
  failure,
  GROUP,
  hardState,
  names,
  openLog,
  random,
  readAll,
  settle,
  until,
} from "./support.js";

const OTHER = groupId(2);
const SEGMENT_BYTES = 4096;

function open(disk: SimulatedDisk, onEvent: (event: WalEvent) => void = () => {}): Promise<LogWriter> {
  return openLog({ fileSystem: disk.mount(), segmentBytes: SEGMENT_BYTES, memtableBytes: 2000, onEvent });
}

/** Entries 1 to 60 of term 1 over many segments, one batch each; term and vote in the first of them alone. */
async function filled(onEvent?: (event: WalEvent) => void): Promise<[SimulatedDisk, LogWriter]> {
  const disk = new SimulatedDisk();
  const log = await open(disk, onEvent);
  await commit(log, batch([], { base: base(0, 0), hardState: hardState(1, "b") }));
  for (let index = 1; index <= 60; index += 1) await commit(log, batch([entry(index, 1, 300)]));
  expect(log.stats().segments).to.be.at.least(6);
  // The next segment, which is being prepared, is there: what follows is the compaction's alone.
  await settle();
  return [disk, log];
}

function segmentsOf(disk: SimulatedDisk): string[] {
  return disk.files().filter((path) => path.endsWith(".wal"));
}

describe("compaction (W5)", () => {
  it("makes the base durable first, then deletes oldest first, each durably before the next", async () => {
    const deleted: number[] = [];
    const [disk, log] = await filled((event) => {
      if (event.kind === "segment-deleted") deleted.push(event.number);
    });
    const before = log.stats();
    const from = disk.operations.length;
    const result = await log.compact(GROUP, base(40, 1));
    const [written, synced, ...rest] = disk.operations.slice(from);
    expect(written).to.match(/^writev .*\.wal$/);
    expect(synced).to.match(/^datasync .*\.wal$/);
    expect(rest.length).to.be.at.least(6);
    for (let at = 0; at < rest.length; at += 2) {
      expect(rest[at]).to.equal(`unlink ${DIR}/${String(at / 2 + 1).padStart(16, "0")}.wal`);
      expect(rest[at + 1]).to.equal(`syncDirectory ${DIR}`);
    }
    expect(deleted).to.deep.equal(Array.from({ length: rest.length / 2 }, (_, at) => at + 1));
    const after = log.stats();
    expect(result.segments).to.equal(deleted.length);
    expect(after.segments, "statistics (W8)").to.equal(before.segments - deleted.length);
    expect(after.bytes).to.be.within(before.bytes - result.bytes, before.bytes - result.bytes + 400);
    expect(after.groups[0]).to.include({ baseIndex: 40, firstIndex: 41, nextIndex: 61, durableIndex: 60 });
    expect(names(await readAll(log))).to.deep.equal(names(entries(41, 61)));
    await log.close();
  });

  it("gives LogCompactedError for reads at and below the base from the call on, and keeps the rest", async () => {
    const [, log] = await filled();
    const underWay = failure(log.read(GROUP, { from: logIndex(2), to: logIndex(9) }, { maxBytes: 1e6 }));
    const compacted = log.compact(GROUP, base(30, 1));
    const below = await failure(log.read(GROUP, { from: logIndex(30), to: logIndex(32) }, { maxBytes: 1e6 }));
    expect(below).to.be.instanceOf(LogCompactedError);
    expect(below).to.include({ code: "LOG_COMPACTED", index: 30, baseIndex: 30 });
    await compacted;
    expect(await underWay, "whose segment was deleted meanwhile").to.be.instanceOf(LogCompactedError);
    const kept = await log.read(GROUP, { from: logIndex(31), to: logIndex(33) }, { maxBytes: 1e6 });
    expect(names(kept)).to.deep.equal(["1/31", "1/32"]);
    await log.close();
  });

  it("drops from the memtable and the shapes what it drops from the log", async () => {
    const [disk, log] = await filled();
    expect(log.stats().groups[0]?.memtableBytes).to.be.above(1000);
    await log.compact(GROUP, base(60, 1));
    expect(log.stats().groups[0]?.memtableBytes).to.equal(0);
    expect(log.cached(GROUP, logIndex(60), logIndex(61), 1000)).to.equal(null);
    await commit(log, batch(entries(61, 64, 2)));
    await log.close();
    const again = await open(disk);
    expect(again.recovered(GROUP)).to.deep.include({ base: base(60, 1), lastIndex: 63 });
    const shapes = again.shapes(GROUP);
    expect(shapes).to.deep.include({ from: 61, to: 64, runs: [{ term: 2, from: 61, to: 64 }] });
    expect([...(shapes?.sizes ?? [])]).to.deep.equal(entries(61, 64).map((frame) => frame.bytes.length));
    await again.close();
  });

  it("keeps term, vote, base and configuration of every group, whatever segment they were written in (W10)", async () => {
    const [disk, log] = await filled();
    await commit(log, batch([], { group: OTHER, hardState: hardState(7, "c"), base: base(5, 3) }));
    const written = segmentsOf(disk).at(-1);
    for (let index = 61; index <= 90; index += 1) await commit(log, batch([entry(index, 1, 300)]));
    await log.compact(GROUP, base(90, 1));
    expect(segmentsOf(disk)).to.not.include(written);
    expect(log.stats().segments).to.equal(1);
    disk.powerLoss(LOSE_ALL);
    const again = await open(disk);
    expect(again.recovered(GROUP)).to.deep.equal({
      group: GROUP,
      hardState: hardState(1, "b"),
      base: base(90, 1),
      lastIndex: 90,
    });
    expect(again.recovered(OTHER)).to.deep.equal({
      group: OTHER,
      hardState: hardState(7, "c"),
      base: base(5, 3),
      lastIndex: 5,
    });
    await again.close();
  });

  it("waits for the group that pins the oldest segment, and names it", async () => {
    const disk = new SimulatedDisk();
    const log = await open(disk);
    await commit(log, batch(entries(1, 3, 1, 40, OTHER)));
    for (let index = 1; index <= 60; index += 1) await commit(log, batch([entry(index, 1, 300)]));
    expect(log.stats().pinnedBy).to.be.oneOf([GROUP, OTHER]);
    expect(await log.compact(GROUP, base(60, 1))).to.deep.equal({ segments: 0, bytes: 0 });
    expect(log.stats().pinnedBy).to.equal(OTHER);
    expect(names(await readAll(log, OTHER))).to.deep.equal(["1/1", "1/2"]);
    const { segments } = await log.compact(OTHER, base(2, 1));
    expect(segments).to.be.at.least(5);
    expect(log.stats()).to.include({ pinnedBy: null, segments: 1 });
    await log.close();
  });

  it("keeps a segment that an overwritten suffix still reaches into, and lets it go when nothing does", async () => {
    const [, log] = await filled();
    await commit(log, batch(entries(30, 33, 2)));
    await log.compact(GROUP, base(28, 1));
    const shrunk = log.stats().segments;
    expect(names(await readAll(log))).to.deep.equal(["1/29", "2/30", "2/31", "2/32"]);
    await log.compact(GROUP, base(29, 1));
    expect(log.stats().segments, "between 29 and its successor lay only what was replaced").to.be.below(
      shrunk,
    );
    expect(names(await readAll(log))).to.deep.equal(["2/30", "2/31", "2/32"]);
    await log.close();
  });

  it("goes on where a crash ended it, with the same base", async () => {
    const [disk, log] = await filled();
    let unlinks = 0;
    disk.fault = (operation) => {
      if (operation === "unlink" && (unlinks += 1) === 3) disk.killProcess();
      return null;
    };
    void log.compact(GROUP, base(60, 1));
    await until(() => unlinks === 3, "the third segment is about to go");
    const again = await open(disk);
    expect(segmentsOf(disk)[0]).to.match(/0*3\.wal$/);
    await again.compact(GROUP, base(60, 1));
    expect(again.stats()).to.include({ segments: 1, pinnedBy: null });
    await again.close();
  });

  it("keeps the segment with the newest state until the next one's first batch is on disk (W10)", async () => {
    const [disk, log] = await filled();
    // Stops in the middle of the deletions.
    let goOn = (): void => {};
    disk.pace = (operation, path, effect, done) => {
      effect();
      if (operation === "unlink" && path.endsWith("1.wal")) goOn = done;
      else queueMicrotask(done);
    };
    const compacted = log.compact(GROUP, base(60, 1));
    await until(() => segmentsOf(disk)[0]?.endsWith("2.wal") === true, "the first segment is deleted");
    // The next segment begins with an append that does not reach the disk.
    const { segments } = log.stats();
    disk.holdSyncs = true;
    log.append(batch([entry(61, 2, SEGMENT_BYTES / 2)]));
    await until(() => log.stats().segments > segments && disk.heldSyncs === 1, "a new segment is begun");
    goOn();
    await compacted;
    expect(log.stats().segments, "the one with the base, and the new one").to.equal(2);
    disk.powerLoss(LOSE_ALL);
    const again = await open(disk);
    expect(again.recovered(GROUP)).to.deep.include({ hardState: hardState(1, "b"), base: base(60, 1) });
    await again.close();
  });

  it("ends between two segments when the log is closed", async () => {
    const [disk, log] = await filled();
    const closing: Promise<void>[] = [];
    disk.fault = (operation) => {
      if (operation === "unlink" && closing.length === 0) closing.push(log.close());
      return null;
    };
    const { segments } = await log.compact(GROUP, base(60, 1));
    await Promise.all(closing);
    expect(segments).to.equal(1);
    disk.fault = null;
    const again = await open(disk);
    expect(segmentsOf(disk)[0]).to.match(/0*2\.wal$/);
    await again.close();
  });

  for (const operation of ["unlink", "syncDirectory"] as const) {
    it(`poisons the log when ${operation} fails: nothing is tried again, nothing more acknowledged (W1)`, async () => {
      const [disk, log] = await filled();
      disk.fault = (asked) => (asked === operation ? systemError("EIO", "the disk") : null);
      const compacting = failure(log.compact(GROUP, base(60, 1)));
      await until(
        () => disk.operations.at(-1)?.startsWith(operation) === true,
        `the failing ${operation} is asked for`,
      );
      const error = await compacting;
      expect(error).to.be.instanceOf(WalPoisonedError);
      expect(error.cause).to.include({ code: "EIO" });
      const asked = disk.operations.length;
      expect(() => log.append(batch([entry(61)]))).to.throw(WalPoisonedError);
      expect(await failure(log.compact(GROUP, base(60, 1)))).to.equal(error);
      expect(
        await failure(log.read(GROUP, { from: logIndex(61), to: logIndex(62) }, { maxBytes: 1 })),
      ).to.equal(error);
      await log.close();
      expect(disk.operations.slice(asked), "the files stay as they are").to.deep.equal([]);
    });
  }

  it("that fails acknowledges nothing of the batch that is being synced, nor what is queued (W1)", async () => {
    const [disk, log] = await filled();
    const told: (Error | null)[] = [];
    disk.fault = (operation) => {
      if (operation !== "unlink") return null;
      disk.holdSyncs = true;
      const seq = log.append(batch([entry(61)]));
      log.durability.wait(seq, (error) => told.push(error));
      return systemError("EIO", "the disk");
    };
    const error = await failure(log.compact(GROUP, base(60, 1)));
    await settle();
    const closed = log.close();
    disk.releaseSyncs();
    await closed;
    expect(told).to.deep.equal([error]);
  });

  it("of what the log does not hold is our own bug: refused, and nothing is changed", async () => {
    const [, log] = await filled();
    await log.compact(GROUP, base(30, 1));
    const before = log.stats();
    for (const wrong of [base(61, 1), base(40, 2), base(29, 1), base(30, 2)]) {
      expect(await failure(log.compact(GROUP, wrong))).to.be.instanceOf(InvariantViolation);
    }
    expect(await failure(log.compact(OTHER, base(1, 1)))).to.be.instanceOf(InvariantViolation);
    expect(log.stats()).to.deep.equal(before);
    await log.close();
  });

  it("tells where a tail of so many bytes begins", async () => {
    const [, log] = await filled();
    const { bytes } = log.stats();
    expect(log.tailStart(GROUP, bytes)).to.equal(1);
    expect(log.tailStart(GROUP, 0)).to.equal(61);
    const half = log.tailStart(GROUP, bytes / 2);
    expect(half).to.be.within(25, 45);
    expect(log.tailStart(OTHER, bytes)).to.equal(1);
    await log.close();
  });
});

describe("a crash at any step of a compaction (W5, W10)", function () {
  this.timeout(20_000);

  const plans: readonly (readonly [string, CrashPlan | null])[] = [
    ["killed", null],
    ["power lost, all that was pending", LOSE_ALL],
    ["power lost, nothing of it", KEEP_ALL],
    ["power lost, some of it", { ...some(1), size: () => true }],
    ["power lost, other parts of it", some(2)],
  ];
  for (const [how, plan] of plans) {
    it(`loses no entry above the base, no term, no vote, no configuration: ${how}`, async () => {
      const bases = new Set<number>();
      let steps = 0;
      for (let finished = false; !finished; steps += 1) {
        const [disk, log] = await filled();
        await commit(log, batch([], { group: OTHER, hardState: hardState(7, "c"), base: base(5, 3) }));
        let left = steps;
        const crash = new Promise<boolean>((resolve) => {
          disk.fault = () => {
            left -= 1;
            if (left >= 0) return null;
            if (plan === null) disk.killProcess();
            else disk.powerLoss(plan);
            resolve(false);
            return null;
          };
        });
        finished = await Promise.race([crash, log.compact(GROUP, base(45, 1)).then(() => true)]);
        disk.killProcess();
        bases.add(await check(disk));
      }
      expect(steps, "writev, datasync, and two for each segment").to.be.above(12);
      expect([...bases]).to.have.members([0, 45]);
    });
  }
});

/** Opens what is there and looks at everything; returns the base. */
async function check(disk: SimulatedDisk): Promise<number> {
  const log = await open(disk);
  const recovered = log.recovered(GROUP);
  expect(recovered).to.deep.include({ hardState: hardState(1, "b"), lastIndex: 60 });
  const found = recovered?.base.index ?? -1;
  expect(recovered?.base).to.deep.equal(found === 0 ? base(0, 0) : base(45, 1));
  expect(log.recovered(OTHER)).to.deep.include({ hardState: hardState(7, "c"), base: base(5, 3) });
  const read = await readAll(log);
  expect(read.map((frame) => frame.bytes)).to.deep.equal(
    entries(found + 1, 61, 1, 300).map((frame) => frame.bytes),
  );
  await commit(log, batch([entry(61, 2)]));
  await log.compact(GROUP, base(61, 2));
  expect(log.stats()).to.include({ segments: 1, pinnedBy: null });
  await log.close();
  return found;
}

function some(seed: number): CrashPlan {
  const next = random(seed);
  const keep = (): boolean => next(2) === 0;
  return { sector: keep, size: keep, name: keep };
}
