import type { Checkpoint } from "./checkpoint-file.js";
import { Checkpointer } from "./checkpointer.js";
import type { WhenDurable } from "./checkpointer.js";
import { Collector } from "./collector.js";
import { GroupAttachedError, StoreClosedError, StoreFailedError, invariant } from "./errors.js";
import { prefixRange } from "./key-range.js";
import type { Change } from "./key-value.js";
import type { LoadedRange } from "./loaded-range.js";
import { MutationBatch } from "./mutation-batch.js";
import { openAtCheckpoint } from "./open.js";
import type { OpenedDatabase } from "./open.js";
import { REAL_DISK, storeOptions } from "./options.js";
import type { StoreDisk, StoreOptions } from "./options.js";
import { ReadableStore, storeParts } from "./readable-store.js";
import type { Applied } from "./readable-store.js";
import { Settler } from "./settler.js";
import { collectState } from "./small-state.js";
import type { SmallStateSlices } from "./small-state.js";
import { SnapshotReader } from "./snapshot-reader.js";

export type Mutation =
  | {
      readonly kind: "put";
      readonly key: Uint8Array;
      readonly value: Uint8Array;
    }
  | { readonly kind: "delete"; readonly key: Uint8Array }
  | { readonly kind: "setState"; readonly name: string; readonly value: Uint8Array };

/** Who writes a store out of a log. */
export interface AttachedGroup {
  /**
   * The group's small state as of the last entry applied, whatever is applied before the last slice is taken; bytes that were given are
   * not to be changed later. Called synchronously, in the turn in which a checkpoint is sampled, and taken to the end.
   */
  smallState(): SmallStateSlices;
  /** Told when an entry attaches a key to a lease (1), or takes it off or deletes it (-1), as that takes effect. */
  leaseKey?(lease: number, change: 1 | -1): void;
}

/** What a delete of a prefix did. */
export interface PrefixDeletion {
  /** The revision of the delete, or the current one when nothing was there to delete. */
  readonly revision: number;
  /** Keys that were there. */
  readonly deleted: number;
}

const ALREADY_DURABLE: WhenDurable = () => Promise.resolve();

/** The multi-version key-value store of one group. docs/storage-format.md shows what is on disk. */
export class Store extends ReadableStore {
  readonly #options: StoreOptions;
  readonly #settler: Settler;
  readonly #checkpointer: Checkpointer;
  readonly #collector: Collector;
  readonly #batch: MutationBatch;
  /** Set by direct writes, for the checkpoint that ends each. */
  readonly #directState: Map<string, Uint8Array>;
  readonly #undoneChanges: number;
  /**
   * Told what each batch changed, in order, once its results may be told; reads show it earlier than that. Set by the
   * node; nothing is made for it while it is null.
   */
  onChanges: ((changes: readonly Change[]) => void) | null = null;
  #group: AttachedGroup | null = null;
  #batchOpen = false;
  #failure: StoreFailedError | null = null;
  #closing: Promise<void> | null = null;
  /** While a snapshot is being opened: settled when the next entries may follow. */
  #snapshotOpening: Promise<void> | null = null;

