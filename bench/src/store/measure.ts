// A process that measures a store of one size: forked by ../store.ts, told what by its only argument, tells by messages.
import { mkdtemp, readFile, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Store } from "@raftkv/store";
import type { StoreOptions, WhenDurable } from "@raftkv/store";

/** What to measure. */
export interface StoreBenchTask {
  readonly directory: string;
  readonly keys: number;
  readonly valueBytes: number;
  readonly puts: number;
  readonly gets: number;
  /** Entries applied at once. */
  readonly batch: number;
  readonly options: Partial<StoreOptions>;
}

/** A number of operations: how fast, and what each took of the CPU, LevelDB's threads included. */
export interface Rate {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

export interface StoreFigures {
  readonly keys: number;
  /** Each key once, in an order that is not theirs. */
  readonly freshPuts: Rate;
  /** Keys at random. */
  readonly puts: Rate;
  /** Of 1,000 keys. */
  readonly hotGets: Rate;
  /** Of different keys at random, in a store that was just opened. */
  readonly coldGets: Rate;
  /** Entries of ranges of 1,000, values included. */
  readonly scannedEntries: Rate;
  readonly checkpointMs: number;
  readonly openMs: number;
  readonly openUndoingMs: number;
  readonly undoneChanges: number;
  /** The most that the process held of its own (not files mapped into memory). */
  readonly anonymousBytesMax: number;
  readonly diskBytes: number;
}

export type StoreBenchMessage =
  | { readonly kind: "progress"; readonly phase: string; readonly done: number; readonly of: number }
  | { readonly kind: "figures"; readonly figures: StoreFigures };

const KEY_BYTES = 16;
const HOT_KEYS = 1_000;
const SCAN_ENTRIES = 1_000;
const UNDONE_PUTS = 20_000;
const GETS_PER_TURN = 64;
/** Values are cut out of so many random bytes more than one needs. */
const SPARE_BYTES = 65_536;
const REPORT_EVERY_MS = 500;
/** Odd and not a multiple of 5, so it visits every key of a power of ten once. */
const STRIDE = 6_700_417;

class Measurement {
  readonly #task: StoreBenchTask;
  readonly #directory: string;
  readonly #value: Buffer;
  #store: Store;
  #anonymousBytesMax = 0;
  #reportedMs = 0;
  #state = 1;

  private constructor(task: StoreBenchTask, directory: string, store: Store) {
    this.#task = task;
    this.#directory = directory;
    this.#store = store;
    this.#value = Buffer.alloc(task.valueBytes + SPARE_BYTES);
    for (let i = 0; i < this.#value.length; i++) this.#value[i] = this.#random(256);
  }

  static async begin(task: StoreBenchTask, directory: string): Promise<Measurement> {
    return new Measurement(task, directory, await open(directory, task.options));
  }

  async run(): Promise<StoreFigures> {
    const { keys, puts, gets } = this.#task;
    const freshPuts = await this.#puts("fresh puts", keys, (i) => (i * STRIDE) % keys);
    await this.#store.checkpoint(DURABLE);
    const overwrites = await this.#puts("puts", puts, () => this.#random(keys));
    const checkpointMs = await millis(() => this.#store.checkpoint(DURABLE));
    await this.#puts("puts to undo", UNDONE_PUTS, () => this.#random(keys));
    const openUndoingMs = await this.#reopen(null);
    const { undoneChanges } = this.#store;
    const openMs = await this.#reopen(DURABLE);
    const coldGets = await this.#gets("cold gets", Math.min(gets, keys), (i) => (i * STRIDE + 1) % keys);
    for (let i = 0; i < HOT_KEYS; i++) this.#store.get(keyOf(i % keys));
    const hotGets = await this.#gets("hot gets", gets, (i) => i % Math.min(HOT_KEYS, keys));
    const scannedEntries = await this.#scan();
    await this.#store.close();
    return {
      keys,
      freshPuts,
      puts: overwrites,
      hotGets,
      coldGets,
      scannedEntries,
      checkpointMs,
      openMs,
      openUndoingMs,
      undoneChanges,
      anonymousBytesMax: this.#anonymousBytesMax,
      diskBytes: await bytesIn(this.#directory),
    };
  }

  async #puts(phase: string, count: number, keyAt: (i: number) => number): Promise<Rate> {
    const { batch: perBatch, valueBytes } = this.#task;
    return this.#rate(phase, count, async (done) => {
      const end = Math.min(count, done + perBatch);
      const batch = this.#store.beginBatch();
      for (let i = done; i < end; i++) {
        batch.beginEntry(this.#store.applied.index + 1, 1);
        const offset = this.#random(SPARE_BYTES);
        batch.put(keyOf(keyAt(i)), this.#value.subarray(offset, offset + valueBytes));
      }
      await this.#store.applyMutationsRaft(batch);
      return end - done;
    });
  }

  async #gets(phase: string, count: number, keyAt: (i: number) => number): Promise<Rate> {
    return this.#rate(phase, count, (done) => {
      const end = Math.min(count, done + GETS_PER_TURN);
      for (let i = done; i < end; i++) {
        const key = keyAt(i);
        if (this.#store.get(keyOf(key)) === null) throw new Error(`key ${key} is not there`);
      }
      return Promise.resolve(end - done);
    });
  }

