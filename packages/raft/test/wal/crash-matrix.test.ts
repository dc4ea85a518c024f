import { expect } from "chai";
import { encodeFrame, logIndex, term, WalCorruptError } from "raft-ts";
import type { Frame, LogWriter } from "raft-ts";
import { LOSE_ALL, SimulatedDisk } from "./simulated-disk.js";
import { base, batch, commit, entries, entry, GROUP, hardState, openLog, readAll, until } from "./support.js";

const SEGMENT_BYTES = 16_384;
const ENTRIES = 200;
/** Of the last batch, which is written and not synced. */
const LAST_ENTRIES = 42;

/**
 * A log of 200 entries, each a batch of its own, with control records in between: over three segments of 16 KiB. Of
 * entry `index`, written in its first or second version.
 */
async function written(disk: SimulatedDisk): Promise<LogWriter> {
  const log = await openLog({ fileSystem: disk.mount(), segmentBytes: SEGMENT_BYTES });
  await commit(log, batch([], { base: base(0, 0), hardState: hardState(1, "b") }));
  for (let index = 1; index <= ENTRIES; index += 1) {
    const change = index % 40 === 0 ? { hardState: hardState(index / 40 + 1, "c") } : {};
    await commit(log, batch([index === 100 ? configuration(index) : entry(index, 1, 84)], change));
  }
  expect(log.stats().segments).to.equal(3);
  return log;
}

function configuration(index: number): Frame {
  const body = Buffer.from(JSON.stringify({ voters: ["a", "b", "c"] }));
  return encodeFrame({ group: GROUP, term: term(1), index: logIndex(index), kind: "configuration" }, body);
}

function lastEntries(): Frame[] {
  return entries(ENTRIES + 1, ENTRIES + 1 + LAST_ENTRIES, 7, 84);
}

const EXPECTED: readonly Frame[] = [
  ...Array.from({ length: ENTRIES }, (_, at) => (at === 99 ? configuration(100) : entry(at + 1, 1, 84))),
  ...lastEntries(),
];

/** The crash: the last batch is written, and its sync has not returned. */
async function crashed(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const log = await written(disk);
  disk.holdSyncs = true;
  log.append(batch(lastEntries(), { hardState: hardState(7, "a") }));
  await until(() => disk.heldSyncs === 1, "the last batch is being synced");
  return disk;
}

/** Opens what is there. Everything acknowledged must be, and of the last batch all or nothing: returns which. */
async function outcome(disk: SimulatedDisk): Promise<"whole" | "none"> {
  const log = await openLog({ fileSystem: disk.mount(), segmentBytes: SEGMENT_BYTES });
  const frames = await readAll(log, GROUP, SEGMENT_BYTES);
  const whole = frames.length > ENTRIES;
  if (frames.length !== ENTRIES + (whole ? LAST_ENTRIES : 0)) throw new Error(`${frames.length} entries`);
  for (const [at, frame] of frames.entries()) {
    if (!frame.bytes.equals(EXPECTED[at]?.bytes ?? Buffer.alloc(0)))
      throw new Error(`entry ${at + 1} differs`);
  }
  const state = log.recovered(GROUP)?.hardState;
  if (state?.currentTerm !== (whole ? 7 : 6)) throw new Error(`term ${state?.currentTerm}`);
  disk.killProcess();
  return whole ? "whole" : "none";
}

/** Where the last batch that holds entries begins and ends. */
function lastBatch(disk: SimulatedDisk, path: string): { readonly from: number; readonly to: number } {
  const bytes = disk.contents(path);
  let from = bytes.lastIndexOf("RWAB");
  const length = (at: number): number => bytes.readUInt32LE(at + 8);
  while (from % 8 !== 0 || length(from) < 4096) from = bytes.lastIndexOf("RWAB", from - 1);
  return { from, to: from + length(from) };
}

function say(text: string): void {
  process.stdout.write(`      crash matrix: ${text}\n`);
}

