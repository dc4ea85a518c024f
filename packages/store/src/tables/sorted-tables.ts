import type { DatabaseBatch, DatabaseIterator, IteratorOptions, Records } from "../database.js";
import { StoreClosedError, StoreCorruptError, StoreOpenError } from "../errors.js";
import type { FileSystem } from "../file-system.js";
import { nextTurn, rested } from "../latest-scan.js";
import { EntryList, findEntry } from "./entries.js";
import { hashKey } from "./key-order.js";
import { isTableName, readManifest, tablePath, writeManifest } from "./manifest.js";
import { planMerge } from "./merge-plan.js";
import { mergeTables } from "./merge-tables.js";
import { Table } from "./table.js";
import { writeTable } from "./table-writer.js";
import type { TableSize } from "./table-writer.js";
import { TableIterator } from "./table-iterator.js";
import type { TablesView } from "./table-iterator.js";

/** So long one turn of the event loop looks up keys (C5). By time, since one that is not in the page cache takes as long as hundreds that are. */
const LOOKUP_MS = 1;
/** With so many, writers wait until some were merged. */
const TABLES_MAX = 64;
/** A merge rests behind each of its turns for so long, and a millisecond less for every so many tables: with 48 not at all. */
const REST_MS_MAX = 4;
const TABLES_PER_REST_MS = 12;

export interface TablesOptions {
  /** What is in memory only is written as a table when it takes more. */
  readonly writeBufferBytes: number;
  /** There must be none, or there must be some. */
  readonly create: boolean;
}

/**
 * Records in tables that never change, each in the order of keys: what is written waits in memory until it is flushed as one more table, and
 * tables of about one size are merged into one (O'Neil et al., "The log-structured merge-tree", 1996). There is no log: what was
 * not flushed is lost with the process. What was flushed is there in the order in which it was, never without what came before it.
 *
 * LevelDB keeps each of its levels ten times as large as the one before, and merges what comes into one with all that it overlaps there. Where keys
 * come at random that is everything: of 10,000,000 latest versions each was written again some twenty times, ten microseconds of CPU for
 * every put. Here it is three times. docs/storage-format.md has the bytes.
 */
export class SortedTables implements Records {
  readonly location: string;
  readonly #fileSystem: FileSystem;
  readonly #writeBufferBytes: number;
  /** The newest of all. */
  #memory = new EntryList();
  /** What is being written as a table. */
  #flushing: EntryList | null = null;
  /** Newest first. */
  #tables: readonly Table[];
  #next: number;
  /** Tables and the manifest change one step after the other. */
  #lastStep: Promise<unknown> = Promise.resolve();
  #merging: Promise<void> | null = null;
  #isClosed = false;
  /** A step failed: nobody knows what is on the disk, so nothing more is written (S9). */
  #failure: Error | null = null;

  private constructor(location: string, fileSystem: FileSystem, options: TablesOptions, opened: Opened) {
    this.location = location;
    this.#fileSystem = fileSystem;
    this.#writeBufferBytes = options.writeBufferBytes;
    this.#tables = opened.tables;
    this.#next = opened.next;
  }

  /**
   * @throws {StoreCorruptError} there are none and must be, or they are not what was written.
   * @throws {StoreOpenError} there are some and must not be.
   */
  static async open(location: string, options: TablesOptions, fileSystem: FileSystem): Promise<SortedTables> {
    await fileSystem.makeDirectory(location);
    const manifest = await readManifest(fileSystem, location);
    if (manifest === null && !options.create)
      throw new StoreCorruptError(location, "the tables that the checkpoint names", "none");
    if (manifest !== null && options.create) throw new StoreOpenError(location, "there are tables in it");
    // A process that was killed behind the rename left a name that may be in memory only (W11).
    await fileSystem.syncDirectory(location);
    const kept = manifest?.tables ?? [];
    const names = new Set(kept.map(({ number }) => tablePath(location, number)));
    for (const name of await fileSystem.list(location)) {
      const number = Number.parseInt(name, 10);
      if (isTableName(name) && !names.has(tablePath(location, number)))
        await fileSystem.remove(tablePath(location, number));
    }
    const tables: Table[] = [];
    try {
      for (const table of kept)
        tables.unshift(await Table.open(fileSystem, tablePath(location, table.number), table));
      const opened = { tables, next: manifest?.next ?? 1 };
      const sorted = new SortedTables(location, fileSystem, options, opened);
      if (manifest === null) await sorted.#writeManifest(tables);
      sorted.#mergeWhatIsDue();
      return sorted;
    } catch (error) {
      for (const table of tables) await table.release();
      throw error;
    }
  }

