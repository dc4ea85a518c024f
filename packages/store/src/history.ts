import { stepBack } from "./ancestry.js";
import type { Database } from "./database.js";
import { StoreCorruptError } from "./errors.js";
import { decodeRecord } from "./record.js";
import { changeKey } from "./record-keys.js";
import type { Version } from "./version.js";
import type { WriteQueue } from "./write-queue.js";

/** Reads versions that are not the latest any more, from LevelDB or, when it has not got them yet, from the queue. */
export class History {
  readonly #database: Database;
  readonly #queue: WriteQueue;

  constructor(database: Database, queue: WriteQueue) {
    this.#database = database;
    this.#queue = queue;
  }

  /** The newest version at or below `revision` of the key that `latest` is of; null when it had none by then. */
  at(latest: Version, key: Buffer, revision: number): Version | null {
    let version = latest;
    while (version.modRevision > revision) {
      const older = stepBack(version, revision);
      // Before a key's first put stands its deletion, or nothing: the deletion need not be there any more (S4).
      if (older === 0 || (older <= revision && version.version === 1)) return null;
      version = this.change(version.key, key, older);
    }
    return version;
  }

  /** @throws {StoreCorruptError} there is no such change, or another one in its place. */
  change(name: string, key: Buffer, revision: number): Version {
    const { writtenRevision } = this.#queue;
    const unwritten = revision > writtenRevision ? this.#queue.findUnwritten(name, revision) : null;
    return unwritten ?? readChange(this.#database, name, key, revision);
  }

  /** The version with its value in memory: one too large for the record of the latest is read from its change. */
  withValue(version: Version, key: Buffer): Version {
    return version.valueStart < 0 ? this.change(version.key, key, version.modRevision) : version;
  }

  /** A copy of the value. */
  valueOf(version: Version, key: Buffer): Buffer {
    const { source, valueStart, valueEnd } = this.withValue(version, key);
    const value = Buffer.allocUnsafe(valueEnd - valueStart);
    source.copy(value, 0, valueStart, valueEnd);
    return value;
  }
}

/**
 * The change of a key at a revision, from LevelDB.
 * @throws {StoreCorruptError} there is none, or the record is of another revision.
 */
export function readChange(database: Database, name: string, key: Buffer, revision: number): Version {
  const version = findChange(database, name, key, revision);
  if (version === null || version.modRevision !== revision) {
    throw new StoreCorruptError(
      database.location,
      `the change of the key 0x${key.subarray(0, 64).toString("hex")} at revision ${revision}`,
      version === null ? "none" : `one of revision ${version.modRevision}`,
    );
  }
  return version;
}

/** The same, or null when there is none. */
export function findChange(database: Database, name: string, key: Buffer, revision: number): Version | null {
  const bytes = database.getSync(changeKey(revision, key));
  return bytes === undefined ? null : decodeRecord(name, bytes, database.location);
}