  /** `count` operations; `turn` does some of them in a turn of the event loop, and tells how many. */
  async #rate(phase: string, count: number, turn: (done: number) => Promise<number>): Promise<Rate> {
    const cpu = process.cpuUsage();
    const begin = performance.now();
    for (let done = 0; done < count;) {
      done += await turn(done);
      await new Promise((resolve) => setImmediate(resolve));
      await this.#report(phase, done, count);
    }
    const { user, system } = process.cpuUsage(cpu);
    return { perSecond: count / ((performance.now() - begin) / 1000), cpuMicros: (user + system) / count };
  }

  async #scan(): Promise<Rate> {
    const { keys, gets } = this.#task;
    const ranges = Math.ceil(gets / SCAN_ENTRIES);
    const cpu = process.cpuUsage();
    const begin = performance.now();
    let entries = 0;
    for (let i = 0; i < ranges; i++) {
      const range = { start: keyOf(this.#random(Math.max(1, keys - SCAN_ENTRIES))), end: null };
      entries += (await this.#store.range({ range, limit: SCAN_ENTRIES })).entries.length;
      await this.#report("scans", i, ranges);
    }
    const { user, system } = process.cpuUsage(cpu);
    return {
      perSecond: entries / ((performance.now() - begin) / 1000),
      cpuMicros: (user + system) / entries,
    };
  }

  async #reopen(checkpoint: WhenDurable | null): Promise<number> {
    await this.#store.close({ checkpoint });
    return millis(async () => {
      this.#store = await open(this.#directory, this.#task.options);
    });
  }

  async #report(phase: string, done: number, of: number): Promise<void> {
    const now = performance.now();
    if (now - this.#reportedMs < REPORT_EVERY_MS) return;
    this.#reportedMs = now;
    this.#anonymousBytesMax = Math.max(this.#anonymousBytesMax, await anonymousBytes());
    tell({ kind: "progress", phase, done, of });
  }

  /** A whole number below `below`, the same in every run (xorshift). */
  #random(below: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return Math.floor(((x >>> 0) / 2 ** 32) * below);
  }
}

const DURABLE: WhenDurable = () => Promise.resolve();

async function open(directory: string, options: Partial<StoreOptions>): Promise<Store> {
  const store = await Store.open(directory, options);
  store.attachGroup({ smallState: () => new Map() });
  return store;
}

function keyOf(i: number): Buffer {
  return Buffer.from(i.toString().padStart(KEY_BYTES, "0"), "latin1");
}

async function millis(step: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await step();
  return performance.now() - begin;
}

/** Memory that is no file's, where there is a /proc. */
async function anonymousBytes(): Promise<number> {
  const status = await readFile("/proc/self/status", "latin1").catch(() => "");
  return Number(/^RssAnon:\s+(\d+) kB/mu.exec(status)?.[1] ?? 0) * 1024;
}

async function bytesIn(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

function tell(message: StoreBenchMessage): void {
  process.send?.(message);
}

const task = JSON.parse(process.argv[2] ?? "") as StoreBenchTask;
const directory = await mkdtemp(join(task.directory, "raftkv-bench-store-"));
try {
  const measurement = await Measurement.begin(task, directory);
  tell({ kind: "figures", figures: await measurement.run() });
} finally {
  await rm(directory, { recursive: true, force: true });
}
process.disconnect?.();