  private constructor(directory: string, opened: OpenedDatabase, options: StoreOptions, disk: StoreDisk) {
    const { database, checkpoint, generation } = opened;
    const parts = storeParts(database, checkpoint, options);
    super(parts);
    const { queue, position } = parts;
    const onFailure = (error: Error): void => this.fail(error);
    queue.onFailure = onFailure;
    const marks = { recorded: position.revision, pending: null };
    this.#options = options;
    this.#directState = new Map(checkpoint?.state);
    this.#undoneChanges = opened.undoneChanges;
    const { fileSystem } = disk;
    const sample = (): Omit<Checkpoint, "generation" | "state"> => ({
      ...position,
      collected: this.#collector.collected,
    });
    const state = (): SmallStateSlices => this.sampleState();
    const { inlineValueBytesMax, collectedPerStep, unsettledBytesMax } = options;
    const isDirect = (): boolean => this.#group === null;
    this.#settler = new Settler({
      ...parts,
      fileSystem,
      inlineValueBytesMax,
      isDirect,
      unsettledBytesMax,
      onFailure,
    });
    this.#checkpointer = new Checkpointer(
      { settler: this.#settler, directory, fileSystem, generation, sample, state, marks, onFailure },
      checkpoint,
    );
    const leaving = new Set<string>();
    const recorded = (): Checkpoint | null => this.checkpointed;
    this.#collector = new Collector({ ...parts, fileSystem, leaving, collectedPerStep, recorded, onFailure });
    const onLeaseKey = (lease: number, change: 1 | -1): void => this.#group?.leaseKey?.(lease, change);
    this.#batch = new MutationBatch({ ...parts, marks, leaving, onLeaseKey });
    this.#collector.wake();
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

  /** What the next opening returns to; null before the first checkpoint. The log is kept behind its index (S4). */
  get checkpointed(): Checkpoint | null {
    return this.#checkpointer.recorded;
  }

  /** History that the compaction floor made useless is gone up to this revision, or on its way out; it follows the floor. */
  get collected(): number {
    return this.#collector.collected;
  }

  get mode(): StoreOptions["mode"] {
    return this.#options.mode;
  }

  /** Changes after the checkpoint that opening undid. */
  get undoneChanges(): number {
    return this.#undoneChanges;
  }

  /** A piece of the small state as the last checkpoint has it; null when that has none. Not a copy: leave it as it is. */
  state(name: string): Uint8Array | null {
    this.assertServing();
    return this.checkpointed?.state.get(name) ?? null;
  }

  /** From here on every write comes out of a log; direct ones are refused (S6). The small state is the group's. */
  attachGroup(group: AttachedGroup): void {
    invariant(this.#group === null, "one group is attached to a store");
    this.#group = group;
  }

  /** Begins a batch of entries out of the log. It ends with `applyMutationsRaft`, in the same turn. */
  beginBatch(): MutationBatch {
    this.assertServing();
    invariant(this.#group !== null, "entries come from the group that is attached");
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
   * An entry of the log that deletes every key which begins with `prefix`, at one revision; the same as a batch of those
   * deletes. Nothing may be applied until it resolves. For the state machine alone (S6).
   */
  async deletePrefixAtRaft(entry: Applied, prefix: Uint8Array): Promise<PrefixDeletion> {
    const loaded = await this.loadRange(prefixRange(prefix));
    const batch = this.beginBatch();
    batch.beginEntry(entry.index, entry.term);
    return this.#deleteLoaded(batch, loaded, this.#options.mode === "sync");
  }

  /**
   * One transaction without a log behind it: for catalog bootstrap, restore tools, migrations. Takes exactly one
   * revision. Always synced, whatever the mode, and in a checkpoint when the promise resolves (S6).
   * @throws {GroupAttachedError} the store belongs to a group: only its log may write.
   */
  async applyMutations(mutations: readonly Mutation[]): Promise<{ readonly revision: number }> {
    const batch = this.#beginDirect();
    batch.takeRevision();
    for (const mutation of mutations) this.#mutate(batch, mutation);
    const { revision } = batch;
    await this.#apply(true);
    await this.checkpoint(ALREADY_DURABLE);
    return { revision };
  }

  /**
   * Deletes every key that begins with `prefix`, at one revision, without a log behind it. Always synced, whatever the
   * mode, and in a checkpoint when the promise resolves (S6). One direct write at a time.
   * @throws {GroupAttachedError} the store belongs to a group: only its log may write.
   */
  async deletePrefixAt(prefix: Uint8Array): Promise<PrefixDeletion> {
    this.#assertDirect();
    const loaded = await this.loadRange(prefixRange(prefix));
    const done = await this.#deleteLoaded(this.#beginDirect(), loaded, true);
    await this.checkpoint(ALREADY_DURABLE);
    return done;
  }

  /**
   * Makes everything applied so far durable, and records it as what the next opening returns to (S2). Writes may go on
   * meanwhile. One at a time; a call during another one comes after it.
   * @param whenDurable must resolve only once this node's own log is durable up to the index given. When it rejects,
   *   this checkpoint is not recorded, the one before stays, and the store goes on.
   * @throws {StoreFailedError} a step failed: nothing is served after that (S9).
   */
  async checkpoint(whenDurable: WhenDurable): Promise<Checkpoint> {
    this.assertServing();
    try {
      const made = await this.#checkpointer.make(whenDurable);
      this.#collector.wake();
      return made;
    } catch (error) {
      throw this.#failure ?? error;
    }
  }

  /**
   * A stream of everything that is applied now, or a few entries later: one applied index, while writes go on (S10).
   * Applying waits for the moment that LevelDB needs to catch up with memory. Close it: it keeps disk space.
   */
  async openSnapshot(): Promise<SnapshotReader> {
    while (this.#snapshotOpening !== null) await this.#snapshotOpening;
    this.assertServing();
    let opened = (): void => undefined;
    this.#snapshotOpening = new Promise((resolve) => (opened = resolve));
    try {
      do await this.parts.queue.drained();
      while (this.parts.queue.unwrittenBytes > 0);
      this.assertServing();
      const { inlineValueBytesMax } = this.#options;
      const source = { ...this.parts, inlineValueBytesMax };
      return new SnapshotReader(source, { ...this.parts.position }, collectState(this.sampleState()));
    } finally {
      this.#snapshotOpening = null;
      opened();
    }
  }

  /** Makes the store useless for good: reads and writes throw from here on (S9). Told once to `onFailure`. */
  fail(cause: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = new StoreFailedError(cause);
    this.parts.queue.fail(this.#failure);
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
      await this.#collector.stop();
      if (this.#failure === null && whenDurable !== null) await this.#checkpointer.make(whenDurable);
      if (this.#failure === null) await this.parts.queue.drained();
    } finally {
      await this.#checkpointer.idle();
      await this.#settler.idle();
      await this.parts.queue.close();
      await this.parts.database.close();
    }
  }

  #begin(): MutationBatch {
    invariant(!this.#batchOpen, "one batch at a time");
    this.#batchOpen = true;
    this.parts.queue.open();
    this.#batch.noteChanges(this.onChanges !== null);
    return this.#batch;
  }

  #beginDirect(): MutationBatch {
    this.#assertDirect();
    const batch = this.#begin();
    batch.beginTransaction();
    return batch;
  }

  async #deleteLoaded(batch: MutationBatch, loaded: LoadedRange, sync: boolean): Promise<PrefixDeletion> {
    for (const { key } of loaded) batch.delete(key);
    const { revision } = batch;
    await this.#apply(sync);
    return { revision, deleted: loaded.length };
  }

  #mutate(batch: MutationBatch, mutation: Mutation): void {
    switch (mutation.kind) {
      case "put":
        batch.put(mutation.key, mutation.value);
        return;
      case "delete":
        batch.delete(mutation.key);
        return;
      case "setState":
        this.#directState.set(mutation.name, Uint8Array.from(mutation.value));
        return;
    }
  }

  /** The body of all four ways to write: hands the open batch over to LevelDB, and tells what it changed. */
  async #apply(sync: boolean): Promise<void> {
    this.#batchOpen = false;
    this.parts.latest.release();
    const changes = this.#batch.takeChanges();
    const wait = this.parts.queue.handOver(sync);
    if (wait !== null) await wait;
    if (changes !== null && changes.length > 0) this.onChanges?.(changes);
    const room = this.#settler.relieve();
    if (room !== null) await room;
    if (this.#snapshotOpening !== null) await this.#snapshotOpening;
  }

  protected override sampleState(): SmallStateSlices {
    return this.#group?.smallState() ?? new Map(this.#directState);
  }

  #assertDirect(): void {
    this.assertServing();
    if (this.#group !== null) throw new GroupAttachedError();
  }

  protected override assertServing(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#closing !== null) throw new StoreClosedError();
  }
}
