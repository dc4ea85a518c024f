import { expect } from "chai";
import { inspectLog, WalCorruptError } from "raft-ts";
import type { FileSystem, InspectedRecord, LogFile, LogWriter } from "raft-ts";
import { SimulatedDisk } from "./simulated-disk.js";
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
  openLog,
  settle,
} from "./support.js";

const SEGMENT_BYTES = 4096;

/** A file system that does something before each opening and each read: what a node beside us does meanwhile. */
function disturbed(
  inner: FileSystem,
  { onOpen, onRead }: { readonly onOpen?: () => Promise<void>; readonly onRead?: () => Promise<void> },
): FileSystem {
  return {
    open: async (path, access) => {
      await onOpen?.();
      const file = await inner.open(path, access);
      const read = async (target: Buffer, position: number): Promise<number> => {
        await onRead?.();
        return file.read(target, position);
      };
      return { read, size: () => file.size(), close: () => file.close() } as LogFile;
    },
    list: (dir: string) => inner.list(dir),
  } as FileSystem;
}

async function filled(count: number): Promise<[SimulatedDisk, LogWriter, FileSystem]> {
  const disk = new SimulatedDisk();
  const mount = disk.mount();
  const log = await openLog({ fileSystem: mount, segmentBytes: SEGMENT_BYTES });
  await commit(log, batch([], { base: base(0, 0), hardState: hardState(1, "b") }));
  for (let index = 1; index <= count; index += 1) await commit(log, batch([entry(index, 1, 300)]));
  return [disk, log, mount];
}

describe("inspecting a log", () => {
  it("tells of every record where it stands, and of the whole", async () => {
    const [disk, log, mount] = await filled(20);
    await log.close();
    const records: InspectedRecord[] = [];
    let last = 0;
    const inspection = await inspectLog({
      dir: DIR,
      fileSystem: mount,
      onRecords: (some) => void records.push(...some),
      onProgress: (bytes, total) => {
        expect(bytes).to.be.within(last, total);
        last = bytes;
      },
    });
    const commands = records.filter((record) => record.type === "command");
    expect(commands.map((record) => record.index)).to.deep.equal(
      Array.from({ length: 20 }, (_, at) => at + 1),
    );
    for (const { checksum, file, index, length, offset } of commands) {
      const written = entry(index ?? 0, 1, 300).bytes;
      expect(
        disk
          .contents(file)
          .subarray(offset, offset + length)
          .equals(written),
      ).to.equal(true);
      expect(checksum).to.equal(written.readUInt32LE(4));
    }
    expect(records.map((record) => record.position)).to.deep.equal(
      records.map((record) => record.position).toSorted((left, right) => left - right),
    );
    expect(inspection).to.deep.include({ entries: 20, lastPosition: 21, epoch: 1, tornTail: null });
    expect(inspection.groups).to.deep.equal([{ group: GROUP, baseIndex: 0, lastIndex: 20, term: 1 }]);
    expect(last).to.equal(inspection.bytes);
  });

  it("sees one moment of a log that is written meanwhile, over several segments", async () => {
    // From every fill of the last segment on, with the next one prepared or not.
    for (let count = 10; count < 24; count += 1) {
      const [, log, mount] = await filled(count);
      await settle();
      let index = count;
      const onRead = async (): Promise<void> => {
        for (let more = 0; more < 3; more += 1) await commit(log, batch([entry((index += 1), 1, 300)]));
      };
      const inspection = await inspectLog({ dir: DIR, fileSystem: disturbed(mount, { onRead }) });
      expect(inspection.tornTail).to.equal(null);
      expect(inspection.groups[0]?.lastIndex).to.be.within(count, index);
      expect(index).to.be.above(count + 6);
      await log.close();
    }
  });

  it("is not misled when segments are deleted between listing and opening, and while they are read", async () => {
    const [, log, mount] = await filled(40);
    let opened = 0;
    const onOpen = async (): Promise<void> => {
      // The first is open by now; the second, which is about to be, goes with it.
      if ((opened += 1) === 2) await log.compact(GROUP, base(20, 1));
    };
    let reads = 0;
    const onRead = async (): Promise<void> => {
      if ((reads += 1) === 3) await log.compact(GROUP, base(35, 1));
    };
    const inspection = await inspectLog({ dir: DIR, fileSystem: disturbed(mount, { onOpen, onRead }) });
    expect(log.stats().groups[0]).to.include({ baseIndex: 35 });
    expect(inspection.groups[0]).to.deep.include({ baseIndex: 20, lastIndex: 40 });
    await log.close();
  });

  it("goes as far as the writer was when it looked, and calls torn what stays as it is", async () => {
    const [disk, log] = await filled(2);
    await commit(log, batch(entries(3, 6, 1, 300)));
    await commit(log, batch(entries(6, 9, 1, 300)));
    const path = disk.files()[0] ?? "";
    const whole = disk.contents(path);
    disk.killProcess();
    const halfOfFirst = Buffer.from(whole).fill(0, whole.lastIndexOf("1/1/4"));
    const halfOfSecond = Buffer.from(whole).fill(0, whole.lastIndexOf("1/1/7"));
    disk.put(path, halfOfFirst);
    const torn = await inspectLog({ dir: DIR, fileSystem: disk.mount() });
    expect(torn).to.deep.include({ entries: 2 });
    expect(torn.tornTail).to.include({ file: path, offset: halfOfFirst.lastIndexOf("RWAB") });
    let reads = 0;
    const onRead = async (): Promise<void> => {
      if ((reads += 1) === 2) disk.inode(path).volatile = halfOfSecond;
    };
    const written = await inspectLog({ dir: DIR, fileSystem: disturbed(disk.mount(), { onRead }) });
    expect(written, "the first was being written, and so is the second").to.deep.include({
      entries: 5,
      tornTail: null,
    });
  });

  it("changes nothing, locks nothing, and throws what an opening would at damage (W3)", async () => {
    const [disk, log] = await filled(20);
    await settle();
    const before = disk.operations.length;
    await inspectLog({ dir: DIR, fileSystem: disk.mount() });
    const done = new Set(disk.operations.slice(before).map((operation) => operation.split(" ")[0]));
    expect([...done]).to.have.members(["list", "open"]);
    expect(disk.locks.size, "the writer's own").to.equal(1);
    const path = disk.files()[1] ?? "";
    const bytes = disk.inode(path).volatile;
    bytes[700] = (bytes[700] ?? 0) ^ 4;
    const error = await failure(inspectLog({ dir: DIR, fileSystem: disk.mount() }));
    expect(error).to.be.instanceOf(WalCorruptError);
    expect(error).to.include({ file: path });
    expect(log.stats().segments).to.be.above(2);
  });
});
