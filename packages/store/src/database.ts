import { access } from "node:fs/promises";
import { join } from "node:path";
import { Level } from "level";
import { StoreCorruptError, StoreOpenError } from "./errors.js";
import { nodeFileSystem } from "./file-system.js";
import { removeLatest } from "./latest-records.js";
import { BARRIER_KEY } from "./record-keys.js";
import { SplitDatabase } from "./split-database.js";
import { SortedTables } from "./tables/sorted-tables.js";

/** Tables that LevelDB keeps open. */
const OPEN_FILES_MAX = 1_000;

/** Records by their keys: LevelDB's, or those of `SortedTables`. */
export interface Records {
  readonly location: string;
  batch(): DatabaseBatch;
  getSync(key: Buffer): Buffer | undefined;
  /** As of the call; LevelDB looks on another thread, `SortedTables` in short turns. */
  getMany(keys: Buffer[]): Promise<(Buffer | undefined)[]>;
  /** Shows what is there when it is created, whatever is written later. */
  iterator(options: IteratorOptions): DatabaseIterator;
  /** Bytes of tables that hold the keys in [start, end), roughly; what is not in a table yet does not count. */
  approximateSize(start: Buffer, end: Buffer): Promise<number>;
  close(): Promise<void>;
}

/** The part of LevelDB that the store stands on. */
export interface LevelDatabase extends Records {
  compactRange(start: Buffer, end: Buffer): Promise<void>;
}

/** What the store stands on; the tests put a recording one in its place. See SplitDatabase. A batch is of latest versions or of others, and not of both. */
export interface Database extends Records {
  /**
   * Makes every record but those of latest versions that was written before the call durable, as tables (S2), but for the directory. Writes may go on
   * meanwhile. An error in it stays in LevelDB unseen, until the next write reports it: so a write must follow.
   */
  flushChanges(): Promise<void>;
  /** The same of the records of latest versions. These are durable when it resolves, with all their names, and it rejects when they are not. */
  flushLatest(): Promise<void>;
}

export interface DatabaseBatch {
  put(key: Buffer, value: Buffer): unknown;
  del(key: Buffer): unknown;
  write(options: { sync: boolean }): Promise<void>;
  close(): Promise<void>;
}

export interface IteratorOptions {
  readonly gte: Buffer;
  readonly lt: Buffer;
  readonly reverse: boolean;
  /** A single call reads no more than this, but at least one entry. */
  readonly highWaterMarkBytes: number;
}

export interface DatabaseIterator {
  /** Up to `count` entries, none at the end. */
  nextv(count: number): Promise<[Buffer, Buffer][]>;
  close(): Promise<void>;
}

/** LevelDB's own knobs; the tables of the latest versions go by the first one as well. The defaults are measured: docs/decisions/0004-store-layout.md. */
export interface DatabaseOptions {
  /** A memtable of this size is written out as a table. Up to two are held in memory, of LevelDB's and of the latest versions. */
  readonly writeBufferBytes: number;
  /** Cache of uncompressed blocks of tables. */
  readonly blockCacheBytes: number;
  /** A table is written, read and cached in blocks of about this size. */
  readonly blockBytes: number;
  /** A table that comes out of a compaction has at most about this size. */
  readonly tableBytes: number;
  /** Compress tables with Snappy. */
  readonly compression: boolean;
}

export type OpenDatabase = (
  location: string,
  options: DatabaseOptions & { readonly create: boolean },
) => Promise<Database>;

/**
 * Opens LevelDB, which first recovers what its logs hold, and the tables of latest versions within its directory.
 * Latest versions that format 1 left in LevelDB are removed: nobody reads them, and a crash may have kept them through `upgradeFormat`.
 * @throws {StoreCorruptError} one must exist and does not, or LevelDB finds its files damaged.
 * @throws {StoreOpenError} any other reason, a lock held by another process among them.
 */
export const openDatabase: OpenDatabase = async (location, options) => {
  const changes = await openLevel(location, options);
  try {
    await removeLatest(changes);
    return new SplitDatabase(changes, await SortedTables.open(latestPath(location), options, nodeFileSystem));
  } catch (error) {
    await changes.close();
    throw error;
  }
};

/** Where the tables of the latest versions lie. */
export function latestPath(location: string): string {
  return join(location, "tables");
}

/** Where format 2 had a LevelDB of the latest versions. */
export function levelOfLatestPath(location: string): string {
  return join(location, "latest");
}

/** Opens LevelDB alone. Fails as `openDatabase` does. */
export async function openLevel(
  location: string,
  options: DatabaseOptions & { readonly create: boolean },
): Promise<LevelDatabase> {
  if (!options.create) await expectDatabase(location);
  const level = new Level<Buffer, Buffer>(location, {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
    createIfMissing: options.create,
    errorIfExists: options.create,
    compression: options.compression,
    writeBufferSize: options.writeBufferBytes,
    cacheSize: options.blockCacheBytes,
    blockSize: options.blockBytes,
    maxFileSize: options.tableBytes,
    maxOpenFiles: OPEN_FILES_MAX,
  });
  try {
    await level.open();
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    if (isCorruption(cause)) {
      throw new StoreCorruptError(location, "an undamaged LevelDB", cause.message, { cause });
    }
    throw new StoreOpenError(location, cause);
  }
  // `level` is typed for browsers too, where some of this is missing. On Node.js it is classic-level, which has it.
  return level as unknown as LevelDatabase;
}

/** The write that must follow `flushChanges`. */
export function putBarrier(batch: DatabaseBatch): void {
  batch.put(BARRIER_KEY, NOTHING);
}

const NOTHING = Buffer.alloc(0);

/** LevelDB would say "invalid argument" where its directory is gone. */
async function expectDatabase(location: string): Promise<void> {
  try {
    await access(join(location, "CURRENT"));
  } catch (cause) {
    throw new StoreCorruptError(location, "the LevelDB that the checkpoint names", "none", { cause });
  }
}

function isCorruption(error: unknown): error is Error {
  return error instanceof Error && "code" in error && error.code === "LEVEL_CORRUPTION";
}