describe("the crash matrix: 200 records over 3 segments of 16 KiB (W2, W3)", function () {
  this.timeout(120_000);

  it("cut at every byte of the last batch, it opens with all that was acknowledged and nothing of that batch", async () => {
    const disk = await crashed();
    const path = disk.pending()[0]?.path ?? "";
    const { from, to } = lastBatch(disk, path);
    const bytes = disk.contents(path);
    let cases = 0;
    for (let cut = from; cut < to; cut += 1) {
      // The file ends there, or goes on with zeros as when it was reserved.
      for (const ends of [true, false]) {
        const left = Buffer.from(ends ? bytes.subarray(0, cut) : bytes);
        left.fill(0, cut);
        const after = disk.clone();
        after.powerLoss(LOSE_ALL);
        after.put(path, left);
        // Where only padding is missing, zeros bring it back.
        const expected = !ends && bytes.subarray(cut, to).every((byte) => byte === 0) ? "whole" : "none";
        const found = await outcome(after).catch((error: unknown) => {
          throw new Error(`cut at ${cut} of [${from}, ${to})`, { cause: error });
        });
        if (found !== expected) throw new Error(`cut at ${cut} of [${from}, ${to}): ${found}`);
        cases += 1;
      }
    }
    say(`${cases} cuts, at each of the ${to - from} bytes of the last batch, none lost anything`);
    expect(cases).to.equal(2 * (to - from));
  });

  it("with every subset of the last batch's sectors missing, it opens with that batch whole or not at all", async () => {
    const disk = await crashed();
    const sectors = disk.pending();
    expect(sectors.length).to.be.within(8, 12);
    const found = { whole: 0, none: 0 };
    for (let kept = 0; kept < 2 ** sectors.length; kept += 1) {
      const after = disk.clone();
      after.powerLoss({
        ...LOSE_ALL,
        sector: (path, sector) => {
          const bit = sectors.findIndex((pending) => pending.path === path && pending.sector === sector);
          return (kept & (2 ** bit)) !== 0;
        },
      });
      const result = await outcome(after).catch((error: unknown) => {
        throw new Error(`sectors ${kept.toString(2)} kept`, { cause: error });
      });
      found[result] += 1;
    }
    say(
      `${found.whole + found.none} subsets of ${sectors.length} sectors: ${found.none} without the last batch, ${found.whole} with it`,
    );
    expect(found.whole, "all of them there").to.equal(1);
    expect(found.none).to.equal(2 ** sectors.length - 1);
  });

  it("with one bit flipped at every byte, the sealed last batch included, it is refused, never shorter", async () => {
    const disk = new SimulatedDisk();
    const log = await written(disk);
    await commit(log, batch(lastEntries(), { hardState: hardState(7, "a") }));
    await log.close();
    const files = disk.files();
    expect(files.length).to.equal(3);
    const last = files.at(-1) ?? "";
    const { to } = lastBatch(disk, last);
    const counts = { refused: 0, unharmed: 0 };
    for (const path of files) {
      for (let at = 0; at < disk.inode(path).volatile.length; at += 1) {
        // An opening that is refused changes nothing, so all share one disk; one that is not gets its own.
        const after = path === last && at >= to ? disk.clone() : disk;
        const bytes = after.inode(path).volatile;
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
        const result = await outcome(after).catch((error: unknown) => error);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
        if (result instanceof WalCorruptError && result.file === path && result.offset <= at)
          counts.refused += 1;
        // Behind the last entries stands the seal alone: torn, it takes nothing with it.
        else if (result === "whole" && path === last && at >= to) counts.unharmed += 1;
        else throw new Error(`bit ${at % 8} of byte ${at} of ${path}`, { cause: result });
      }
    }
    say(
      `${counts.refused} flipped bits refused, ${counts.unharmed} in the seal behind the last batch unharmed`,
    );
    const bytes = files.reduce((sum, path) => sum + disk.contents(path).length, 0);
    expect(counts.refused).to.equal(bytes - counts.unharmed);
    expect(counts.unharmed).to.be.below(100);
  });
});
