import { access } from "node:fs/promises";
import { join } from "node:path";
import { Level } from "level";
import { StoreCorruptError, StoreOpenError } from "./errors.js";
import { BARRIER_KEY, EMPTY_RANGE } from "./record-keys.js";

/** The part of LevelDB that the store stands on; the tests put a recording one in its place. */
export interface Database {
  readonly location: string;
  batch(): DatabaseBatch;
  getSync(key: Buffer): Buffer | undefined;
  /** Looked up on another thread, as of the call. */
  getMany(keys: Buffer[]): Promise<(Buffer | undefined)[]>;
  /** Shows what is there when it is created, whatever is written later. */
  iterator(options: IteratorOptions): DatabaseIterator;
  /** Bytes of tables that hold the keys in [start, end), roughly; what is not in a table yet does not count. */
  approximateSize(start: Buffer, end: Buffer): Promise<number>;
  compactRange(start: Buffer, end: Buffer): Promise<void>;
  close(): Promise<void>;
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

/** LevelDB's own knobs. The defaults are measured: docs/decisions/0004-store-layout.md. */
export interface DatabaseOptions {
  /** A memtable of this size is written out as a table. Up to two are held in memory. */
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
 * Opens LevelDB, which first recovers what its own logs hold.
 * @throws {StoreCorruptError} it must exist and does not, or LevelDB finds its files damaged.
 * @throws {StoreOpenError} any other reason, a lock held by another process among them.
 */
export const openDatabase: OpenDatabase = async (location, options) => {
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
  return level as unknown as Database;
};

/**
 * Makes everything that was written before the call durable, as tables (S2). Writes may go on meanwhile.
 * An error in it stays in LevelDB unseen, until the next write reports it: so a write must follow.
 */
export function flushMemtable(database: Database): Promise<void> {
  return database.compactRange(EMPTY_RANGE.start, EMPTY_RANGE.end);
}

/** The write that must follow a flush. */
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
