import { createHash } from "node:crypto";
import { decodeCheckpoint, writeIncoming } from "./checkpoint-file.js";
import type { Checkpoint } from "./checkpoint-file.js";
import { flushMemtable, putBarrier } from "./database.js";
import type { Database } from "./database.js";
import { StoreCorruptError, invariant } from "./errors.js";
import { createNextGeneration, databasePath } from "./generations.js";
import { REAL_DISK, storeOptions } from "./options.js";
import type { StoreDisk, StoreOptions } from "./options.js";
import { SnapshotDamagedError, decodeChunk, eachRecord } from "./snapshot-chunk.js";
import { decodeEnd } from "./snapshot-reader.js";
import { travels } from "./snapshot-records.js";

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
  readonly #hash = createHash("sha256");
  #next = 0;
  #records = 0;
  #lastKey: Buffer | null = null;
  /** The pieces of the head that came so far; empty once it is whole. */
  #pieces: Buffer[] = [];
  #head: Checkpoint | null = null;
  #complete = false;
  #closed = false;

  constructor(target: Target) {
    this.#target = target;
  }

  /** The number of the chunk that is wanted next: where a stream that was cut goes on. */
  get next(): number {
    return this.#next;
  }

  /** The last chunk was taken in. */
  get complete(): boolean {
    return this.#complete;
  }

  /**
   * Takes in the chunk with the number `next`.
   * @throws {SnapshotDamagedError} it is not that chunk, whole: `abort`, and begin anew.
   */
  async add(bytes: Buffer): Promise<void> {
    invariant(!this.#complete && !this.#closed, "chunks are added until the last one came");
    const { kind, number, body } = decodeChunk(bytes);
    if (number !== this.#next) throw new SnapshotDamagedError(`chunk ${this.#next}`, `chunk ${number}`);
    const inHead = this.#head === null;
    if ((kind === "head" && !inHead) || (kind !== "head" && number === 0)) {
      throw new SnapshotDamagedError("the head first, and nowhere else", `${kind} as chunk ${number}`);
    }
    if (kind === "head") this.#pieces.push(Buffer.from(body));
    else {
      this.#head ??= decodeHead(Buffer.concat(this.#pieces), this.#target.generation);
      this.#pieces = [];
      if (kind === "records") await this.#write(body);
      else this.#end(body);
    }
    this.#hash.update(bytes);
    this.#next += 1;
  }

  /**
   * Makes everything that was taken in durable, and says beside the D file that it is whole. Closes LevelDB.
   * Returns what the store will be at once the snapshot is installed.
   */
  async finish(): Promise<Checkpoint> {
    const { database, directory, disk } = this.#target;
    const head = this.#head;
    invariant(this.#complete && head !== null, "a snapshot is finished when its last chunk came");
    await flushMemtable(database);
    // The flush keeps its errors to itself; this write reports them (S2).
    const barrier = database.batch();
    putBarrier(barrier);
    await barrier.write({ sync: true });
    await disk.fileSystem.syncDirectory(database.location);
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

  async #write(body: Buffer): Promise<void> {
    const batch = this.#target.database.batch();
    try {
      eachRecord(body, (key, value) => {
        if (!travels(key)) throw new SnapshotDamagedError("a record's key", `0x${shown(key)}`);
        if (this.#lastKey !== null && this.#lastKey.compare(key) >= 0) {
          throw new SnapshotDamagedError(
            `a key behind 0x${shown(this.#lastKey)}`,
            `0x${shown(key)}: records come in order`,
          );
        }
        this.#lastKey = key;
        this.#records += 1;
        batch.put(key, value);
      });
    } catch (error) {
      await batch.close();
      throw error;
    }
    // A copy, so that the chunk that it lies in can go.
    if (this.#lastKey !== null) this.#lastKey = Buffer.from(this.#lastKey);
    await batch.write({ sync: false });
  }

  #end(body: Buffer): void {
    const end = decodeEnd(body);
    const digest = this.#hash.copy().digest();
    if (end === null || !end.digest.equals(digest) || end.records !== this.#records) {
      throw new SnapshotDamagedError(
        end === null
          ? "the end of a snapshot"
          : `${end.records} records, SHA-256 ${end.digest.toString("hex")}`,
        `${this.#records} records, SHA-256 ${digest.toString("hex")}`,
      );
    }
    this.#complete = true;
  }
}

function decodeHead(body: Buffer, generation: number): Checkpoint {
  try {
    return { ...decodeCheckpoint(body, "the snapshot's head"), generation };
  } catch (error) {
    if (!(error instanceof StoreCorruptError)) throw error;
    throw new SnapshotDamagedError(error.expected, error.found, { cause: error });
  }
}

function shown(key: Buffer): string {
  return key.subarray(0, 64).toString("hex");
}
