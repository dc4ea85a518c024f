import { ancestryAfter } from "./ancestry.js";
import { asBuffer } from "./bytes.js";
import { invariant } from "./errors.js";
import type { History } from "./history.js";
import { changeOf } from "./key-value.js";
import type { Change, KeyValue } from "./key-value.js";
import type { LatestVersions } from "./latest-versions.js";
import type { Position } from "./position.js";
import { keyValueOf, valued } from "./range.js";
import { encodeHeader, headerBytesMax } from "./record.js";
import { attachedKey, changeKey } from "./record-keys.js";
import type { Unsettled } from "./unsettled.js";
import { basesOf, isDeletion } from "./version.js";
import type { CheckpointMarks, Version } from "./version.js";
import type { WriteQueue } from "./write-queue.js";

/** What a batch changes: the store's own parts, which it shares with nobody else while the batch is open. */
export interface BatchTarget {
  readonly latest: LatestVersions;
  readonly unsettled: Unsettled;
  readonly queue: WriteQueue;
  readonly history: History;
  readonly marks: CheckpointMarks;
  readonly leaving: Set<string>;
  /** Told when a key is attached to a lease (1) or taken off it (-1). */
  readonly onLeaseKey: (lease: number, change: 1 | -1) => void;
  /** The store's position, moved on by the batch. */
  readonly position: { -readonly [Field in keyof Position]: Position[Field] };
}

const NOTHING = Buffer.alloc(0);

/**
 * Entries of the log on their way into the store. Each operation takes effect in memory as it is called, so an entry
 * sees what the entries before it did, and the changes go straight into the LevelDB batch that the queue is filling.
 * There is no way back: a batch that was begun is handed over, or the store fails (F4).
 *
 * All in one turn: nothing may be awaited between `begin` and handing over.
 */
export class MutationBatch {
  readonly #target: BatchTarget;
  #sub = 0;
  #changedInEntry = false;
  /** The batch's changes, when somebody wants to be told. */
  #changes: Version[] | null = null;

  constructor(target: BatchTarget) {
    this.#target = target;
  }

  /**
   * Begins the entry `index` of the log. Its first change takes the next revision, all its changes share that; an
   * entry without a change moves the applied index alone (F2).
   */
  beginEntry(index: number, term: number): void {
    const { position } = this.#target;
    invariant(index === position.index + 1, "entries are applied in order and without gaps");
    invariant(term >= position.term, "terms never go back in the log (§5.4)");
    position.index = index;
    position.term = term;
    this.beginTransaction();
  }

  /** Begins what shares a revision without a log's entry behind it: a direct write. */
  beginTransaction(): void {
    this.#sub = 0;
    this.#changedInEntry = false;
  }

  /** The revision of the store with everything so far in it. */
  get revision(): number {
    return this.#target.position.revision;
  }

  /** A key as the batch stands now, with everything so far in it; null when it is not there. The value is a copy. */
  get(key: Uint8Array): KeyValue | null {
    const bytes = asBuffer(key);
    const latest = this.#target.latest.get(bytes.toString("latin1"), bytes);
    return latest === null || isDeletion(latest) ? null : valued(this.#target, latest, bytes);
  }

  /** The same with an empty value. */
  peek(key: Uint8Array): KeyValue | null {
    const bytes = asBuffer(key);
    const latest = this.#target.latest.get(bytes.toString("latin1"), bytes);
    return latest === null || isDeletion(latest) ? null : keyValueOf(latest, bytes, NOTHING);
  }

  /** Sets a key and attaches it to a lease, 0 for none. Returns the revision at which it stands. */
  put(key: Uint8Array, value: Uint8Array, lease = 0): number {
    const bytes = asBuffer(key);
    const name = bytes.toString("latin1");
    return this.#change(name, bytes, this.#target.latest.before(name, bytes), value, lease);
  }

  /** Deletes a key. False, and no revision is taken, when it is not there. */
  delete(key: Uint8Array): boolean {
    const bytes = asBuffer(key);
    const name = bytes.toString("latin1");
    const previous = this.#target.latest.get(name, bytes);
    if (previous === null || previous.version === 0) return false;
    this.#change(name, bytes, previous, null, 0);
    return true;
  }

  /**
   * Raises the compaction floor: from here on a read of a revision before `floor` fails (S8). What that makes useless is
   * collected in the background. Takes no revision.
   */
  compact(floor: number): void {
    const { position } = this.#target;
    invariant(floor > position.floor && floor <= position.revision, "the floor rises, up to the revision");
    position.floor = floor;
  }

  /** Begins to note the changes, or not to. */
  noteChanges(noted: boolean): void {
    this.#changes = noted ? [] : null;
  }

  /** What was noted, in order; null when nothing was to be. */
  takeChanges(): Change[] | null {
    const changes = this.#changes;
    this.#changes = null;
    return changes?.map((version) => changeOf(version, Buffer.from(version.key, "latin1"))) ?? null;
  }

  /** Takes a revision for a transaction that changed no key. */
  takeRevision(): void {
    if (this.#changedInEntry) return;
    this.#changedInEntry = true;
    this.#target.position.revision += 1;
  }

  #change(
    name: string,
    key: Buffer,
    previous: Version | null,
    value: Uint8Array | null,
    lease: number,
  ): number {
    this.takeRevision();
    const { latest, unsettled, queue, marks, position, leaving } = this.#target;
    if (leaving.size > 0) leaving.delete(name);
    const modRevision = position.revision;
    const alive = previous !== null && previous.version > 0;
    const { rank, roots } = ancestryAfter(previous);
    const bases = basesOf(previous, marks);
    const valueBytes = value === null ? 0 : value.length;
    const { slab, used } = latest.reserve(headerBytesMax(roots.length) + valueBytes);
    const version: { -readonly [Field in keyof Version]: Version[Field] } = {
      key: name,
      modRevision,
      sub: this.#sub,
      createRevision: value === null ? 0 : alive ? previous.createRevision : modRevision,
      version: value === null ? 0 : (previous?.version ?? 0) + 1,
      lease,
      previous: previous === null ? 0 : previous.modRevision,
      rank,
      roots,
      bases,
      source: slab,
      valueStart: 0,
      valueEnd: 0,
      slot: unsettled.slotOf(previous),
    };
    version.valueStart = encodeHeader(version, slab, used);
    version.valueEnd = version.valueStart + valueBytes;
    if (value !== null) slab.set(value, version.valueStart);
    this.#sub += 1;

    const record = slab.subarray(used, version.valueEnd);
    queue.put(changeKey(modRevision, key), record);
    const leaseBefore = previous?.lease ?? 0;
    if (leaseBefore !== lease) {
      const { onLeaseKey } = this.#target;
      if (leaseBefore !== 0) {
        queue.delete(attachedKey(leaseBefore, key));
        onLeaseKey(leaseBefore, -1);
      }
      if (lease !== 0) {
        queue.put(attachedKey(lease, key), NOTHING);
        onLeaseKey(lease, 1);
      }
    }
    queue.track(version, record.length + key.length);
    const slot = unsettled.add(version, record.length);
    version.slot = slot;
    latest.add(version, used, slot.id);
    position.keys += (value === null ? 0 : 1) - (alive ? 1 : 0);
    this.#changes?.push(version);
    return modRevision;
  }
}
