import { changeOf } from "./key-value.js";
import type { Change } from "./key-value.js";
import type { ScanSource } from "./latest-scan.js";
import { decodeRecord } from "./record.js";
import { changesIn, keyBehindNumber } from "./record-keys.js";

const CHANGES_PER_TURN = 256;
const READ_AHEAD_BYTES = 256 * 1024;

/** Where to stop: behind the first revision with which one of them is reached. */
export interface ChangesLimit {
  readonly maxChanges: number;
  /** Of keys and values. */
  readonly maxBytes: number;
}

export interface ChangeList {
  /** In the order of revision and sub, whole revisions only. */
  readonly changes: readonly Change[];
  /** Where to go on; one above the current revision when there is nothing more yet. */
  readonly nextRevision: number;
}

/**
 * The changes from a revision on, up to `revision`, the current one. Those that LevelDB has not got come from memory,
 * by a call of their own.
 */
export async function listChanges(
  source: ScanSource,
  fromRevision: number,
  revision: number,
  limit: ChangesLimit,
): Promise<ChangeList> {
  const { writtenRevision } = source.queue;
  return fromRevision > writtenRevision
    ? unwrittenChanges(source, fromRevision, revision, limit)
    : writtenChanges(source, fromRevision, writtenRevision, limit);
}

function unwrittenChanges(
  source: ScanSource,
  fromRevision: number,
  revision: number,
  limit: ChangesLimit,
): ChangeList {
  const list = new WholeRevisions(limit);
  for (const version of source.queue.unwrittenFrom(fromRevision)) {
    if (!list.add(changeOf(version, Buffer.from(version.key, "latin1")))) return list.cut();
  }
  return { changes: list.changes, nextRevision: Math.max(revision + 1, fromRevision) };
}

async function writtenChanges(
  source: ScanSource,
  fromRevision: number,
  writtenRevision: number,
  limit: ChangesLimit,
): Promise<ChangeList> {
  const { database } = source;
  const list = new WholeRevisions(limit);
  const iterator = database.iterator({
    ...changesIn(fromRevision, writtenRevision + 1),
    reverse: false,
    highWaterMarkBytes: READ_AHEAD_BYTES,
  });
  try {
    for (;;) {
      const records = await iterator.nextv(CHANGES_PER_TURN);
      if (records.length === 0) {
        list.end();
        return { changes: list.changes, nextRevision: writtenRevision + 1 };
      }
      for (const [recordKey, record] of records) {
        const key = keyBehindNumber(recordKey);
        const version = decodeRecord(key.toString("latin1"), record, database.location);
        if (!list.add(changeOf(version, key))) return list.cut();
      }
    }
  } finally {
    await iterator.close();
  }
}

/** Changes that come in the order of revisions; within one LevelDB has them in the order of keys. */
class WholeRevisions {
  readonly changes: Change[] = [];
  readonly #limit: ChangesLimit;
  #bytes = 0;
  /** Where the changes of the last revision begin. */
  #begin = 0;

  constructor(limit: ChangesLimit) {
    this.#limit = limit;
  }

  /** False when it belongs to the next revision and the limit is reached: it is not in then. */
  add(change: Change): boolean {
    const { changes } = this;
    const last = changes.at(-1);
    if (last !== undefined && last.revision !== change.revision) {
      this.end();
      const { maxChanges, maxBytes } = this.#limit;
      if (changes.length >= maxChanges || this.#bytes >= maxBytes) return false;
    }
    changes.push(change);
    this.#bytes += change.key.length + change.value.length;
    return true;
  }

  /** Behind the last change of a revision. */
  end(): void {
    const { changes } = this;
    if (changes.length - this.#begin > 1) {
      const revision = changes.splice(this.#begin).sort((a, b) => a.sub - b.sub);
      for (const change of revision) changes.push(change);
    }
    this.#begin = changes.length;
  }

  cut(): ChangeList {
    return { changes: this.changes, nextRevision: (this.changes.at(-1)?.revision ?? 0) + 1 };
  }
}
