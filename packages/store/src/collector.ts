import type { Checkpoint } from "./checkpoint-file.js";
import type { Database, DatabaseBatch, DatabaseIterator } from "./database.js";
import { nextTurn } from "./latest-scan.js";
import type { LatestVersions } from "./latest-versions.js";
import { makeDurable } from "./make-durable.js";
import type { Flushable } from "./make-durable.js";
import { decodeRecord } from "./record.js";
import { changeKey, changesIn, keyBehindNumber, latestKey, revisionOfChange } from "./record-keys.js";
import type { RevisionPins } from "./revision-pins.js";
import { isDeletion } from "./version.js";

/** Changes that one turn of the event loop looks at: less than a millisecond (C5). */
const CHANGES_PER_TURN = 256;
/** The latest versions of so many are removed in one turn, when the batch is handed over. */
const TOMBSTONES_PER_STEP = 4_096;
const READ_AHEAD_BYTES = 256 * 1024;

export interface CollectorSource extends Flushable {
  readonly latest: LatestVersions;
  readonly pins: RevisionPins;
  /** Keys whose deletion is about to be collected. A change of the key takes it out. */
  readonly leaving: Set<string>;
  readonly collectedPerStep: number;
  /** The checkpoint in the D file. */
  readonly recorded: () => Checkpoint | null;
  readonly onFailure: (error: Error) => void;
}

/**
 * Removes, in the background, the history that the compaction floor made useless (S8): of each key what is older than its
 * newest version at or below the floor, and that one too when it is a deletion.
 *
 * It goes by the floor in the D file (S4): a return leads there at worst, and what it needs (of each key the newest version at
 * or below D) is newer than everything that goes, or a deletion, which is as good as nothing. And it goes no further
 * than the lowest revision that is being read.
 *
 * It walks through the changes up to the floor, oldest first, in steps. Each change makes the version before it useless,
 * and a deletion itself as well. A step is one batch of changes, and is durable before the next one is handed over:
 * the way to a version is the change that came after it, so if a step were lost and a later one were not, what the
 * lost one was to remove could not be found any more. For the same reason a deletion goes in the batch of the version
 * before it, or later (S4). A step that is done again removes nothing that is there.
 */
export class Collector {
  readonly #source: CollectorSource;
  #collected: number;
  /** The change that the next step begins with, where a step ended within a revision. */
  #next: Buffer | null = null;
  /** Since the opening; what an earlier life handed over is durable. */
  #handedOver = false;
  #running: Promise<void> | null = null;
  #stopped = false;

  constructor(source: CollectorSource) {
    this.#source = source;
    this.#collected = source.recorded()?.collected ?? 0;
    source.pins.onRelease = () => this.wake();
  }

  /**
   * Steps up to this revision are done or handed over: a checkpoint that is sampled now makes them durable, and may
   * record it (S4).
   */
  get collected(): number {
    return this.#collected;
  }

