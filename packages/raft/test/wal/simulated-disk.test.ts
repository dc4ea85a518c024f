import { expect } from "chai";
import type { LogFile } from "raft-ts";
import { KEEP_ALL, LOSE_ALL, SimulatedDisk, systemError } from "./simulated-disk.js";
import { DIR, failure } from "./support.js";

function write(file: LogFile, bytes: Buffer, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    file.writev([bytes], position, (error) => (error === null ? resolve() : reject(error)));
  });
}

function datasync(file: LogFile): Promise<void> {
  return new Promise((resolve, reject) => {
    file.datasync((error) => (error === null ? resolve() : reject(error)));
  });
}

/** What everything that is simulated over this disk rests on. */
describe("the simulated disk", () => {
  /** Operations that have begun and not been told of yet. */
  const begun: (() => void)[] = [];
  const hold = (disk: SimulatedDisk): void => {
    disk.pace = (_operation, _path, effect, done) =>
      void begun.push(() => {
        effect();
        done();
      });
  };
  const finish = (at: number): void => begun.splice(at, 1)[0]?.();
  afterEach(() => void (begun.length = 0));

  async function withFile(disk: SimulatedDisk): Promise<LogFile> {
    const mount = disk.mount();
    const file = await mount.open(`${DIR}/f`, "create");
    await write(file, Buffer.alloc(1024, "a"), 0);
    await file.sync();
    await mount.syncDirectory(DIR);
    return file;
  }

  it("owes a sync nothing that was written after it began", async () => {
    const disk = new SimulatedDisk();
    const file = await withFile(disk);
    await write(file, Buffer.alloc(512, "b"), 0);
    hold(disk);
    const synced = datasync(file);
    void write(file, Buffer.alloc(512, "c"), 512);
    finish(1);
    finish(0);
    await synced;
    disk.powerLoss(LOSE_ALL);
    expect(disk.contents(`${DIR}/f`).toString()).to.equal("b".repeat(512) + "a".repeat(512));
  });

  it("takes nothing back with a sync of the directory that began earlier and ends later", async () => {
    const disk = new SimulatedDisk();
    await withFile(disk);
    const mount = disk.mount();
    hold(disk);
    const early = mount.syncDirectory(DIR);
    const unlinked = mount.unlink(`${DIR}/f`);
    finish(1);
    await unlinked;
    const late = mount.syncDirectory(DIR);
    finish(1);
    finish(0);
    await Promise.all([early, late]);
    disk.powerLoss(LOSE_ALL);
    expect(disk.files()).to.deep.equal([]);
  });

  it("after a failed sync shows programs what it may have lost, and loses it with the power (W1, W11)", async () => {
    const disk = new SimulatedDisk();
    const file = await withFile(disk);
    await write(file, Buffer.alloc(512, "b"), 0);
    disk.fault = (operation) => (operation === "datasync" ? systemError("EIO", "the disk") : null);
    expect(await failure(datasync(file))).to.include({ code: "EIO" });
    disk.fault = null;
    await datasync(file);
    expect(disk.contents(`${DIR}/f`).toString("latin1", 0, 1)).to.equal("b");
    disk.powerLoss(KEEP_ALL);
    expect(disk.contents(`${DIR}/f`).toString("latin1", 0, 1)).to.equal("a");
  });

  it("does nothing more for a process that is gone, and frees no lock but its own", async () => {
    const disk = new SimulatedDisk();
    const first = disk.mount();
    const lock = await first.lock(DIR);
    disk.killProcess();
    const second = disk.mount();
    await second.lock(DIR);
    await lock.release();
    expect(await failure(second.lock(DIR))).to.include({ code: "WAL_LOCKED" });
    void first.unlink(`${DIR}/f`);
    expect(disk.operations).to.deep.equal([]);
  });
});
