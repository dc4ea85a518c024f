import type { Checkpoint } from "./checkpoint-file.js";
import { Checkpointer } from "./checkpointer.js";
import type { WhenDurable } from "./checkpointer.js";
import { hashContents } from "./contents-hash.js";
import type { Database } from "./database.js";
import {
  FutureRevisionError,
  GroupAttachedError,
  StoreClosedError,
  StoreFailedError,
  invariant,
} from "./errors.js";
import { History } from "./history.js";
import { LatestVersions } from "./latest-versions.js";
import { MutationBatch, asBuffer } from "./mutation-batch.js";
import { openAtCheckpoint } from "./open.js";
import type { OpenedDatabase } from "./open.js";
import { REAL_DISK, storeOptions } from "./options.js";
import type { StoreDisk, StoreOptions } from "./options.js";
import { isDeletion } from "./version.js";
import { WriteQueue } from "./write-queue.js";

export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** The revision that created the key: of the first put since it was last deleted. */
  readonly createRevision: number;
  /** The revision of the last put. */
  readonly modRevision: number;
  /** Counts the puts since the key was created, from 1. */
  readonly version: number;
}

export type Mutation =
  | { readonly kind: "put"; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: "delete"; readonly key: Uint8Array }
  | { readonly kind: "setState"; readonly name: string; readonly value: Uint8Array };

/** The last entry of the log that is in the store; 0 and 0 before the first. */
export interface Applied {
  readonly index: number;
  readonly term: number;
}

/** Equal on replicas that hold the same contents at `revision`. */
export interface ContentsHash {
  readonly revision: number;
  /** The applied index when the hash was asked for. */
  readonly appliedIndex: number;
  readonly hash: string;
}

const ALREADY_DURABLE: WhenDurable = () => Promise.resolve();

/** The multi-version key-value store of one group. docs/storage-format.md shows what is on disk. */
export class Store {
  readonly #options: StoreOptions;
  readonly #database: Database;
  readonly #queue: WriteQueue;
  readonly #latest: LatestVersions;
  readonly #history: History;
  readonly #checkpointer: Checkpointer;
  readonly #batch: MutationBatch;
  readonly #position: { index: number; term: number; revision: number };
  readonly #state: Map<string, Uint8Array>;
  readonly #undoneChanges: number;
  #attached = false;
  #batchOpen = false;
  #failure: StoreFailedError | null = null;
  #closing: Promise<void> | null = null;
  #lastHash: { readonly revision: number; readonly hash: Promise<string> } | null = null;

