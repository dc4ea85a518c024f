import { close, constants, fdatasync, open, write } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const MIB = 1024 * 1024;
const SEGMENT_BYTES = 64 * MIB;
/** That one way writes before the next one has its turn: few, so that what else the machine does hits all alike. */
const BATCHES_A_TURN = 20;

const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fdatasync);

/** What a segment can be before the log is written into it. */
const FILE_KINDS = ["zero-filled", "recycled", "growing"] as const;
export type FileKind = (typeof FILE_KINDS)[number];

/** `fdatasync` after each write, or none because the file was opened with `O_DSYNC`. */
const SYNC_KINDS = ["fdatasync", "O_DSYNC"] as const;
export type SyncKind = (typeof SYNC_KINDS)[number];

/** One way to write a batch so that it lasts, as measured in turns with the others. */
export interface FileKindFigures {
  readonly file: FileKind;
  readonly sync: SyncKind;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The median time of a turn's batches, to that of the first way in the same round: median and quartiles over the rounds. */
  readonly ratio: { readonly median: number; readonly lower: number; readonly upper: number };
}

interface Way {
  readonly kind: FileKind;
  readonly sync: SyncKind;
  readonly file: number;
  offset: number;
  readonly latenciesMs: number[];
  /** Medians, one for each round. */
  readonly turnsMs: number[];
}

/**
 * One batch after the other in every way, `rounds` turns each. The ways take turns, and each round begins with another one.
 */
export async function measureFileKinds(
  dir: string,
  { batchBytes, rounds }: { readonly batchBytes: number; readonly rounds: number },
): Promise<FileKindFigures[]> {
  const fileBytes = rounds * BATCHES_A_TURN * batchBytes;
  const ways: Way[] = [];
  for (const kind of FILE_KINDS) {
    for (const sync of SYNC_KINDS) {
      const file = await prepare(join(dir, `${kind}-${sync}`), { kind, sync, fileBytes });
      ways.push({ kind, sync, file, offset: 0, latenciesMs: [], turnsMs: [] });
    }
  }
  try {
    const batch = Buffer.alloc(batchBytes, "r");
    for (let round = 0; round < rounds; round += 1) {
      for (let turn = 0; turn < ways.length; turn += 1) {
        const way = ways[(round + turn) % ways.length];
        if (way !== undefined) await takeTurn(way, batch);
      }
    }
  } finally {
    for (const { file } of ways) await closeFile(file);
  }
  const first = ways[0]?.turnsMs ?? [];
  return ways.map(({ kind, latenciesMs, sync, turnsMs }) => {
    const ratios = turnsMs.map((median, round) => median / (first[round] ?? NaN));
    return {
      file: kind,
      sync,
      p50Ms: quantile(latenciesMs, 0.5),
      p99Ms: quantile(latenciesMs, 0.99),
      ratio: {
        median: quantile(ratios, 0.5),
        lower: quantile(ratios, 0.25),
        upper: quantile(ratios, 0.75),
      },
    };
  });
}

/** Seconds that it takes to make a zero-filled segment: what recycling one would save. */
export async function measurePreparation(path: string): Promise<number> {
  const begin = performance.now();
  await closeFile(await prepare(path, { kind: "zero-filled", sync: "fdatasync", fileBytes: SEGMENT_BYTES }));
  return (performance.now() - begin) / 1000;
}

async function prepare(
  path: string,
  { fileBytes, kind, sync }: { readonly fileBytes: number; readonly kind: FileKind; readonly sync: SyncKind },
): Promise<number> {
  const prepared = await openFile(path, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC);
  const chunk = Buffer.alloc(MIB, kind === "recycled" ? 0x5a : 0);
  const filledBytes = kind === "growing" ? 0 : fileBytes;
  for (let at = 0; at < filledBytes; at += MIB) {
    await writeDurably(prepared, chunk.subarray(0, filledBytes - at), at, false);
  }
  await syncFile(prepared);
  await closeFile(prepared);
  return openFile(path, constants.O_RDWR | (sync === "O_DSYNC" ? constants.O_DSYNC : 0));
}

async function takeTurn(way: Way, batch: Buffer): Promise<void> {
  const latenciesMs: number[] = [];
  for (let count = 0; count < BATCHES_A_TURN; count += 1) {
    const started = performance.now();
    await writeDurably(way.file, batch, way.offset, way.sync === "fdatasync");
    latenciesMs.push(performance.now() - started);
    way.offset += batch.length;
  }
  way.latenciesMs.push(...latenciesMs);
  way.turnsMs.push(quantile(latenciesMs, 0.5));
}

function writeDurably(file: number, bytes: Buffer, offset: number, syncs: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    write(file, bytes, 0, bytes.length, offset, (writeError) => {
      if (writeError !== null) reject(writeError);
      else if (!syncs) resolve();
      else fdatasync(file, (syncError) => (syncError === null ? resolve() : reject(syncError)));
    });
  });
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;
}
