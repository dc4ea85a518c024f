import { expect } from "chai";
import { WalCorruptError } from "raft-ts";
import type { WalEvent } from "raft-ts";
import { LOSE_ALL, SECTOR_BYTES, SimulatedDisk, systemError } from "./simulated-disk.js";
import {
  batch,
  commit,
  DIR,
  durable,
  entries,
  entry,
  failure,
  names,
  openLog,
  readAll,
  until,
} from "./support.js";

const SEGMENT_BYTES = 4096;

/** A log of several segments whose last batch, of several sectors, is written and not synced. */
async function withBatchInFlight(
  lastBytes: number,
): Promise<{ disk: SimulatedDisk; acknowledged: number; all: number }> {
  const disk = new SimulatedDisk();
  const log = await openLog({ fileSystem: disk.mount(), segmentBytes: SEGMENT_BYTES });
  const acknowledged = 60;
  for (let index = 1; index <= acknowledged; index += 1) await commit(log, batch([entry(index, 1, 60)]));
  expect(log.stats().segments).to.be.at.least(3);
  disk.holdSyncs = true;
  const count = Math.ceil(lastBytes / 100);
  log.append(batch(entries(acknowledged + 1, acknowledged + 1 + count, 2, 68)));
  await until(() => disk.heldSyncs === 1, "the last batch is being synced");
  return { disk, acknowledged, all: acknowledged + count };
}

/** Where a crash can cut the last batch is tried out in full in crash-matrix.test.ts. */
describe("a power loss during the last batch (W3)", () => {
  it("tells of the torn tail, and cuts it durably before anything new is written", async () => {
    const { disk, acknowledged } = await withBatchInFlight(1500);
    const last = disk.pending().at(-1)?.sector;
    disk.powerLoss({ ...LOSE_ALL, sector: (_path, sector) => sector !== last });
    const torn = disk.files().at(-1) ?? "";
    const events: WalEvent[] = [];
    const from = disk.operations.length;
    const log = await openLog({
      fileSystem: disk.mount(),
      segmentBytes: SEGMENT_BYTES,
      onEvent: (event) => events.push(event),
    });
    const cut = events.find((event) => event.kind === "tail-cut");
    expect(cut).to.include({ file: torn });
    expect(cut?.offset).to.be.at.least(SECTOR_BYTES);
    expect(cut?.bytes).to.equal(SEGMENT_BYTES - (cut?.offset ?? 0));
    const operations = disk.operations.slice(from);
    const truncated = operations.indexOf(`truncate ${torn}`);
    expect(truncated).to.be.above(0);
    expect(operations[truncated + 1]).to.equal(`sync ${torn}`);
    const created = operations.findIndex(
      (operation) => operation.startsWith("writev") && operation.endsWith(".tmp"),
    );
    expect(created, "the next segment begins after the cut").to.be.above(truncated + 1);
    await commit(log, batch([entry(acknowledged + 1, 3)]));
    disk.powerLoss(LOSE_ALL);
    const again = await openLog({ fileSystem: disk.mount() });
    expect(names(await readAll(again)).at(-1)).to.equal(`3/${acknowledged + 1}`);
    await again.close();
  });
});

describe("an opening that is killed between its cut and the sync of it (W3, W11)", () => {
  it("leaves a file that only looks cut, which the next opening makes so", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount(), segmentBytes: SEGMENT_BYTES });
    const segments = (): number => log.stats().segments;
    let index = 1;
    for (; segments() === 1; index += 1) {
      // The first batch of the second segment is torn: nothing in that segment is ever whole.
      disk.holdSyncs = log.stats().bytes > SEGMENT_BYTES - 600;
      const seq = log.append(batch([entry(index, 1, 600)]));
      await until(() => disk.heldSyncs === 1 || log.durability.durableSeq === seq, "it is on its way");
    }
    const torn = disk.pending()[0]?.path ?? "";
    const [first] = disk.pending().map(({ sector }) => sector);
    disk.powerLoss({ ...LOSE_ALL, sector: (_path, sector) => sector === first });

    const killed = disk.mount();
    disk.fault = (operation, path) => {
      if (operation === "sync" && path === torn) disk.killProcess();
      return null;
    };
    void openLog({ fileSystem: killed });
    await killed.dead;
    expect(disk.operations.slice(-2)).to.deep.equal([`truncate ${torn}`, `sync ${torn}`]);

    const lost = disk.mount();
    disk.fault = (operation, path) => {
      if (operation === "unlink" && path === torn) disk.powerLoss(LOSE_ALL);
      return null;
    };
    void openLog({ fileSystem: lost });
    await lost.dead;
    const again = await openLog({ fileSystem: disk.mount() });
    expect(await readAll(again)).to.have.length(index - 2);
    await again.close();
  });
});