  private constructor(directory: string, opened: OpenedDatabase, options: StoreOptions, disk: StoreDisk) {
    const { database, checkpoint, generation } = opened;
    const onFailure = (error: Error): void => this.fail(error);
    const position = {
      index: checkpoint?.index ?? 0,
      term: checkpoint?.term ?? 0,
      revision: checkpoint?.revision ?? 0,
    };
    const state = new Map(checkpoint?.state);
    const marks = { recorded: position.revision, pending: null };
    const queue = new WriteQueue(database, {
      revision: position.revision,
      unwrittenBytesMax: options.unwrittenBytesMax,
      onFailure,
    });
    this.#options = options;
    this.#database = database;
    this.#queue = queue;
    this.#latest = new LatestVersions(database, options.cacheBytes, () => queue.writtenRevision);
    this.#history = new History(database, queue);
    this.#position = position;
    this.#state = state;
    this.#undoneChanges = opened.undoneChanges;
    const { fileSystem } = disk;
    this.#checkpointer = new Checkpointer(
      { directory, database, fileSystem, queue, generation, position, state, marks, onFailure },
      checkpoint,
    );
    const { inlineValueBytesMax } = options;
    this.#batch = new MutationBatch({
      latest: this.#latest,
      queue,
      marks,
      state,
      inlineValueBytesMax,
      position,
    });
  }

  /**
   * Opens the store in `directory` and returns it to its last checkpoint exactly (S3); the entries of the log behind
   * `applied` are to be applied again. Creates an empty store where there is none.
   * @throws {StoreCorruptError} what is on disk is not what was written; names file, expected and found.
   * @throws {StoreOpenError} LevelDB cannot be opened for another reason.
   */
  static async open(
    directory: string,
    options: Partial<StoreOptions> = {},
    disk: StoreDisk = REAL_DISK,
  ): Promise<Store> {
    const complete = storeOptions(options);
    return new Store(directory, await openAtCheckpoint(directory, complete, disk), complete, disk);
  }

  /** Counts the transactions that changed a key, as in etcd; 0 in an empty store. */
  get revision(): number {
    return this.#position.revision;
  }

  get applied(): Applied {
    return { index: this.#position.index, term: this.#position.term };
  }

  /** What the next opening returns to; null before the first checkpoint. The log is kept behind its index (S4). */
  get checkpointed(): Checkpoint | null {
    return this.#checkpointer.recorded;
  }

  get mode(): StoreOptions["mode"] {
    return this.#options.mode;
  }

  /** Changes after the checkpoint that opening undid. */
  get undoneChanges(): number {
    return this.#undoneChanges;
  }

  /** Bytes of changes that are in memory and in the log, but not in LevelDB yet. */
  get unwrittenBytes(): number {
    return this.#queue.unwrittenBytes;
  }

  /** Bytes that the latest versions take in memory. */
  get cachedBytes(): number {
    return this.#latest.bytes;
  }

  /**
   * Reads a key as it stood at `revision`, by default the current one; null when it was not there. The value is a copy.
   * @throws {FutureRevisionError} `revision` is above the current one (S8).
   * @throws {StoreFailedError} a write failed before (S9).
   */
  get(key: Uint8Array, options?: { readonly revision?: number }): KeyValue | null {
    this.#assertServing();
    const { revision } = this.#position;
    const asked = options?.revision ?? revision;
    if (asked > revision) throw new FutureRevisionError(asked, revision);
    const bytes = asBuffer(key);
    const latest = this.#latest.get(bytes.toString("latin1"), bytes);
    const found = latest === null ? null : this.#history.at(latest, bytes, asked);
    if (found === null || isDeletion(found)) return null;
    const { source, valueStart, valueEnd } = this.#history.withValue(found, bytes);
    const value = Buffer.allocUnsafe(valueEnd - valueStart);
    source.copy(value, 0, valueStart, valueEnd);
    const { createRevision, modRevision, version } = found;
    return { key, value, createRevision, modRevision, version };
  }

  /** A piece of the small state; null when it was never set. Not a copy: leave it as it is. */
  state(name: string): Uint8Array | null {
    this.#assertServing();
    return this.#state.get(name) ?? null;
  }

  /** From here on every write comes out of a log; direct ones are refused (S6). */
  attachGroup(): void {
    invariant(!this.#attached, "one group is attached to a store");
    this.#attached = true;
  }

  /** Begins a batch of entries out of the log. It ends with `applyMutationsRaft`, in the same turn. */
  beginBatch(): MutationBatch {
    this.#assertServing();
    invariant(this.#attached, "entries come from the group that is attached");
    return this.#begin();
  }

  /**
   * Ends the batch that `beginBatch` began. Its entries are visible already: they are committed, the log has them. In
   * the mode `nosync` it resolves at once, or when LevelDB has caught up so far that no more than `unwrittenBytesMax`
   * are in memory only; in the mode `sync`, when LevelDB's write of it is synced. For the state machine alone (S6).
   */
  async applyMutationsRaft(batch: MutationBatch): Promise<void> {
    invariant(
      batch === this.#batch && this.#batchOpen,
      "the batch that is handed over is the one that was begun",
    );
    await this.#apply(this.#options.mode === "sync");
  }

  /**
   * One transaction without a log behind it: for catalog bootstrap, restore tools, migrations. Takes exactly one
   * revision. Always synced, whatever the mode, and in a checkpoint when the promise resolves (S6).
   * @throws {GroupAttachedError} the store belongs to a group: only its log may write.
   */
  async applyMutations(mutations: readonly Mutation[]): Promise<{ readonly revision: number }> {
    this.#assertServing();
    if (this.#attached) throw new GroupAttachedError();
    const batch = this.#begin();
    batch.beginTransaction();
    batch.takeRevision();
    for (const mutation of mutations) mutate(batch, mutation);
    const { revision } = batch;
    await this.#apply(true);
    await this.checkpoint(ALREADY_DURABLE);
    return { revision };
  }

  /**
   * Makes everything applied so far durable, and records it as what the next opening returns to (S2). Writes may go on
   * meanwhile. One at a time; a call during another one comes after it.
   * @param whenDurable must resolve only once this node's own log is durable up to the index given. When it rejects,
   *   this checkpoint is not recorded, the one before stays, and the store goes on.
   * @throws {StoreFailedError} a step failed: nothing is served after that (S9).
   */
  async checkpoint(whenDurable: WhenDurable): Promise<Checkpoint> {
    this.#assertServing();
    try {
      return await this.#checkpointer.make(whenDurable);
    } catch (error) {
      throw this.#failure ?? error;
    }
  }

  /**
   * Hashes the contents at `revision`, by default the current one; see `hashContents`. Reads everything, in short turns,
   * while writes go on; the last result is kept.
   * @throws {FutureRevisionError} `revision` is above the current one.
   */
  async hash(revision: number = this.#position.revision): Promise<ContentsHash> {
    this.#assertServing();
    const { index: appliedIndex, revision: current } = this.#position;
    if (revision > current) throw new FutureRevisionError(revision, current);
    if (this.#lastHash?.revision !== revision) {
      this.#lastHash = { revision, hash: this.#hashAt(revision) };
    }
    return { revision, appliedIndex, hash: await this.#lastHash.hash };
  }

  /** Makes the store useless for good: reads and writes throw from here on (S9). Told once to `onFailure`. */
  fail(cause: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = new StoreFailedError(cause);
    this.#queue.fail(this.#failure);
    this.#options.onFailure(this.#failure);
  }

  /**
   * Closes LevelDB. With `checkpoint` it makes one first, so that the next opening has nothing to undo (S3); a store
   * that failed is closed as it is.
   */
  close(options: { readonly checkpoint: WhenDurable | null } = { checkpoint: null }): Promise<void> {
    this.#closing ??= this.#close(options.checkpoint);
    return this.#closing;
  }

  async #close(whenDurable: WhenDurable | null): Promise<void> {
    try {
      if (this.#failure === null && whenDurable !== null) await this.#checkpointer.make(whenDurable);
      if (this.#failure === null) await this.#queue.drained();
    } finally {
      await this.#checkpointer.idle();
      await this.#queue.close();
      await this.#database.close();
    }
  }

  #begin(): MutationBatch {
    invariant(!this.#batchOpen, "one batch at a time");
    this.#batchOpen = true;
    this.#queue.open();
    return this.#batch;
  }

  /** The body of both entry points: hands the open batch over to LevelDB. */
  async #apply(sync: boolean): Promise<void> {
    this.#batchOpen = false;
    const wait = this.#queue.handOver(sync);
    if (wait !== null) await wait;
  }

  async #hashAt(revision: number): Promise<string> {
    try {
      await this.#queue.drained();
      return await hashContents(this.#database, this.#history, revision);
    } catch (error) {
      this.#lastHash = null;
      throw this.#closing === null ? error : new StoreClosedError();
    }
  }

  #assertServing(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#closing !== null) throw new StoreClosedError();
  }
}

function mutate(batch: MutationBatch, mutation: Mutation): void {
  switch (mutation.kind) {
    case "put":
      batch.put(mutation.key, mutation.value);
      return;
    case "delete":
      batch.delete(mutation.key);
      return;
    case "setState":
      batch.setState(mutation.name, mutation.value);
      return;
  }
}
