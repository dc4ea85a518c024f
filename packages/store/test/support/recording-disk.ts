import { mkdir, readdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { decodeCheckpoint } from "../../dist/checkpoint-file.js";
import { openDatabase } from "../../dist/database.js";
import type { Database, DatabaseBatch, OpenDatabase } from "../../dist/database.js";
import { nodeFileSystem } from "../../dist/file-system.js";
import type { FileSystem } from "../../dist/file-system.js";
import type { StoreDisk } from "../../dist/options.js";
import { isOfLatest } from "../../dist/record-keys.js";
import type { Random } from "./random.js";

export interface RecordedBatch {
  readonly operations: { readonly key: Buffer; readonly value: Buffer | null }[];
  sync: boolean;
}

export interface FlushBegun {
  readonly kind: "flush";
  /** Of the tables of the latest versions, or of LevelDB. */
  readonly latest: boolean;
}

/** What reached the disk, in order. */
export type DiskEvent =
  | { readonly kind: "write"; readonly batch: RecordedBatch }
  | { readonly kind: "written"; readonly batch: RecordedBatch }
  | FlushBegun
  | { readonly kind: "flushed"; readonly flush: FlushBegun }
  | { readonly kind: "fileWritten"; readonly name: string }
  | { readonly kind: "renamed"; readonly name: string; readonly bytes: Buffer }
  | { readonly kind: "directorySynced"; readonly name: string };

/** What a power loss left: batches that LevelDB recovers, and the D file, with the generation of the LevelDB. */
export interface Remains {
  readonly batches: readonly RecordedBatch[];
  readonly checkpoint: Buffer | null;
}

/** The real disk and the real LevelDB, with everything that reaches them written down. */
export class RecordingDisk implements StoreDisk {
  readonly events: DiskEvent[] = [];
  /** Records that batches remove, written or not. */
  removals = 0;
  readonly #remains: Remains;

  /** `remains` is what is there when recording starts: durable by then, as LevelDB makes its logs into tables. */
  constructor(remains: Remains = { batches: [], checkpoint: null }) {
    this.#remains = remains;
  }

  readonly fileSystem: FileSystem = {
    ...nodeFileSystem,
    writeFile: async (path, bytes) => {
      await nodeFileSystem.writeFile(path, bytes);
      this.events.push({ kind: "fileWritten", name: basename(path) });
    },
    rename: async (from, to) => {
      const bytes = (await nodeFileSystem.readFile(from)) ?? Buffer.alloc(0);
      await nodeFileSystem.rename(from, to);
      this.events.push({ kind: "renamed", name: basename(to), bytes });
    },
    syncDirectory: async (path) => {
      await nodeFileSystem.syncDirectory(path);
      this.events.push({ kind: "directorySynced", name: basename(path) });
    },
  };

  readonly openDatabase: StoreDisk["openDatabase"] = (location, options) =>
    this.openRecorded(location, options);

  protected async openRecorded(...[location, options]: Parameters<OpenDatabase>): Promise<Database> {
    const database = await openDatabase(location, options);
    const recorded: Database = {
      location,
      batch: () => this.#recordedBatch(database.batch()),
      getSync: (key) => database.getSync(key),
      getMany: (keys) => database.getMany(keys),
      iterator: (range) => database.iterator(range),
      approximateSize: (start, end) => database.approximateSize(start, end),
      flushChanges: () => this.#flush(false, () => database.flushChanges()),
      flushLatest: () => this.#flush(true, () => database.flushLatest()),
      close: () => database.close(),
    };
    return recorded;
  }

  async #flush(latest: boolean, effect: () => Promise<void>): Promise<void> {
    const flush: FlushBegun = { kind: "flush", latest };
    this.events.push(flush);
    await effect();
    this.events.push({ kind: "flushed", flush });
  }

  #recordedBatch(real: DatabaseBatch): DatabaseBatch {
    const batch: RecordedBatch = { operations: [], sync: false };
    return {
      put: (key, value) => {
        batch.operations.push({ key: Buffer.from(key), value: Buffer.from(value) });
        real.put(key, value);
      },
      del: (key) => {
        batch.operations.push({ key: Buffer.from(key), value: null });
        this.removals += 1;
        real.del(key);
      },
      write: async (options) => {
        batch.sync = options.sync;
        this.events.push({ kind: "write", batch });
        await real.write(options);
        this.events.push({ kind: "written", batch });
      },
      close: () => real.close(),
    };
  }

  /**
   * What is left when the power goes after the first `length` events. Of LevelDB's batches and of those of latest versions those that were written
   * before a flush of theirs that ended, and any subset of the others, synced ones too: more cruel than either is (S1). But batches of
   * latest versions that were synced stay. Of the D file the last one whose name was synced, or a later one.
   */
  powerLoss(length: number, directory: string, random: Random): Remains {
    const before = this.events.slice(0, length);
    const safe = new Set<RecordedBatch>();
    for (const latest of [true, false]) {
      // The collection and a checkpoint flush beside each other, and the one that began later may end first.
      const begun = before.map((event) =>
        event.kind === "flushed" && event.flush.latest === latest ? before.indexOf(event.flush) : 0,
      );
      const safeBefore = Math.max(0, ...begun);
      for (const event of before.slice(0, safeBefore))
        if (event.kind === "written" && isLatest(event.batch) === latest) safe.add(event.batch);
    }
    for (const event of before)
      if (event.kind === "written" && event.batch.sync && isLatest(event.batch)) safe.add(event.batch);

    const keep = random.pick([0, 0.1, 0.5, 0.9, 1]);
    const batches = [...this.#remains.batches];
    let { checkpoint } = this.#remains;
    let unsynced: Buffer[] = [];
    for (const event of before) {
      if (event.kind === "write" && (safe.has(event.batch) || random.chance(keep))) batches.push(event.batch);
      if (event.kind === "renamed") unsynced.push(event.bytes);
      if (event.kind === "directorySynced" && event.name === basename(directory)) {
        checkpoint = unsynced.at(-1) ?? checkpoint;
        unsynced = [];
      }
    }
    for (const bytes of unsynced) if (random.chance(0.5)) checkpoint = bytes;
    return { batches, checkpoint };
  }
}

