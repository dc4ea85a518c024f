import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { LogWriter, encodeFrame, groupId, logIndex, serverId, term } from "raft-ts";
import type { Frame, LogBase } from "raft-ts";
import { wholeLog } from "./whole-log.js";

const GROUP = groupId(1);

/** What one append wrote: a base of index and term before it, then entries [from, to) of a term. */
interface Written {
  readonly base?: readonly [index: number, term: number];
  readonly entries?: readonly [from: number, to: number, term: number];
}

describe("the whole log out of those of several nodes (§3.5)", () => {
  let root: string;

  beforeEach(() => (root = mkdtempSync(join(tmpdir(), "raftkv-whole-log-"))));
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  async function nodeLog(name: string, appends: readonly Written[]): Promise<readonly string[]> {
    const dir = join(root, name);
    mkdirSync(dir);
    const log = await LogWriter.open({ dir, segmentBytes: 16_384, sealAfterMs: 60_000 });
    for (const { base, entries } of appends) {
      const frames = entries === undefined ? [] : framesOf(entries);
      const seq = log.append({ group: GROUP, hardState: null, base: baseOf(base), entries: frames });
      await new Promise<void>((resolve, reject) => {
        log.durability.wait(seq, (error) => (error === null ? resolve() : reject(error)));
      });
    }
    await log.close();
    return [dir];
  }

  async function terms(logs: readonly (readonly string[])[], index: number): Promise<number[]> {
    const whole = await wholeLog(logs, index, join(root, "links"));
    return Array.from({ length: index }, (_, at) => whole.get(at + 1)?.term ?? 0);
  }

  it("takes what follows in a log in the place of what stood there", async () => {
    const log = await nodeLog("a", [{ base: [0, 0], entries: [1, 8, 1] }, { entries: [4, 6, 2] }]);
    expect(await terms([log], 5)).to.deep.equal([1, 1, 1, 2, 2]);
    expect(await terms([log], 6).catch((error: unknown) => (error as Error).message)).to.equal(
      "no log has entry 6",
    );
  });

  it("fills the gap that a snapshot left from a log that has the entry behind it, in the same term", async () => {
    // What it had of entry 4 was never committed; what the third has of it was neither.
    const behind = await nodeLog("a", [
      { base: [0, 0], entries: [1, 5, 1] },
      { base: [6, 3] },
      { entries: [7, 9, 3] },
      { base: [6, 3] },
      { entries: [9, 10, 4] },
    ]);
    const stale = await nodeLog("b", [{ base: [0, 0], entries: [1, 4, 1] }, { entries: [4, 9, 2] }]);
    const leader = await nodeLog("c", [{ base: [0, 0], entries: [1, 4, 1] }, { entries: [4, 8, 3] }]);
    expect(await terms([behind, stale, leader], 9)).to.deep.equal([1, 1, 1, 3, 3, 3, 3, 3, 4]);
    expect(await terms([behind, stale, leader], 7)).to.deep.equal([1, 1, 1, 3, 3, 3, 3]);
  });

  it("begins in another log when the snapshot is all that the first has", async () => {
    const behind = await nodeLog("a", [{ base: [0, 0], entries: [1, 5, 1] }, { base: [4, 3] }]);
    const leader = await nodeLog("c", [{ base: [0, 0], entries: [1, 4, 1] }, { entries: [4, 6, 3] }]);
    expect(await terms([behind, leader], 4)).to.deep.equal([1, 1, 1, 3]);
  });

  it("is no whole log while an entry is nowhere", async () => {
    const log = await nodeLog("a", [{ base: [3, 1], entries: [4, 6, 1] }]);
    expect(await terms([log], 5).catch((error: unknown) => (error as Error).message)).to.equal(
      "no log has entry 3",
    );
  });
});

function framesOf([from, to, inTerm]: readonly [number, number, number]): Frame[] {
  return Array.from({ length: to - from }, (_, i) =>
    encodeFrame(
      { group: GROUP, term: term(inTerm), index: logIndex(from + i), kind: "noop" },
      new Uint8Array(0),
    ),
  );
}

function baseOf(base: Written["base"]): LogBase | null {
  if (base === undefined) return null;
  const voters = [serverId("a"), serverId("b"), serverId("c")];
  const configuration = { voters, outgoing: [], learners: [], witnesses: [], autoLeave: false };
  return { index: logIndex(base[0]), term: term(base[1]), configuration };
}
