import { LogWriter, logIndex } from "raft-ts";
import type { Frame } from "raft-ts";
import { GROUP, entryOf } from "./appends.js";

const MIB = 1024 * 1024;
const READ_BYTES = 1 * MIB;
/** Entries in one append, and appends in flight, while a long log is written. */
const BATCH_ENTRIES = 256;
const APPENDS_IN_FLIGHT = 4;

export interface ReplayFigures {
  readonly entries: number;
  readonly logBytes: number;
  /** From the call to a log that can be written: everything read, every checksum verified. */
  readonly openSeconds: number;
  readonly readSeconds: number;
}

/** Writes a log, opens it anew, and reads every entry back. */
export async function measureReplay(dir: string, entries: number): Promise<ReplayFigures> {
  const filled = await LogWriter.open({ dir });
  await fill(filled, { entryBytes: 256, entries, onAppended: () => {} });
  await filled.close();
  const begin = performance.now();
  const log = await LogWriter.open({ dir });
  const opened = performance.now();
  for (let from = 1; from <= entries;) {
    const range = { from: logIndex(from), to: logIndex(entries + 1) };
    from += (await log.read(GROUP, range, { maxBytes: READ_BYTES })).length;
  }
  const read = performance.now();
  const { bytes } = log.stats();
  await log.close();
  return {
    entries,
    logBytes: bytes,
    openSeconds: (opened - begin) / 1000,
    readSeconds: (read - opened) / 1000,
  };
}

export interface GrowthSample {
  readonly logBytes: number;
  /** Of the process. */
  readonly residentBytes: number;
  readonly heapBytes: number;
}

export interface GrowthFigures {
  readonly seconds: number;
  readonly samples: readonly GrowthSample[];
}

/** Memory while a log grows to `bytes`, with the memtable at its default, and nothing compacted. */
export async function measureGrowth(dir: string, bytes: number): Promise<GrowthFigures> {
  const log = await LogWriter.open({ dir });
  const samples: GrowthSample[] = [];
  const entryBytes = 4096;
  const begin = performance.now();
  await fill(log, {
    entryBytes,
    entries: Math.ceil(bytes / (entryBytes + 32)),
    onAppended: (index) => {
      const logBytes = index * (entryBytes + 32);
      if (logBytes < (bytes / 16) * (samples.length + 1)) return;
      const { heapUsed, rss } = process.memoryUsage();
      samples.push({ logBytes, residentBytes: rss, heapBytes: heapUsed });
    },
  });
  const seconds = (performance.now() - begin) / 1000;
  await log.close();
  return { seconds, samples };
}

async function fill(
  log: LogWriter,
  {
    entries,
    entryBytes,
    onAppended,
  }: { readonly entries: number; readonly entryBytes: number; readonly onAppended: (index: number) => void },
): Promise<void> {
  const body = Buffer.alloc(entryBytes, "w");
  const underWay: Promise<void>[] = [];
  for (let index = 1; index <= entries;) {
    const frames: Frame[] = [];
    for (; index <= entries && frames.length < BATCH_ENTRIES; index += 1) frames.push(entryOf(index, body));
    const seq = log.append({ group: GROUP, hardState: null, base: null, entries: frames });
    underWay.push(durable(log, seq));
    if (underWay.length >= APPENDS_IN_FLIGHT) await underWay.shift();
    onAppended(index - 1);
  }
  await Promise.all(underWay);
}

function durable(log: LogWriter, seq: number): Promise<void> {
  return new Promise((resolve, reject) => {
    log.durability.wait(seq, (error) => (error === null ? resolve() : reject(error)));
  });
}
