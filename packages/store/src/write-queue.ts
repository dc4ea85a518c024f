import { putBarrier } from "./database.js";
import type { Database, DatabaseBatch } from "./database.js";
import { invariant } from "./errors.js";
import type { Version } from "./version.js";

/**
 * A batch that need not be synced starts once it holds this much, or after this long. Handing a write to another thread
 * costs the event loop 30 to 60 µs, as much as a dozen puts; nobody waits for it, since memory has the changes.
 */
const WRITE_BYTES_MIN = 128 * 1024;
const WRITE_DELAY_MS = 10;

/** Whole entries that go to LevelDB as one batch (S5). */
class Group {
  readonly batch: DatabaseBatch;
  readonly changes: Version[] = [];
  bytes = 0;
  sync = false;
  /** Settled when LevelDB has the batch; made when somebody waits. */
  done: Promise<void> | null = null;
  settle: ((error: Error | null) => void) | null = null;

  constructor(batch: DatabaseBatch) {
    this.batch = batch;
  }

  whenDone(): Promise<void> {
    this.done ??= new Promise((resolve, reject) => {
      this.settle = (error) => (error === null ? resolve() : reject(error));
    });
    return this.done;
  }
}

/**
 * The one way into LevelDB: one batch at a time, in order (S5). What is handed over while a batch is being written, or
 * shortly after one, goes into the next one. Readers need not wait for any of it: the latest versions are in memory
 * already, and the changes that LevelDB has not got are found here.
 */