describe("a bit that flips (W2, W3)", function () {
  this.timeout(60_000);

  it("is told from a torn tail in the last acknowledged batch too, once that is sealed", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount(), sealAfterMs: 1 });
    await commit(log, batch(entries(1, 4)));
    const batches = log.stats().batches;
    await until(() => log.stats().batches === batches + 1, "the seal is written, without another append");
    const path = disk.files()[0] ?? "";
    const bytes = disk.contents(path);
    disk.killProcess();
    const at = bytes.indexOf("1/1/2");
    bytes[at] = 0;
    disk.put(path, bytes);
    const error = await failure(openLog({ fileSystem: disk.mount() }));
    expect(error).to.be.instanceOf(WalCorruptError);
    expect(error).to.include({ file: path });
    expect((error as WalCorruptError).found).to.match(/a whole batch follows at byte \d+/);
  });

  it("is told from a torn tail after a clean end, which seals too", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    await commit(log, batch(entries(1, 4)));
    await log.close();
    const path = disk.files()[0] ?? "";
    const bytes = disk.contents(path);
    bytes[bytes.indexOf("1/1/2")] = 0;
    disk.put(path, bytes);
    expect(await failure(openLog({ fileSystem: disk.mount() }))).to.be.instanceOf(WalCorruptError);
  });

  it("in a batch that was zeroed altogether is noticed by the batch behind it", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    for (let index = 1; index <= 5; index += 1) await commit(log, batch([entry(index, 1, 600)]));
    await log.close();
    const path = disk.files()[0] ?? "";
    const bytes = disk.contents(path);
    bytes.fill(0, 1200, 2500);
    disk.put(path, bytes);
    expect(await failure(openLog({ fileSystem: disk.mount() }))).to.be.instanceOf(WalCorruptError);
  });
});

describe("the last batch, whole in the page cache alone (W11)", () => {
  it("is made durable at opening, before anything is promised on it", async () => {
    const { disk, all } = await withBatchInFlight(1500);
    disk.killProcess();
    const log = await openLog({ fileSystem: disk.mount() });
    expect(await readAll(log)).to.have.length(all);
    await commit(log, batch([entry(all + 1, 3)]));
    disk.powerLoss(LOSE_ALL);
    const again = await openLog({ fileSystem: disk.mount() });
    expect(await readAll(again)).to.have.length(all + 1);
  });

  it("is written again, since pages whose sync failed count as clean", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount() });
    await commit(log, batch([entry(1)]));
    disk.fault = (operation) => (operation === "datasync" ? systemError("EIO", "the disk") : null);
    await failure(commit(log, batch([entry(2)])));
    disk.killProcess();
    expect(disk.pending()).to.deep.equal([]);
    const second = await openLog({ fileSystem: disk.mount() });
    expect(names(await readAll(second))).to.deep.equal(["1/1", "1/2"]);
    disk.powerLoss(LOSE_ALL);
    const third = await openLog({ fileSystem: disk.mount() });
    expect(names(await readAll(third))).to.deep.equal(["1/1", "1/2"]);
    await third.close();
  });
});

describe("preparing a segment (W4)", () => {
  it("leaves nothing that counts when it is cut short: nothing is named before it is whole and synced", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount(), segmentBytes: SEGMENT_BYTES });
    for (let index = 1; index <= 40; index += 1) await commit(log, batch([entry(index, 1, 60)]));
    const linked = disk.operations.findIndex((operation) =>
      operation.startsWith(`link ${DIR}/0000000000000002`),
    );
    const before = disk.operations
      .slice(0, linked)
      .filter((operation) => operation.includes("0000000000000002.wal.tmp"));
    expect(before.at(-1)).to.equal(`sync ${DIR}/0000000000000002.wal.tmp`);
    const behind = disk.operations.slice(linked);
    const synced = behind.indexOf(`syncDirectory ${DIR}`);
    const firstWrite = behind.indexOf(`writev ${DIR}/0000000000000002.wal`);
    expect(synced).to.be.within(1, firstWrite - 1);
    disk.powerLoss(LOSE_ALL);
    disk.put(`${DIR}/0000000000000009.wal.tmp`, Buffer.alloc(700, 1));
    const again = await openLog({ fileSystem: disk.mount() });
    expect(await readAll(again)).to.have.length(40);
    expect(disk.files().filter((path) => path.endsWith(".tmp"))).to.deep.equal([]);
    await again.close();
  });

  it("never takes a name that is there", async () => {
    const disk = new SimulatedDisk();
    const log = await openLog({ fileSystem: disk.mount(), segmentBytes: SEGMENT_BYTES });
    disk.put(`${DIR}/0000000000000002.wal`, Buffer.from("somebody else's"));
    let failed: Error | null = null;
    for (let index = 1; index <= 60 && failed === null; index += 1) {
      failed = await durable(log, log.append(batch([entry(index, 1, 60)]))).then(
        () => null,
        (error: Error) => error,
      );
    }
    expect(failed?.cause).to.have.property("code", "EEXIST");
    expect(disk.contents(`${DIR}/0000000000000002.wal`).toString()).to.equal("somebody else's");
    await log.close();
  });
});
