import { asBuffer } from "./bytes.js";
import { listChanges } from "./change-list.js";
import type { ChangeList, ChangesLimit } from "./change-list.js";
import type { Checkpoint } from "./checkpoint-file.js";
import { hashContents, hashSmallState, hashWhole } from "./contents-hash.js";
import type { Pace } from "./contents-hash.js";
import type { Database } from "./database.js";
import { CompactedError, FutureRevisionError } from "./errors.js";
import { History } from "./history.js";
import type { KeyRange } from "./key-range.js";
import type { KeyValue } from "./key-value.js";
import { LatestVersions } from "./latest-versions.js";
import { keysOfLease, loadLease, loadRange } from "./loaded-range.js";
import type { LeaseKeys, LoadedRange } from "./loaded-range.js";
import type { StoreOptions } from "./options.js";
import { EMPTY_POSITION } from "./position.js";
import type { Position } from "./position.js";
import { readRange, valued } from "./range.js";
import type { RangeQuery, RangeResult } from "./range.js";
import { RevisionPins } from "./revision-pins.js";
import { collectState } from "./small-state.js";
import type { SmallStateSlices } from "./small-state.js";
import { sizesOf } from "./sizes.js";
import type { StoreSizes } from "./sizes.js";
import { Unsettled } from "./unsettled.js";
import { isDeletion } from "./version.js";
import { WriteQueue } from "./write-queue.js";

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

/** Equal on replicas of which each is what the entries up to `appliedIndex` make of it. */
export interface StateHash {
  readonly appliedIndex: number;
  readonly revision: number;
  /** Of the contents at `revision`. */
  readonly contents: string;
  /** Of the small state and the compaction floor at `appliedIndex`. */
  readonly state: string;
  /** Of all of that. */
  readonly hash: string;
}

/** What reading and writing share. */
export interface StoreParts {
  readonly database: Database;
  readonly queue: WriteQueue;
  readonly unsettled: Unsettled;
  readonly latest: LatestVersions;
  readonly history: History;
  readonly pins: RevisionPins;
  /** Moved on by each batch. */
  readonly position: { -readonly [Field in keyof Position]: Position[Field] };
}

export function storeParts(
  database: Database,
  checkpoint: Checkpoint | null,
  options: StoreOptions,
): StoreParts {
  const { index, term, revision, floor, keys } = checkpoint ?? EMPTY_POSITION;
  const { unwrittenBytesMax } = options;
  const queue = new WriteQueue(database, { revision, unwrittenBytesMax });
  const unsettled = new Unsettled(revision);
  return {
    database,
    queue,
    unsettled,
    latest: new LatestVersions(database, options, unsettled),
    history: new History(database, queue),
    pins: new RevisionPins(),
    position: { index, term, revision, floor, keys },
  };
}

/** What can be read of a store. */
export abstract class ReadableStore {
  protected readonly parts: StoreParts;
  #lastHash: { readonly revision: number; readonly hash: Promise<string> } | null = null;

  protected constructor(parts: StoreParts) {
    this.parts = parts;
  }

  /** Throws when the store is closed or has failed. */
  protected abstract assertServing(): void;

  /** One moment: called between two batches, and to be taken to the end. */
  protected abstract sampleState(): SmallStateSlices;

  /** Counts the transactions that changed a key, as in etcd; 0 in an empty store. */
  get revision(): number {
    return this.parts.position.revision;
  }

  get applied(): Applied {
    return { index: this.parts.position.index, term: this.parts.position.term };
  }

  /** Reads of a revision before it fail, a read at it works, as in etcd; 0 before the first compaction (S8). */
  get compactionFloor(): number {
    return this.parts.position.floor;
  }

  /** Bytes of changes that are in memory and in the log, but not in LevelDB yet. */
  get unwrittenBytes(): number {
    return this.parts.queue.unwrittenBytes;
  }

  /** Bytes that the latest versions take in memory. */
  get cachedBytes(): number {
    return this.parts.latest.bytes;
  }

  /**
   * Reads a key as it stood at `revision`, by default the current one; null when it was not there. The value is a copy.
   * @throws {FutureRevisionError} `revision` is above the current one (S8).
   * @throws {CompactedError} `revision` is below the compaction floor (S8).
   * @throws {StoreFailedError} a write failed before (S9).
   */
  get(key: Uint8Array, options?: { readonly revision?: number }): KeyValue | null {
    const revision = this.#readable(options?.revision);
    const bytes = asBuffer(key);
    const { latest, history } = this.parts;
    const newest = latest.get(bytes.toString("latin1"), bytes);
    const found = newest === null ? null : history.at(newest, bytes, revision);
    if (found === null || isDeletion(found)) return null;
    const version = history.withValue(found, bytes);
    // Read once more, it is in memory with its value.
    if (version !== found && found === newest) latest.keep(version);
    return valued(this.parts, version, bytes);
  }

  /**
   * Reads a range of keys as it stood at `query.revision`, in short turns; writes may go on meanwhile.
   * @throws {FutureRevisionError} the revision is above the current one (S8).
   * @throws {CompactedError} the revision was below the compaction floor at the call (S8).
   */
  async range(query: RangeQuery): Promise<RangeResult> {
    const revision = this.#readable(query.revision);
    return this.#reading(revision, () => readRange(this.parts, query, revision));
  }

