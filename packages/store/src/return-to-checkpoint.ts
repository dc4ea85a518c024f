import type { Database } from "./database.js";
import { readChange } from "./history.js";
import { decodeRecord, markValueElsewhere } from "./record.js";
import { changesAfter, keyOfChange, latestKey } from "./record-keys.js";
import { baseAt } from "./version.js";

const CHANGES_PER_BATCH = 1_000;
const READ_AHEAD_BYTES = 1024 * 1024;

/**
 * Brings LevelDB back to the checkpoint of revision `checkpointRevision`: what was written after it is undone (S3).
 * Returns how many changes were.
 *
 * LevelDB may hold any subset of the batches after the checkpoint (S1). Each batch has, for every key it changes, the
 * change record and the record of the latest version; and each change names the key's base at the checkpoint. So
 * where the latest version of a key is not the one of the checkpoint, the change that made it is there, and tells
 * which one was.
 *
 * Every batch below removes changes and, in the same batch, restores the latest version of each of their keys. So
 * that sentence holds after it as well, whichever of these batches, and of those that the log writes anew behind them,
 * are lost in turn: nothing needs to be flushed in between, and a return that was broken off is simply begun again.
 */
export async function returnToCheckpoint(
  database: Database,
  checkpointRevision: number,
  inlineValueBytesMax: number,
): Promise<number> {
  const iterator = database.iterator({
    ...changesAfter(checkpointRevision),
    highWaterMarkBytes: READ_AHEAD_BYTES,
  });
  let undone = 0;
  try {
    for (;;) {
      const changes = await iterator.nextv(CHANGES_PER_BATCH);
      if (changes.length === 0) return undone;
      undone += changes.length;
      await undo(database, changes, checkpointRevision, inlineValueBytesMax);
    }
  } finally {
    await iterator.close();
  }
}

async function undo(
  database: Database,
  changes: readonly [Buffer, Buffer][],
  checkpointRevision: number,
  inlineValueBytesMax: number,
): Promise<void> {
  const batch = database.batch();
  const restored = new Set<string>();
  for (const [recordKey, record] of changes) {
    const key = keyOfChange(recordKey);
    const name = key.toString("latin1");
    batch.del(recordKey);
    if (restored.has(name)) continue;
    restored.add(name);
    const base = baseAt(decodeRecord(name, record, database.location), checkpointRevision);
    if (base === 0) batch.del(latestKey(key));
    else batch.put(latestKey(key), latestRecordAt(database, name, key, base, inlineValueBytesMax));
  }
  await batch.write({ sync: false });
}

/** The record of the latest version as it stood when the change at `revision` was the newest. */
function latestRecordAt(
  database: Database,
  name: string,
  key: Buffer,
  revision: number,
  inlineValueBytesMax: number,
): Buffer {
  const { source, valueStart, valueEnd } = readChange(database, name, key, revision);
  if (valueEnd - valueStart <= inlineValueBytesMax) return source;
  const header = Buffer.from(source.subarray(0, valueStart));
  markValueElsewhere(header);
  return header;
}
