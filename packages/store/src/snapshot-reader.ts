import { createHash } from "node:crypto";
import { SNAPSHOT_HEAD_FORMAT, encodeCheckpoint } from "./checkpoint-file.js";
import type { SmallState } from "./checkpoint-file.js";
import { invariant } from "./errors.js";
import type { Position } from "./position.js";
import { CHUNK_BYTES_TARGET, encodeChunk, encodeRecords } from "./snapshot-chunk.js";
import { SnapshotRecords } from "./snapshot-records.js";
import type { SnapshotSource } from "./snapshot-records.js";

const RECORDS_PER_CHUNK_MAX = 4_096;

/**
 * The stream of a snapshot: the store as it stood at one applied index, while writes go on (S10). LevelDB keeps what the
 * iterator was opened on, and memory what was not settled, so a reader costs both for as long as it is open: close it.
 *
 * Chunks are made in order, once. One that was handed out is kept until `release`, so that a receiver whose
 * connection was cut can go on where it was.
 */
export class SnapshotReader {
  /** What the stream is of. */
  readonly position: Position;
  readonly #source: SnapshotRecords;
  readonly #hash = createHash("sha256");
  readonly #kept = new Map<number, Buffer>();
  readonly #headMade: Promise<void>;
  /** What is left of the head to be sent. */
  #head: Buffer = Buffer.alloc(0);
  #made = 0;
  #released = 0;
  #records = 0;
  #ended = false;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;
  #failure: Error | null = null;

  /**
   * LevelDB has every change up to `position`, and nothing behind it, at the moment of the call, and `state` is what comes out of the small
   * state of that moment.
   */
  constructor(source: SnapshotSource, position: Position, state: Promise<SmallState>) {
    this.position = position;
    this.#source = new SnapshotRecords(source, CHUNK_BYTES_TARGET);
    this.#headMade = state
      // Of this replica alone: where its data is, and how far it is with removing what the floor made useless (S4).
      .then((pieces) =>
        encodeCheckpoint({ ...position, state: pieces, generation: 0, collected: 0 }, SNAPSHOT_HEAD_FORMAT),
      )
      .then((head) => void (this.#head = head));
    // Told to who asks for a chunk.
    this.#headMade.catch(() => undefined);
  }

  /**
   * The chunk with this number; null behind the last one.
   * @throws errors of LevelDB, also when the store was closed meanwhile.
   */
  chunk(number: number): Promise<Buffer | null> {
    const got = this.#last.then(() => this.#chunk(number));
    this.#last = got.catch((error: unknown) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    });
    return got;
  }

  /** Chunks below `number` will not be asked for again. */
  release(number: number): void {
    for (; this.#released < Math.min(number, this.#made); this.#released += 1) {
      this.#kept.delete(this.#released);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#last;
    this.#kept.clear();
    await this.#source.close();
  }

  async #chunk(number: number): Promise<Buffer | null> {
    invariant(number >= this.#released, "a chunk that was released is not asked for again");
    // What was read before the error is lost: a stream that went on would lack it, and be called whole.
    if (this.#failure !== null) throw this.#failure;
    while (number >= this.#made && !this.#ended && !this.#closed) {
      const chunk = await this.#make();
      this.#kept.set(this.#made, chunk);
      this.#made += 1;
    }
    return this.#kept.get(number) ?? null;
  }

  async #make(): Promise<Buffer> {
    await this.#headMade;
    if (this.#head.length > 0) {
      const piece = this.#head.subarray(0, CHUNK_BYTES_TARGET);
      this.#head = this.#head.subarray(CHUNK_BYTES_TARGET);
      return this.#hashed(encodeChunk("head", this.#made, piece));
    }
    const records = await this.#source.next(RECORDS_PER_CHUNK_MAX);
    if (records.length === 0) return this.#end();
    this.#records += records.length;
    return this.#hashed(encodeRecords(this.#made, records));
  }

  #hashed(chunk: Buffer): Buffer {
    this.#hash.update(chunk);
    return chunk;
  }

  #end(): Buffer {
    this.#ended = true;
    return encodeChunk("end", this.#made, encodeEnd(this.#records, this.#hash.digest()));
  }
}

const END_BYTES = 8 + 32;

/** How many records there were (8 bytes), and SHA-256 of all chunks before. */
function encodeEnd(records: number, digest: Buffer): Buffer {
  const body = Buffer.allocUnsafe(END_BYTES);
  body.writeBigUInt64LE(BigInt(records), 0);
  body.set(digest, 8);
  return body;
}

/** Null when the body is none. */
export function decodeEnd(body: Buffer): { readonly records: number; readonly digest: Buffer } | null {
  if (body.length !== END_BYTES) return null;
  return { records: Number(body.readBigUInt64LE(0)), digest: body.subarray(8) };
}