  /**
   * The same of the current revision, for an entry that is to be applied next: what it finds is held until that is handed over, so that the
   * entry, which is carried out in one turn, looks up none of it again (C5). Nothing may be applied until it resolves.
   */
  async rangeForEntry(query: Omit<RangeQuery, "revision">): Promise<RangeResult> {
    this.assertServing();
    const { latest, position } = this.parts;
    const { revision } = position;
    return this.#reading(revision, () =>
      readRange(this.parts, query, revision, (version) => latest.hold(version)),
    );
  }

  /**
   * Lists what was changed from `fromRevision` on, whole revisions, up to the current one at most; the caller goes on at
   * `nextRevision`. At least one revision is listed when there is one.
   * @throws {CompactedError} `fromRevision` is at or below the compaction floor: its changes may be gone.
   */
  async changes(fromRevision: number, limit: ChangesLimit): Promise<ChangeList> {
    this.assertServing();
    const { floor, revision } = this.parts.position;
    if (fromRevision <= floor) throw new CompactedError(fromRevision, floor);
    return this.#reading(fromRevision - 1, () => listChanges(this.parts, fromRevision, revision, limit));
  }

  /** What is alive in a range now: for an entry that reads it. Nothing may be applied until it resolves. */
  async loadRange(range: KeyRange): Promise<LoadedRange> {
    this.assertServing();
    const { revision } = this.parts.position;
    return this.#reading(revision, () => loadRange(this.parts, range, revision));
  }

  /** The keys that are attached to a lease now, in their order. Nothing may be applied until it resolves. */
  async loadLease(lease: number): Promise<LoadedRange> {
    this.assertServing();
    return this.#reading(this.parts.position.revision, () => loadLease(this.parts, lease));
  }

  /** The keys that are attached to a lease, in their order, up to the first limit that is met. Writes may go on meanwhile. */
  async keysOfLease(
    lease: number,
    limit: { readonly maxKeys: number; readonly maxBytes: number },
  ): Promise<LeaseKeys> {
    this.assertServing();
    return this.#reading(this.parts.position.revision, () => keysOfLease(this.parts, lease, limit));
  }

  /**
   * Hashes the contents at `revision`, by default the current one; see `hashContents`. Reads everything, in short turns,
   * while writes go on; the last result is kept.
   * @throws {FutureRevisionError} `revision` is above the current one.
   * @throws {CompactedError} `revision` is below the compaction floor.
   */
  async hash(asked?: number): Promise<ContentsHash> {
    const revision = this.#readable(asked);
    const { index: appliedIndex } = this.parts.position;
    if (this.#lastHash?.revision !== revision) {
      this.#lastHash = { revision, hash: this.#hashAt(revision) };
    }
    return { revision, appliedIndex, hash: await this.#lastHash.hash };
  }

  /**
   * Hashes the contents at `revision`, at the pace of the caller; nothing is kept of it. What it needs is held on to from the call on.
   * @throws {CompactedError} `revision` is below the compaction floor.
   */
  async hashSlowly(asked: number, pace: Pace): Promise<string> {
    const revision = this.#readable(asked);
    return this.#reading(revision, () => hashContents(this.parts, revision, pace));
  }

  /** Hashes contents, small state and floor as of one moment: to compare replicas that have applied the same entries. */
  async hashState(): Promise<StateHash> {
    this.assertServing();
    const position = { ...this.parts.position };
    const [state, { hash: contents, appliedIndex, revision }] = await Promise.all([
      collectState(this.sampleState()).then((pieces) => hashSmallState(pieces, position.floor)),
      this.hash(),
    ]);
    return { appliedIndex, revision, contents, state, hash: hashWhole(position, contents, state) };
  }

  /** What the store takes in memory and on disk. */
  async sizes(): Promise<StoreSizes> {
    this.assertServing();
    return this.#reading(this.parts.position.revision, async () => ({
      ...(await sizesOf(this.parts.database)),
      keys: this.parts.position.keys,
      unwrittenBytes: this.unwrittenBytes,
      cachedBytes: this.cachedBytes,
      headerBytes: this.parts.latest.headerBytes,
    }));
  }

  async #hashAt(revision: number): Promise<string> {
    try {
      return await this.#reading(revision, () => hashContents(this.parts, revision));
    } catch (error) {
      this.#lastHash = null;
      throw error;
    }
  }

  /** Reads over several turns: what `revision` needs stays, whatever the floor is raised to meanwhile. */
  async #reading<Result>(revision: number, read: () => Promise<Result>): Promise<Result> {
    try {
      return await this.parts.pins.during(revision, read);
    } catch (error) {
      // LevelDB was closed under it; the reason is told instead.
      this.assertServing();
      throw error;
    }
  }

  /** The revision to read, by default the current one, if it can be (S8). */
  #readable(asked: number | undefined): number {
    this.assertServing();
    const { revision, floor } = this.parts.position;
    if (asked === undefined) return revision;
    if (asked > revision) throw new FutureRevisionError(asked, revision);
    if (asked < floor) throw new CompactedError(asked, floor);
    return asked;
  }
}
