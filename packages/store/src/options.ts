import { openDatabase } from "./database.js";
import type { DatabaseOptions, OpenDatabase } from "./database.js";
import { StoreError } from "./errors.js";
import type { StoreFailedError } from "./errors.js";
import type { FileSystem } from "./file-system.js";
import { nodeFileSystem } from "./file-system.js";
import type { FsmSyncMode } from "./sync-mode.js";

const MIB = 1024 * 1024;

/** The knobs of a store. docs/decisions/0004-store-layout.md has the measurements behind the defaults. */
export interface StoreOptions extends DatabaseOptions {
  /** For writes that come out of the log. */
  readonly mode: FsmSyncMode;
  /** Memory for values of latest versions; to it comes what LevelDB has not got yet. */
  readonly cacheBytes: number;
  /** Memory for what is known of keys without their values, at most; it is taken as keys come. */
  readonly headerBytesMax: number;
  /** Changes that may be in memory and in the log, but not in LevelDB yet. */
  readonly unwrittenBytesMax: number;
  /** Latest versions whose records are in memory only, overhead included, that bring their being written; twice as much at most. */
  readonly unsettledBytesMax: number;
  /** A larger value is stored once, with its change, and not with the latest version. */
  readonly inlineValueBytesMax: number;
  /** Changes that one step of the collection looks at: one batch of LevelDB, durable before the next. */
  readonly collectedPerStep: number;
  /** Called once when the store failed: a write may fail in the background, with nobody waiting for it (S9). */
  readonly onFailure: (error: StoreFailedError) => void;
}

const DEFAULTS: StoreOptions = {
  mode: "nosync",
  cacheBytes: 16 * MIB,
  headerBytesMax: 1024 * MIB,
  unwrittenBytesMax: 2 * MIB,
  unsettledBytesMax: 16 * MIB,
  inlineValueBytesMax: 64,
  collectedPerStep: 32_768,
  writeBufferBytes: 8 * MIB,
  blockCacheBytes: 16 * MIB,
  blockBytes: 16 * 1024,
  tableBytes: 2 * MIB,
  compression: false,
  onFailure: () => undefined,
};

/** How the store reaches the disk. */
export interface StoreDisk {
  readonly fileSystem: FileSystem;
  readonly openDatabase: OpenDatabase;
}

export const REAL_DISK: StoreDisk = { fileSystem: nodeFileSystem, openDatabase };

/**
 * Fills in the defaults.
 * @throws {StoreError} INVALID_ARGUMENT: a size that is no whole number.
 */
export function storeOptions(options: Partial<StoreOptions>): StoreOptions {
  const complete = { ...DEFAULTS, ...options };
  for (const name of [
    "cacheBytes",
    "headerBytesMax",
    "unwrittenBytesMax",
    "unsettledBytesMax",
    "inlineValueBytesMax",
    "collectedPerStep",
    "writeBufferBytes",
    "blockCacheBytes",
    "blockBytes",
    "tableBytes",
  ] as const) {
    const value = complete[name];
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new StoreError("INVALID_ARGUMENT", `${name} is ${value}, it must be a whole number, 0 or more`);
    }
  }
  return complete;
}
