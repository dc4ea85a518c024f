import type {
  Database,
  DatabaseBatch,
  DatabaseIterator,
  IteratorOptions,
  LevelDatabase,
  Records,
} from "./database.js";
import { invariant } from "./errors.js";
import { EMPTY_RANGE, LATEST_BEGIN, isOfLatest } from "./record-keys.js";
import type { SortedTables } from "./tables/sorted-tables.js";

/**
 * LevelDB and the tables of the latest versions, used as one.
 *
 * Changes ascend: LevelDB moves their tables down and never merges them, as cheaply as can be. Latest versions come in the order of
 * their keys over all there are, each time anew, which is the most that a LevelDB can be asked for; see SortedTables.
 *
 * A batch is of one of both: nothing is written to both at once, and a power loss can take from each what it leaves of the other (S1).
 */
export class SplitDatabase implements Database {
  readonly #changes: LevelDatabase;
  readonly #latest: SortedTables;

  constructor(changes: LevelDatabase, latest: SortedTables) {
    this.#changes = changes;
    this.#latest = latest;
  }

  get location(): string {
    return this.#changes.location;
  }

  batch(): DatabaseBatch {
    return new SplitBatch((key) => this.#of(key));
  }

  getSync(key: Buffer): Buffer | undefined {
    return this.#of(key).getSync(key);
  }

  async getMany(keys: Buffer[]): Promise<(Buffer | undefined)[]> {
    const [first] = keys;
    if (first === undefined) return [];
    const one = this.#of(first);
    for (const key of keys)
      invariant(this.#of(key) === one, "keys that are looked up together are of one kind");
    return one.getMany(keys);
  }

  iterator(options: IteratorOptions): DatabaseIterator {
    if (isOfLatest(options.gte)) return this.#latest.iterator(options);
    if (options.lt.compare(LATEST_BEGIN) <= 0) return this.#changes.iterator(options);
    invariant(!options.reverse, "a range over both kinds is read in ascending order");
    const changes = this.#changes.iterator({ ...options, lt: LATEST_BEGIN });
    return new SplitIterator(changes, this.#latest.iterator({ ...options, gte: LATEST_BEGIN }));
  }

  approximateSize(start: Buffer, end: Buffer): Promise<number> {
    return this.#of(start).approximateSize(start, end);
  }

  flushChanges(): Promise<void> {
    return this.#changes.compactRange(EMPTY_RANGE.start, EMPTY_RANGE.end);
  }

  flushLatest(): Promise<void> {
    return this.#latest.flush();
  }

  async close(): Promise<void> {
    try {
      await this.#latest.close();
    } finally {
      await this.#changes.close();
    }
  }

  #of(key: Buffer): Records {
    return isOfLatest(key) ? this.#latest : this.#changes;
  }
}

class SplitBatch implements DatabaseBatch {
  readonly #of: (key: Buffer) => Records;
  #database: Records | null = null;
  #batch: DatabaseBatch | null = null;

  constructor(of: (key: Buffer) => Records) {
    this.#of = of;
  }

  put(key: Buffer, value: Buffer): void {
    this.#batchOf(key).put(key, value);
  }

  del(key: Buffer): void {
    this.#batchOf(key).del(key);
  }

  async write(options: { sync: boolean }): Promise<void> {
    await this.#batch?.write(options);
  }

  async close(): Promise<void> {
    await this.#batch?.close();
  }

  #batchOf(key: Buffer): DatabaseBatch {
    const database = this.#of(key);
    this.#database ??= database;
    invariant(database === this.#database, "a batch is of latest versions or of others");
    this.#batch ??= database.batch();
    return this.#batch;
  }
}

/** The records of the one, then those of the other, which come later in the order of keys. Both are of the same moment. */
class SplitIterator implements DatabaseIterator {
  readonly #changes: DatabaseIterator;
  readonly #latest: DatabaseIterator;
  #changesEnded = false;

  constructor(changes: DatabaseIterator, latest: DatabaseIterator) {
    this.#changes = changes;
    this.#latest = latest;
  }

  async nextv(count: number): Promise<[Buffer, Buffer][]> {
    if (!this.#changesEnded) {
      const entries = await this.#changes.nextv(count);
      if (entries.length > 0) return entries;
      this.#changesEnded = true;
    }
    return this.#latest.nextv(count);
  }

  async close(): Promise<void> {
    await this.#changes.close();
    await this.#latest.close();
  }
}