  batch(): DatabaseBatch {
    const list = new EntryList();
    return {
      put: (key, value) => list.put(key, value),
      del: (key) => list.put(key, null),
      write: ({ sync }) => this.#write(list, sync),
      close: () => Promise.resolve(),
    };
  }

  getSync(key: Buffer): Buffer | undefined {
    return find(this.#view(), key);
  }

  async getMany(keys: Buffer[]): Promise<(Buffer | undefined)[]> {
    const view = this.#retainedView();
    try {
      const found: (Buffer | undefined)[] = [];
      let until = 0;
      for (const key of keys) {
        if (performance.now() >= until) {
          await nextTurn();
          until = performance.now() + LOOKUP_MS;
        }
        found.push(find(view, key));
      }
      return found;
    } finally {
      await releaseView(view);
    }
  }

  iterator(options: IteratorOptions): DatabaseIterator {
    const view = this.#retainedView();
    return new TableIterator(view, options, () => releaseView(view));
  }

  approximateSize(start: Buffer, end: Buffer): Promise<number> {
    let bytes = 0;
    for (const table of this.#tables) {
      const [from, to] = [Math.max(0, table.blockOf(start)), table.blockOf(end) + 1];
      if (from < to) bytes += table.blockStart(to) - table.blockStart(from);
    }
    return Promise.resolve(bytes);
  }

  /** Makes everything that was written before the call durable. */
  async flush(): Promise<void> {
    // Another may have opened what lies there by then, or removed it.
    if (this.#isClosed) throw new StoreClosedError();
    await this.#step(() => this.#flush());
    // Not until all is merged, which may be gigabytes: only until there are fewer.
    while (this.#tables.length > TABLES_MAX && this.#merging !== null) await rested();
  }

  /** Waits for what is under way, gives up a merge, and leaves what was not flushed. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#merging;
    await this.#lastStep.catch(() => undefined);
    for (const table of this.#tables) await table.release();
  }

  async #write(list: EntryList, sync: boolean): Promise<void> {
    if (this.#isClosed) throw new StoreClosedError();
    if (this.#failure !== null) throw this.#failure;
    list.sort();
    this.#memory.addAll(list);
    if (sync || this.#memory.byteLength > this.#writeBufferBytes) await this.flush();
  }

  /** One after the other; once one failed, none. */
  #step<Result>(step: () => Promise<Result>): Promise<Result> {
    const done = this.#lastStep.then(async () => {
      if (this.#failure !== null) throw this.#failure;
      try {
        return await step();
      } catch (error) {
        this.#failure = error instanceof Error ? error : new Error(String(error));
        throw this.#failure;
      }
    });
    this.#lastStep = done.catch(() => undefined);
    return done;
  }

  async #flush(): Promise<void> {
    if (this.#memory.count === 0) return;
    const list = this.#memory;
    this.#flushing = list;
    this.#memory = new EntryList();
    const number = this.#takeNumber();
    const size = await writeTable(this.#fileSystem, tablePath(this.location, number), list);
    await this.#take({ number, ...size }, (table) => [table, ...this.#tables]);
    this.#flushing = null;
    this.#mergeWhatIsDue();
  }

  /** Merges in the background as long as there is something to merge. */
  #mergeWhatIsDue(): void {
    this.#merging ??= this.#merge(null)
      // The next write reports it.
      .catch(
        (error: unknown) =>
          void (this.#failure ??= error instanceof Error ? error : new Error(String(error))),
      )
      .finally(() => void (this.#merging = null));
  }

  /** Merges what is due, of the tables that are newer than `oldest` where that is given: these are smaller, and go before it. */
  async #merge(oldest: Table | null): Promise<void> {
    for (;;) {
      const tables = oldest === null ? this.#tables : this.#tables.slice(0, this.#tables.indexOf(oldest));
      const plan = planMerge(tables.map(({ size }) => size));
      if (plan === null || this.#isStopped) return;
      const merged = tables.slice(plan.from, plan.to);
      const isLast = oldest === null && plan.to === tables.length;
      if (!(await this.#hasRoomFor(merged))) return;
      const number = this.#takeNumber();
      const path = tablePath(this.location, number);
      const pause = (): Promise<boolean> => this.#pause(merged[0] ?? null);
      const size = await mergeTables(this.#fileSystem, { tables: merged, path, isLast, pause });
      if (size === null) await this.#fileSystem.remove(path);
      else await this.#step(() => this.#replace(merged, { number, ...size }));
    }
  }

  /**
   * A merge takes a twentieth of the event loop, and more only where tables pile up. A large one takes minutes, in which the newer tables would become so
   * many that writers wait for its end: so it waits for the smaller ones that are due meanwhile.
   */
  async #pause(newest: Table | null): Promise<boolean> {
    const restMs = REST_MS_MAX - Math.floor(this.#tables.length / TABLES_PER_REST_MS);
    await (restMs > 0 ? rested(restMs) : nextTurn());
    if (this.#tables[0] !== newest) await this.#merge(newest);
    return !this.#isStopped;
  }

  /**
   * A merge needs as much room again as its tables have, and ENOSPC would be the end of the node (W12). It may take half of what is
   * free; the others wait for room, and are looked at again with the next flush.
   */
  async #hasRoomFor(tables: readonly Table[]): Promise<boolean> {
    const bytes = tables.reduce((sum, { size }) => sum + size.bytes, 0);
    return 2 * bytes <= (await this.#fileSystem.freeBytes(this.location));
  }

  get #isStopped(): boolean {
    return this.#isClosed || this.#failure !== null;
  }

  /** Puts one table in the place of several neighbours, none of which is newer than what was flushed meanwhile. */
  async #replace(merged: readonly Table[], by: TableSize & { readonly number: number }): Promise<void> {
    const from = this.#tables.findIndex((found) => found === merged[0]);
    await this.#take(by, (table) => this.#tables.toSpliced(from, merged.length, table));
    for (const old of merged) await old.release();
    for (const old of merged) await this.#fileSystem.remove(old.path);
  }

  /** Makes a table that was written, whose name need not be durable yet, one of those that count. */
  async #take(
    written: TableSize & { readonly number: number },
    placed: (table: Table) => readonly Table[],
  ): Promise<void> {
    await this.#fileSystem.syncDirectory(this.location);
    const table = await Table.open(this.#fileSystem, tablePath(this.location, written.number), written);
    try {
      const tables = placed(table);
      await this.#writeManifest(tables);
      this.#tables = tables;
    } catch (error) {
      await table.release();
      throw error;
    }
  }

  #takeNumber(): number {
    this.#next += 1;
    return this.#next - 1;
  }

  async #writeManifest(tables: readonly Table[]): Promise<void> {
    const listed = tables.map(({ number, size: { bytes, entries } }) => ({ number, bytes, entries }));
    await writeManifest(this.#fileSystem, this.location, { next: this.#next, tables: listed.reverse() });
  }

  #view(): TablesView {
    if (this.#isClosed) throw new StoreClosedError();
    const memory = [this.#memory.view()];
    if (this.#flushing !== null) memory.push(this.#flushing.view());
    return { memory, tables: this.#tables };
  }

  #retainedView(): TablesView {
    const view = this.#view();
    for (const table of view.tables) table.retain();
    return view;
  }
}

interface Opened {
  /** Newest first. */
  readonly tables: readonly Table[];
  readonly next: number;
}

async function releaseView({ tables }: TablesView): Promise<void> {
  for (const table of tables) await table.release();
}

function find({ memory, tables }: TablesView, key: Buffer): Buffer | undefined {
  for (const entries of memory) {
    const found = findEntry(entries, key);
    if (found !== undefined) return found === null ? undefined : Buffer.from(found);
  }
  if (tables.length === 0) return undefined;
  const hash = hashKey(key, 0, key.length);
  for (const table of tables) {
    const found = table.get(key, hash);
    if (found !== undefined) return found ?? undefined;
  }
  return undefined;
}
