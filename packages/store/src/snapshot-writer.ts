import { writeIncoming } from "./checkpoint-file.js";
import type { Checkpoint } from "./checkpoint-file.js";
import type { Database, DatabaseBatch } from "./database.js";
import { invariant } from "./errors.js";
import { createNextGeneration, databasePath } from "./generations.js";
import { makeAllDurable } from "./make-durable.js";
import { REAL_DISK, storeOptions } from "./options.js";
import type { StoreDisk, StoreOptions } from "./options.js";
import { isOfLatest } from "./record-keys.js";
import { SnapshotCheck } from "./snapshot-check.js";

/**
 * Begins to take in a snapshot beside the store in `directory`, which may be open and goes on as it is (S10).
 * @throws {StoreOpenError} LevelDB cannot be created; and errors of the file system.
 */
export async function receiveSnapshot(
  directory: string,
  options: Partial<StoreOptions> = {},
  disk: StoreDisk = REAL_DISK,
): Promise<SnapshotWriter> {
  const { database, generation } = await createNextGeneration(directory, storeOptions(options), disk);
  return new SnapshotWriter({ directory, database, generation, disk });
}

interface Target {
  readonly directory: string;
  readonly database: Database;
  readonly generation: number;
  readonly disk: StoreDisk;
}

/**
 * Takes in the chunks of one snapshot, into a LevelDB of its own: one call at a time. Nothing of it counts before
 * `finish`; and after that only once the log names it, see `settleSnapshot`.
 */
export class SnapshotWriter {
  readonly #target: Target;
  readonly #check = new SnapshotCheck();
  #closed = false;

  constructor(target: Target) {
    this.#target = target;
  }

  /** The number of the chunk that is wanted next: where a stream that was cut goes on. */
  get next(): number {
    return this.#check.next;
  }

  /** The last chunk was taken in. */
  get complete(): boolean {
    return this.#check.complete;
  }

  /**
   * Takes in the chunk with the number `next`.
   * @throws {SnapshotDamagedError} it is not that chunk, whole: `abort`, and begin anew.
   */
  async add(bytes: Buffer): Promise<void> {
    invariant(!this.complete && !this.#closed, "chunks are added until the last one came");
    const { database } = this.#target;
    /** Those of latest versions, and the others. */
    const batches = new Map<boolean, DatabaseBatch>();
    try {
      this.#check.add(bytes, (key, value) => {
        const batch = batches.get(isOfLatest(key)) ?? database.batch();
        batches.set(isOfLatest(key), batch);
        batch.put(key, value);
      });
    } catch (error) {
      for (const batch of batches.values()) await batch.close();
      throw error;
    }
    for (const batch of batches.values()) await batch.write({ sync: false });
  }

  /**
   * Makes everything that was taken in durable, and says beside the D file that it is whole. Closes LevelDB.
   * Returns what the store will be at once the snapshot is installed.
   * @param change what is to be another than where the snapshot comes from.
   */
  async finish(change: (head: Checkpoint) => Checkpoint = (same) => same): Promise<Checkpoint> {
    const { database, directory, disk, generation } = this.#target;
    invariant(this.complete && this.#check.head !== null, "a snapshot is finished when its last chunk came");
    const head = { ...change(this.#check.head), generation };
    await makeAllDurable(database, disk.fileSystem);
    await this.#close();
    await writeIncoming(disk.fileSystem, directory, head);
    return head;
  }

  /** Throws away what was taken in. */
  async abort(): Promise<void> {
    const { directory, disk, generation } = this.#target;
    await this.#close();
    await disk.fileSystem.remove(databasePath(directory, generation));
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#target.database.close();
  }
}
