import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { UsageError } from "./options.js";
import { measureAppends } from "./wal/appends.js";
import type { AppendFigures } from "./wal/appends.js";
import { measureFileKinds, measurePreparation } from "./wal/file-kinds.js";
import type { FileKindFigures } from "./wal/file-kinds.js";
import { measureGrowth, measureReplay } from "./wal/long-log.js";
import type { GrowthFigures, ReplayFigures } from "./wal/long-log.js";
import { HELP, parseOptions } from "./wal/options.js";
import type { WalBenchOptions } from "./wal/options.js";
import { measureRaw } from "./wal/raw-disk.js";
import type { RawFigures } from "./wal/raw-disk.js";

const EXIT_USAGE = 2;
const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const ENTRY_BYTES = [16, 256, 4 * 1024, 64 * 1024];
const IN_FLIGHT = [1, 16, 256];
const PREPARATIONS = 5;
/** Of `--segments`: one small command, one page, a group commit. */
const BATCH_BYTES = [336, 4 * 1024, 64 * 1024];

/** One size with one number of appends in flight: the bare disk, and the log in both modes. */
interface Cell {
  readonly entryBytes: number;
  readonly inFlight: number;
  readonly raw: RawFigures;
  readonly memtable: AppendFigures;
  readonly walOnly: AppendFigures;
}

interface WalFigures {
  readonly node: string;
  readonly cells: readonly Cell[];
  readonly replay: ReplayFigures | null;
  readonly growth: GrowthFigures | null;
}