  /** Goes on if there is something to collect. Called when a checkpoint was recorded, and when a read ended. */
  wake(): void {
    if (this.#stopped || this.#running !== null || this.#limit() <= this.#collected) return;
    this.#running = this.#run();
  }

  /** Resolves when it has stopped, after the step that it is in. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  #limit(): number {
    const { recorded, pins } = this.#source;
    return Math.min(recorded()?.floor ?? 0, pins.lowest);
  }

  async #run(): Promise<void> {
    try {
      for (let to = this.#limit(); to > this.#collected && !this.#stopped; to = this.#limit()) {
        await this.#step(to);
      }
    } catch (error) {
      this.#source.onFailure(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#source.leaving.clear();
      this.#running = null;
    }
  }

  async #step(to: number): Promise<void> {
    const { database, queue, leaving, collectedPerStep } = this.#source;
    const perTurn = Math.max(1, Math.min(CHANGES_PER_TURN, collectedPerStep));
    const batch = database.batch();
    const changes = new ChangesOfStep(database, this.#next ?? changesIn(this.#collected + 1, to).gte, to);
    let next: Buffer | null = null;
    try {
      for (;;) {
        const tombstones = await changes.addTo(batch, perTurn);
        if (tombstones === null) break;
        await this.#keepLeaving(tombstones);
        if (changes.count >= collectedPerStep || leaving.size >= TOMBSTONES_PER_STEP) {
          next = changes.next;
          break;
        }
        await nextTurn();
      }
    } finally {
      await changes.close();
    }
    if (!this.#isDurable()) await makeDurable(this.#source);
    if (leaving.size > 0) await this.#removeLeaving();
    const written = queue.writeAside(batch, false);
    this.#next = next;
    this.#collected = next === null ? to : revisionOfChange(next) - 1;
    this.#handedOver = true;
    await written;
  }

  /**
   * Removes the latest versions of the keys that are leaving, durably: the way to each is its deletion's change, which goes next. A key is changed
   * before the turn of the call, and is not leaving any more, or it is changed behind this.
   */
  async #removeLeaving(): Promise<void> {
    const { database, queue, leaving } = this.#source;
    const batch = database.batch();
    for (const name of leaving) batch.del(latestKey(Buffer.from(name, "latin1")));
    leaving.clear();
    await queue.writeAside(batch, true);
  }

  /** The step before is: there was none since the opening, or the checkpoint in the D file has it. */
  #isDurable(): boolean {
    if (!this.#handedOver) return true;
    return this.#next === null && this.#source.recorded()?.collected === this.#collected;
  }

  /** Those of which the deletion is still the latest version; a later put or delete stands in its place otherwise. */
  async #keepLeaving(tombstones: ReadonlyMap<string, number>): Promise<void> {
    const { database, latest, leaving } = this.#source;
    const unknown: string[] = [];
    for (const [name, revision] of tombstones) {
      const cached = latest.peek(name);
      if (cached === null) unknown.push(name);
      if (cached === null || cached.modRevision === revision) leaving.add(name);
      else leaving.delete(name);
    }
    if (unknown.length === 0) return;
    // What memory does not have, the disk has as it is; a change meanwhile takes the key out.
    const records = await database.getMany(unknown.map((name) => latestKey(Buffer.from(name, "latin1"))));
    for (const [i, name] of unknown.entries()) {
      const record = records[i];
      const found = record === undefined ? null : decodeRecord(name, record, database.location);
      if (found?.modRevision !== tombstones.get(name)) leaving.delete(name);
    }
  }
}

/** The changes from a record on up to the revision `to`, and what each of them makes useless. */
class ChangesOfStep {
  readonly #location: string;
  readonly #iterator: DatabaseIterator;
  count = 0;
  /** Where a step that ends here is to go on. */
  next: Buffer;

  constructor(database: Database, from: Buffer, to: number) {
    this.#location = database.location;
    this.next = from;
    const { lt } = changesIn(to, to + 1);
    const range = { gte: from, lt, reverse: false, highWaterMarkBytes: READ_AHEAD_BYTES };
    this.#iterator = database.iterator(range);
  }

  /** Removes what the next changes make useless. Returns the newest deletion of each key among them; null at the end. */
  async addTo(batch: DatabaseBatch, max: number): Promise<Map<string, number> | null> {
    const records = await this.#iterator.nextv(max);
    const last = records.at(-1);
    if (last === undefined) return null;
    const tombstones = new Map<string, number>();
    for (const [recordKey, record] of records) {
      const key = keyBehindNumber(recordKey);
      const version = decodeRecord(key.toString("latin1"), record, this.#location);
      if (version.previous !== 0) batch.del(changeKey(version.previous, key));
      if (!isDeletion(version)) continue;
      batch.del(recordKey);
      tombstones.set(version.key, version.modRevision);
    }
    this.count += records.length;
    this.next = Buffer.concat([last[0], Buffer.alloc(1)]);
    return tombstones;
  }

  async close(): Promise<void> {
    await this.#iterator.close();
  }
}
