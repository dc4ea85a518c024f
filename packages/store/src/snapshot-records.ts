import type { Database, DatabaseIterator } from "./database.js";
import { encodeLatest } from "./record.js";
import { latestKey } from "./record-keys.js";
import type { Unsettled } from "./unsettled.js";
import type { Version } from "./version.js";

/** What a snapshot carries: all kinds of records but the barrier, which says nothing (see record-keys.ts). */
const LATEST = 0x4c; // L
const KINDS: readonly number[] = [0x41, 0x48, LATEST]; // A, H, L

/** From the first to the last kind; the barrier lies in between and is passed over. */
const RECORD_RANGE = {
  gte: Buffer.from([Math.min(...KINDS)]),
  lt: Buffer.from([Math.max(...KINDS) + 1]),
} as const;
const ALL_KEYS = { start: new Uint8Array(0), end: null } as const;

export function travels(key: Buffer): boolean {
  return KINDS.includes(key[0] ?? 0);
}

type SnapshotRecord = [key: Buffer, record: Buffer];

export interface SnapshotSource {
  readonly database: Database;
  readonly unsettled: Unsettled;
  readonly inlineValueBytesMax: number;
}

/**
 * All records of the moment at which it is created, in order: those of LevelDB, and in place of the `L` records that it has
 * not got, what they will be. `L` records are the last kind.
 */
export class SnapshotRecords {
  readonly #iterator: DatabaseIterator;
  readonly #bytesMax: number;
  readonly #inlineValueBytesMax: number;
  readonly #unsettled: readonly Version[];
  #unsettledAt = 0;
  #read: SnapshotRecord[] = [];
  #readAt = 0;
  #readEnded = false;

  /** A single call of `next` gives about `bytesMax`, or one larger record. */
  constructor({ database, unsettled, inlineValueBytesMax }: SnapshotSource, bytesMax: number) {
    this.#iterator = database.iterator({ ...RECORD_RANGE, reverse: false, highWaterMarkBytes: bytesMax });
    this.#bytesMax = bytesMax;
    this.#unsettled = unsettled.in(ALL_KEYS);
    this.#inlineValueBytesMax = inlineValueBytesMax;
  }

  /** The next records, at most `max`; none at the end. */
  async next(max: number): Promise<SnapshotRecord[]> {
    const records: SnapshotRecord[] = [];
    for (let bytes = 0; records.length < max && bytes < this.#bytesMax;) {
      if (!this.#readEnded && this.#readAt === this.#read.length) {
        this.#read = (await this.#iterator.nextv(max)).filter(([key]) => travels(key));
        this.#readAt = 0;
        this.#readEnded = this.#read.length === 0;
      }
      const next = this.#next();
      if (next === null) break;
      records.push(next);
      bytes += next[0].length + next[1].length;
    }
    return records;
  }

  async close(): Promise<void> {
    await this.#iterator.close();
  }

  /** The lesser of the two sources' next records; where they are of one key, memory is newer. */
  #next(): SnapshotRecord | null {
    const record = this.#read[this.#readAt];
    const unsettled = this.#unsettled[this.#unsettledAt];
    if (unsettled === undefined || (record !== undefined && record[0][0] !== LATEST)) {
      this.#readAt += 1;
      return record ?? null;
    }
    const name = record?.[0].toString("latin1", 1);
    if (record !== undefined && name !== undefined && name < unsettled.key) {
      this.#readAt += 1;
      return record;
    }
    if (name === unsettled.key) this.#readAt += 1;
    this.#unsettledAt += 1;
    const key = latestKey(Buffer.from(unsettled.key, "latin1"));
    return [key, encodeLatest(unsettled, this.#inlineValueBytesMax)];
  }
}