function isLatest({ operations: [first] }: RecordedBatch): boolean {
  return first !== undefined && isOfLatest(first.key);
}

/** Puts what a power loss left into a directory, as LevelDB and the D file would be found there. */
export async function layOut(remains: Remains, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const generation = remains.checkpoint === null ? 1 : decodeCheckpoint(remains.checkpoint, "").generation;
  const location = join(directory, `store-${generation}`);
  const database = await openDatabase(location, {
    create: true,
    writeBufferBytes: 4 * 1024 * 1024,
    blockCacheBytes: 1024 * 1024,
    blockBytes: 4096,
    tableBytes: 2 * 1024 * 1024,
    compression: false,
  });
  for (const recorded of remains.batches) {
    const batch = database.batch();
    for (const { key, value } of recorded.operations) {
      if (value === null) batch.del(key);
      else batch.put(key, value);
    }
    await batch.write({ sync: false });
  }
  await database.flushLatest();
  await database.close();
  if (remains.checkpoint !== null) await writeFile(join(directory, "checkpoint"), remains.checkpoint);
}

/** All records in the LevelDB of a store that is closed, barriers aside, by their keys in hex. */
export async function dumpRecords(directory: string): Promise<Map<string, Buffer>> {
  const [name] = (await readdir(directory)).filter((found) => found.startsWith("store-"));
  const database = await openDatabase(join(directory, name ?? ""), {
    create: false,
    writeBufferBytes: 4 * 1024 * 1024,
    blockCacheBytes: 1024 * 1024,
    blockBytes: 4096,
    tableBytes: 2 * 1024 * 1024,
    compression: false,
  });
  const iterator = database.iterator({
    gte: Buffer.from("A"),
    lt: Buffer.from("M"),
    reverse: false,
    highWaterMarkBytes: 1 << 20,
  });
  const records = new Map<string, Buffer>();
  for (;;) {
    const entries = await iterator.nextv(1_000);
    if (entries.length === 0) break;
    for (const [key, value] of entries) if (key[0] !== 0x42) records.set(key.toString("hex"), value);
  }
  await iterator.close();
  await database.close();
  return records;
}
