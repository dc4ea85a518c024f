import type { Database, DatabaseIterator } from "./database.js";
import type { History } from "./history.js";
import type { KeyRange } from "./key-range.js";
import { decodeRecord } from "./record.js";
import { keyOfLatest, latestIn } from "./record-keys.js";
import type { Unsettled } from "./unsettled.js";
import type { UnsettledScan } from "./unsettled-scan.js";
import type { Version } from "./version.js";
import type { WriteQueue } from "./write-queue.js";

/** Keys that a scan goes on by in one turn of the event loop: a millisecond or two (C5). */
const KEYS_PER_TURN = 256;
const REST_MS = 1;
const READ_AHEAD_BYTES = 256 * 1024;

export type Order = "ascending" | "descending";

/** Where scans read. */
export interface ScanSource {
  readonly database: Database;
  readonly queue: WriteQueue;
  readonly unsettled: Unsettled;
  readonly history: History;
}

export interface ScannedKey {
  readonly key: Buffer;
  /** A deletion included. */
  readonly latest: Version;
}

/**
 * The keys in a range, each with its latest version as of when the scan was created or with a later one: LevelDB's as of then, under what was not
 * settled yet. Nothing has to be written out first. Whoever wants that moment goes back to its revision (see `History`), and
 * passes over the keys that are newer.
 */
export class LatestScan {
  readonly #location: string;
  readonly #iterator: DatabaseIterator;
  readonly #descending: boolean;
  readonly #unsettled: UnsettledScan;
  #records: readonly [Buffer, Buffer][] = [];
  #recordsAt = 0;
  #recordsEnded = false;

  constructor(source: ScanSource, range: KeyRange, order: Order = "ascending") {
    const { database, unsettled } = source;
    this.#location = database.location;
    this.#descending = order === "descending";
    this.#iterator = database.iterator({
      ...latestIn(range),
      reverse: this.#descending,
      highWaterMarkBytes: READ_AHEAD_BYTES,
    });
    this.#unsettled = unsettled.scan(range, order);
  }

  /** The next keys, at most `max` of them and no more than one turn bears; none at the end. */
  async next(max: number = KEYS_PER_TURN): Promise<ScannedKey[]> {
    const count = Math.min(max, KEYS_PER_TURN);
    if (this.#recordsEnded || this.#recordsAt < this.#records.length) await nextTurn();
    const keys: ScannedKey[] = [];
    while (keys.length < count) {
      if (!this.#recordsEnded && this.#recordsAt === this.#records.length) {
        this.#records = await this.#iterator.nextv(count);
        this.#recordsAt = 0;
        this.#recordsEnded = this.#records.length === 0;
      }
      const next = this.#nextKey();
      if (next === null) break;
      keys.push(next);
    }
    return keys;
  }

  async close(): Promise<void> {
    await this.#iterator.close();
  }

  /** The lesser of the two sources' next keys in the order of the scan; where they are one, memory is newer. */
  #nextKey(): ScannedKey | null {
    const unsettled = this.#unsettled.head();
    const record = this.#records[this.#recordsAt];
    if (record === undefined) return unsettled === null ? null : this.#takeUnsettled(unsettled);
    const key = keyOfLatest(record[0]);
    const name = key.toString("latin1");
    if (unsettled !== null) {
      if (unsettled.key === name) {
        this.#recordsAt += 1;
        return this.#takeUnsettled(unsettled);
      }
      if (unsettled.key < name !== this.#descending) return this.#takeUnsettled(unsettled);
    }
    this.#recordsAt += 1;
    return { key, latest: decodeRecord(name, record[1], this.#location) };
  }

  #takeUnsettled(latest: Version): ScannedKey {
    this.#unsettled.pass(latest.key);
    return { key: Buffer.from(latest.key, "latin1"), latest };
  }
}

/**
 * Lets the event loop do what waits, and what comes within a millisecond: for work that nobody waits for. Turns without a pause would take what
 * arrives in smaller batches, each of which costs as much as a larger one.
 */
export function rested(ms: number = REST_MS): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Lets the event loop do what waits. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
