import type { Database, DatabaseBatch } from "./database.js";
import type { Checkpoint } from "./checkpoint-file.js";
import { findChange, readChange } from "./history.js";
import { decodeRecord, encodeLatest } from "./record.js";
import { attachedKey, changesAfter, keyBehindNumber, latestKey } from "./record-keys.js";
import { baseAt } from "./version.js";
import type { Version } from "./version.js";

const CHANGES_PER_BATCH = 1_000;
const READ_AHEAD_BYTES = 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * Brings LevelDB back to a checkpoint: what was written after it is undone (S3).
 * Returns how many changes were.
 *
 * LevelDB may hold any subset of the batches after the checkpoint (S1). Each batch has, for every key it changes, the
 * change record and what it changes in the index of leases; and each change names the key's base at the checkpoint. A
 * record of the latest version is written when its change is durable (see `settle`). So where the latest version of a key is not the one
 * of the checkpoint, the change that made it is there, and tells which one was. Where the index has a key under a lease that
 * it did not have at the checkpoint, a change to that lease is there; where it lacks one, a change away from it is.
 *
 * Every batch below removes changes and, in the same batch, restores the place of each of their keys in the index; before it is
 * written the latest versions of the keys are restored, durably. So those sentences hold after it as well, whichever of these batches, and of those
 * that the log writes anew behind them, are lost in turn: nothing needs to be flushed in between, and a return that was broken off is simply begun again.
 */
export async function returnToCheckpoint(
  database: Database,
  checkpoint: Checkpoint,
  inlineValueBytesMax: number,
): Promise<number> {
  const iterator = database.iterator({
    ...changesAfter(checkpoint.revision),
    reverse: false,
    highWaterMarkBytes: READ_AHEAD_BYTES,
  });
  let undone = 0;
  try {
    for (;;) {
      const changes = await iterator.nextv(CHANGES_PER_BATCH);
      if (changes.length === 0) return undone;
      undone += changes.length;
      const [latest, rest] = undoing(database, changes, checkpoint, inlineValueBytesMax);
      await latest.write({ sync: true });
      await rest.write({ sync: false });
    }
  } finally {
    await iterator.close();
  }
}

/** What restores the latest versions of the keys of `changes`, and what undoes the rest. */
function undoing(
  database: Database,
  changes: readonly [Buffer, Buffer][],
  checkpoint: Checkpoint,
  inlineValueBytesMax: number,
): readonly [latest: DatabaseBatch, rest: DatabaseBatch] {
  const latest = database.batch();
  const batch = database.batch();
  /** Of each key that was restored, the version that it has again. */
  const restored = new Map<string, Version | null>();
  for (const [recordKey, record] of changes) {
    const key = keyBehindNumber(recordKey);
    const name = key.toString("latin1");
    const change = decodeRecord(name, record, database.location);
    batch.del(recordKey);
    let base = restored.get(name);
    if (base === undefined) {
      base = baseOf(database, change, key, checkpoint);
      restored.set(name, base);
      if (base === null) latest.del(latestKey(key));
      else latest.put(latestKey(key), encodeLatest(base, inlineValueBytesMax));
      if (base !== null && base.lease !== 0) batch.put(attachedKey(base.lease, key), NOTHING);
    }
    if (change.lease !== 0 && change.lease !== base?.lease) batch.del(attachedKey(change.lease, key));
  }
  return [latest, batch];
}

/**
 * The version that the key of `change` had at the checkpoint; null when it had none. A deletion at or below the floor may
 * have been collected, which comes to the same; nothing else that a return needs ever is (S4).
 */
function baseOf(database: Database, change: Version, key: Buffer, checkpoint: Checkpoint): Version | null {
  const revision = baseAt(change, checkpoint.revision);
  if (revision === 0) return null;
  return revision <= checkpoint.floor
    ? findChange(database, change.key, key, revision)
    : readChange(database, change.key, key, revision);
}