interface SegmentFigures {
  readonly node: string;
  readonly rounds: number;
  readonly prepareSeconds: readonly number[];
  readonly batches: readonly { readonly batchBytes: number; readonly ways: readonly FileKindFigures[] }[];
}

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === null) {
    process.stdout.write(HELP);
    return;
  }
  const parent = resolve(options.dir ?? tmpdir());
  await mkdir(parent, { recursive: true });
  const dir = await mkdtemp(join(parent, "raftkv-bench-wal-"));
  try {
    const figures = options.segments ? await measureSegments(dir, options) : await measure(dir, options);
    if (options.jsonFile !== null) await writeFile(options.jsonFile, `${JSON.stringify(figures, null, 2)}\n`);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function measure(dir: string, options: WalBenchOptions): Promise<WalFigures> {
  say(
    row([
      "bytes",
      "in flight",
      "mode",
      "entries/s",
      "MB/s",
      "syncs/entry",
      "p50 ms",
      "p99 ms",
      "CPU µs/entry",
      "of raw",
    ]),
  );
  const cells: Cell[] = [];
  for (const entryBytes of ENTRY_BYTES) {
    for (const inFlight of IN_FLIGHT) {
      const cell = await measureCell(dir, { entryBytes, inFlight, seconds: options.seconds });
      cells.push(cell);
      tellCell(cell);
    }
  }
  const replay =
    options.replayEntries === 0
      ? null
      : await inDirectory(dir, "replay", (path) => measureReplay(path, options.replayEntries));
  if (replay !== null) tellReplay(replay);
  const growth =
    options.growGib === 0
      ? null
      : await inDirectory(dir, "growth", (path) => measureGrowth(path, options.growGib * GIB));
  if (growth !== null) tellGrowth(growth);
  return { node: process.version, cells, replay, growth };
}

/** What a segment is made of, and how a batch in it is synced (docs/decisions/0003-log-io.md). */
async function measureSegments(dir: string, { rounds }: WalBenchOptions): Promise<SegmentFigures> {
  const prepareSeconds: number[] = [];
  for (let round = 0; round < PREPARATIONS; round += 1)
    prepareSeconds.push(await inDirectory(dir, "prepare", (path) => measurePreparation(join(path, "file"))));
  const seconds = prepareSeconds.map((each) => each.toFixed(2)).join(", ");
  say(`a zero-filled segment of 64 MiB is made in ${seconds} s\n`);
  say(row(["bytes", "sync", "file", "", "", "p50 ms", "p99 ms", "", "to the first", "quartiles"]));
  const batches: { batchBytes: number; ways: FileKindFigures[] }[] = [];
  for (const batchBytes of BATCH_BYTES) {
    const ways = await inDirectory(dir, "kinds", (path) => measureFileKinds(path, { batchBytes, rounds }));
    batches.push({ batchBytes, ways });
    for (const { file, p50Ms, p99Ms, ratio, sync } of ways) {
      const times = ["", "", p50Ms.toFixed(3), p99Ms.toFixed(2), ""];
      const quartiles = `${ratio.lower.toFixed(2)} to ${ratio.upper.toFixed(2)}`;
      say(row([String(batchBytes), sync, file, ...times, ratio.median.toFixed(2), quartiles]));
    }
  }
  return { node: process.version, rounds, prepareSeconds, batches };
}

async function measureCell(
  dir: string,
  shape: { readonly entryBytes: number; readonly inFlight: number; readonly seconds: number },
): Promise<Cell> {
  const { entryBytes, inFlight } = shape;
  // One after the other, in the same second or so: what else the machine does hits all three alike.
  const raw = await inDirectory(dir, "raw", (path) => measureRaw(join(path, "file"), shape));
  const memtable = await inDirectory(dir, "memtable", (path) =>
    measureAppends(path, { ...shape, enableMemtable: true }),
  );
  const walOnly = await inDirectory(dir, "wal-only", (path) =>
    measureAppends(path, { ...shape, enableMemtable: false }),
  );
  return { entryBytes, inFlight, raw, memtable, walOnly };
}

/** In a folder of its own, which is gone afterwards. */
async function inDirectory<T>(dir: string, name: string, run: (path: string) => Promise<T>): Promise<T> {
  const path = join(dir, name);
  await mkdir(path);
  const result = await run(path);
  await rm(path, { recursive: true });
  return result;
}

function tellCell({ entryBytes, inFlight, memtable, raw, walOnly }: Cell): void {
  const head = [String(entryBytes), String(inFlight)];
  say(row([...head, "raw", rate(raw.entriesPerSecond), megabytes(raw.bytesPerSecond)]));
  for (const [mode, log] of [
    ["memtable", memtable],
    ["WAL-only", walOnly],
  ] as const) {
    const { bytesPerSecond, cpuMicrosPerEntry, entriesPerSecond, p50Ms, p99Ms, syncsPerEntry } = log;
    const share = `${Math.round((100 * entriesPerSecond) / raw.entriesPerSecond)} %`;
    const times = [p50Ms.toFixed(2), p99Ms.toFixed(2), cpuMicrosPerEntry.toFixed(1)];
    say(
      row([
        ...head,
        mode,
        rate(entriesPerSecond),
        megabytes(bytesPerSecond),
        syncsPerEntry.toFixed(3),
        ...times,
        share,
      ]),
    );
  }
}

function tellReplay({ entries, logBytes, openSeconds, readSeconds }: ReplayFigures): void {
  say(
    `\nreplay of ${entries} entries (${Math.round(logBytes / MIB)} MiB): opened in ${openSeconds.toFixed(2)} s ` +
      `(${rate(entries / openSeconds)} entries/s), read back in ${readSeconds.toFixed(2)} s (${rate(entries / readSeconds)} entries/s)`,
  );
}

function tellGrowth({ samples, seconds }: GrowthFigures): void {
  const last = samples.at(-1);
  say(
    `\nmemory while the log grew to ${((last?.logBytes ?? 0) / GIB).toFixed(1)} GiB in ${seconds.toFixed(0)} s:`,
  );
  for (const { heapBytes, logBytes, residentBytes } of samples) {
    say(
      `  log ${String(Math.round(logBytes / MIB)).padStart(6)} MiB: resident ${Math.round(residentBytes / MIB)} MiB, ` +
        `heap ${Math.round(heapBytes / MIB)} MiB`,
    );
  }
}

const WIDTHS = [6, 9, 9, 10, 8, 11, 8, 8, 13, 7];

function row(cells: readonly string[]): string {
  return cells.map((cell, at) => cell.padStart(WIDTHS[at] ?? 0)).join("  ");
}

function rate(perSecond: number): string {
  return Math.round(perSecond).toLocaleString("en-US");
}

function megabytes(bytesPerSecond: number): string {
  return (bytesPerSecond / 1e6).toFixed(1);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`error: ${error.message} (USAGE)\n`);
  process.exitCode = EXIT_USAGE;
}