export class WriteQueue {
  readonly #database: Database;
  readonly #unwrittenBytesMax: number;
  /** Told when a write failed; set by the store before it writes anything. */
  onFailure: (error: Error) => void = () => undefined;
  #filling: Group | null = null;
  #writing: Group | null = null;
  /** No entry's; go before what is being filled, in their order. */
  readonly #aside: Group[] = [];
  /** Between `open` and `handOver` the filling group may end in half an entry. */
  #entryOpen = false;
  #writtenRevision: number;
  #failure: Error | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(database: Database, options: { revision: number; unwrittenBytesMax: number }) {
    this.#database = database;
    this.#writtenRevision = options.revision;
    this.#unwrittenBytesMax = options.unwrittenBytesMax;
  }

  /** LevelDB has every change up to this revision. */
  get writtenRevision(): number {
    return this.#writtenRevision;
  }

  get unwrittenBytes(): number {
    return (this.#filling?.bytes ?? 0) + (this.#writing?.bytes ?? 0);
  }

  /** Nothing is written to LevelDB until `handOver`, so that it never gets a part of an entry. */
  open(): void {
    invariant(!this.#entryOpen, "entries are handed over before others are begun (S5)");
    this.#entryOpen = true;
  }

  put(key: Buffer, record: Buffer): void {
    invariant(this.#entryOpen, "a record belongs to an entry that was begun (S5)");
    this.#group().batch.put(key, record);
  }

  delete(key: Buffer): void {
    invariant(this.#entryOpen, "a record is removed by an entry that was begun (S5)");
    this.#group().batch.del(key);
  }

  /** Remembers a change for readers until LevelDB has it. */
  track(change: Version, bytes: number): void {
    const group = this.#group();
    group.changes.push(change);
    group.bytes += bytes;
  }

  /**
   * Ends what `open` began; it is written soon, or at once when `sync`. Returns null when the caller may go on at once, else a promise: of
   * the synced write when `sync`, of room when more than `unwrittenBytesMax` would be in memory only.
   */
  handOver(sync: boolean): Promise<void> | null {
    this.#entryOpen = false;
    if (this.#failure !== null) throw this.#failure;
    const group = this.#filling;
    if (group === null) return null;
    group.sync ||= sync;
    const done = sync ? group.whenDone() : null;
    this.#schedule();
    if (sync) return done;
    return this.unwrittenBytes > this.#unwrittenBytesMax ? this.#room() : null;
  }

  /** Resolves when LevelDB has everything that was handed over before the call. */
  async drained(): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    const last = (this.#filling ?? this.#aside.at(-1) ?? this.#writing)?.whenDone();
    if (this.#writing === null) this.#writeNext();
    await last;
  }

  /**
   * Hands over a batch that is no entry's and holds no change: it comes before every entry that is handed over later.
   * Resolves when LevelDB has it.
   */
  writeAside(batch: DatabaseBatch, sync: boolean): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    const group = new Group(batch);
    group.sync = sync;
    this.#aside.push(group);
    this.#schedule();
    return group.whenDone();
  }

  /**
   * Writes something with `sync: true` behind everything that was handed over, so that LevelDB's errors come out: the
   * entries that wait to be written, else a record that says nothing.
   */
  async barrier(): Promise<void> {
    invariant(!this.#entryOpen, "a barrier stands between entries (S5)");
    const group = this.#group();
    if (group.changes.length === 0) putBarrier(group.batch);
    await this.handOver(true);
  }

  /** A change that LevelDB has not got yet, if it is one of those. */
  findUnwritten(key: string, revision: number): Version | null {
    for (const change of this.unwrittenFrom(revision)) {
      if (change.modRevision !== revision) return null;
      if (change.key === key) return change;
    }
    return null;
  }

  /** The changes from a revision on that LevelDB has not got yet, in their order. */
  *unwrittenFrom(revision: number): Generator<Version, void, void> {
    for (const group of [this.#writing, this.#filling]) {
      if (group === null) continue;
      const { changes } = group;
      for (let i = firstFrom(changes, revision); i < changes.length; i++) {
        const change = changes[i];
        if (change !== undefined) yield change;
      }
    }
  }

  /** Of each key with a change that LevelDB has not got, the latest version; in no order. */
  unwrittenLatest(): Iterable<Version> {
    const latest = new Map<string, Version>();
    for (const group of [this.#writing, this.#filling]) {
      for (const change of group?.changes ?? []) latest.set(change.key, change);
    }
    return latest.values();
  }

  /** Everybody who waits now or later gets `error`. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#stopTimer();
    for (const group of [this.#writing, ...this.#aside, this.#filling]) group?.settle?.(error);
  }

  /** Gives up what was not handed over. Call it when `drained` has resolved or the store has failed. */
  async close(): Promise<void> {
    this.#stopTimer();
    await this.#filling?.batch.close();
    for (const group of this.#aside) await group.batch.close();
    this.#filling = null;
    this.#aside.length = 0;
  }

  #group(): Group {
    this.#filling ??= new Group(this.#database.batch());
    return this.#filling;
  }

  /** Starts the next batch if somebody waits for it or it is large enough, else sees to it that it starts soon. */
  #schedule(): void {
    if (this.#writing !== null) return;
    if (this.#aside.length > 0) {
      this.#writeNext();
      return;
    }
    const group = this.#filling;
    if (group === null || this.#entryOpen) return;
    const due = group.done !== null || group.bytes >= Math.min(WRITE_BYTES_MIN, this.#unwrittenBytesMax);
    if (due) this.#writeNext();
    else this.#timer ??= setTimeout(() => this.#delayPassed(), WRITE_DELAY_MS);
  }

  #delayPassed(): void {
    this.#timer = null;
    if (this.#writing === null) this.#writeNext();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #writeNext(): void {
    this.#stopTimer();
    if (this.#failure !== null) return;
    let group = this.#aside.shift() ?? null;
    if (group === null && !this.#entryOpen) {
      group = this.#filling;
      this.#filling = null;
    }
    if (group === null) return;
    this.#writing = group;
    group.batch.write({ sync: group.sync }).then(
      () => this.#written(group),
      (error: unknown) => this.onFailure(error instanceof Error ? error : new Error(String(error))),
    );
  }

  #written(group: Group): void {
    this.#writtenRevision = group.changes.at(-1)?.modRevision ?? this.#writtenRevision;
    this.#writing = null;
    group.settle?.(null);
    this.#schedule();
  }

  async #room(): Promise<void> {
    while (this.unwrittenBytes > this.#unwrittenBytesMax) {
      if (this.#writing === null) return;
      await this.#writing.whenDone();
    }
  }
}

/** Where the changes of `revision` or a later one begin, by halving: they come in the order of revisions. */
function firstFrom(changes: readonly Version[], revision: number): number {
  let low = 0;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((changes[middle]?.modRevision ?? 0) < revision) low = middle + 1;
    else high = middle;
  }
  return low;
}
