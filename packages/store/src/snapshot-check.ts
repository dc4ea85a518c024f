import { createHash } from "node:crypto";
import { SNAPSHOT_HEAD_FORMAT, decodeCheckpoint } from "./checkpoint-file.js";
import type { Checkpoint } from "./checkpoint-file.js";
import { StoreCorruptError } from "./errors.js";
import { SnapshotDamagedError, decodeChunk, eachRecord } from "./snapshot-chunk.js";
import type { ChunkKind } from "./snapshot-chunk.js";
import { decodeEnd } from "./snapshot-reader.js";
import { travels } from "./snapshot-records.js";

/** Judges the chunks of one snapshot as they come, wherever from: that each is whole, in its place, and none is missing (S10). */
export class SnapshotCheck {
  readonly #hash = createHash("sha256");
  #next = 0;
  #records = 0;
  #lastKey: Buffer | null = null;
  /** The pieces of the head that came so far; empty once it is whole. */
  #pieces: Buffer[] = [];
  #head: Checkpoint | null = null;
  #digest: Buffer | null = null;

  /** The number of the chunk that is wanted next: where a stream that was cut goes on. */
  get next(): number {
    return this.#next;
  }

  /** Records that came so far. */
  get records(): number {
    return this.#records;
  }

  /** What the snapshot is of; null until the head is whole. Its generation means nothing. */
  get head(): Checkpoint | null {
    return this.#head;
  }

  /** The last chunk came, and everything before it. */
  get complete(): boolean {
    return this.#digest !== null;
  }

  /** SHA-256 of all chunks but the last one; null until that came. */
  get digest(): Buffer | null {
    return this.#digest;
  }

  /**
   * Takes the chunk with the number `next`, and calls `take` with each of its records, as views of it.
   * @throws {SnapshotDamagedError} it is not that chunk, whole: nothing may come behind it.
   */
  add(bytes: Buffer, take: (key: Buffer, value: Buffer) => void): ChunkKind {
    const { kind, number, body } = decodeChunk(bytes);
    if (number !== this.#next) throw new SnapshotDamagedError(`chunk ${this.#next}`, `chunk ${number}`);
    const inHead = this.#head === null;
    if ((kind === "head" && !inHead) || (kind !== "head" && number === 0)) {
      throw new SnapshotDamagedError("the head first, and nowhere else", `${kind} as chunk ${number}`);
    }
    if (kind === "head") this.#pieces.push(Buffer.from(body));
    else {
      this.#head ??= decodeHead(Buffer.concat(this.#pieces));
      this.#pieces = [];
      if (kind === "records") this.#eachRecord(body, take);
      else this.#end(body);
    }
    this.#hash.update(bytes);
    this.#next += 1;
    return kind;
  }

  #eachRecord(body: Buffer, take: (key: Buffer, value: Buffer) => void): void {
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
      take(key, value);
    });
    // A copy, so that the chunk that it lies in can go.
    if (this.#lastKey !== null) this.#lastKey = Buffer.from(this.#lastKey);
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
    this.#digest = digest;
  }
}

function decodeHead(body: Buffer): Checkpoint {
  try {
    return decodeCheckpoint(body, "the snapshot's head", SNAPSHOT_HEAD_FORMAT);
  } catch (error) {
    if (!(error instanceof StoreCorruptError)) throw error;
    throw new SnapshotDamagedError(error.expected, error.found, { cause: error });
  }
}

function shown(key: Buffer): string {
  return key.subarray(0, 64).toString("hex");
}
