import { rested } from "./latest-scan.js";
import { makeDurable } from "./make-durable.js";
import type { Flushable } from "./make-durable.js";
import { encodeLatest } from "./record.js";
import { latestKey } from "./record-keys.js";
import type { Unsettled } from "./unsettled.js";

/** Records that one turn of the event loop writes: half a millisecond (C5). */
const RECORDS_PER_BATCH = 512;
/** And so many bytes, where keys or values are large. */
const BYTES_PER_BATCH = 512 * 1024;

export interface Settleable extends Flushable {
  readonly unsettled: Unsettled;
  readonly inlineValueBytesMax: number;
  /** The records are part of direct writes, each of which is synced (S6). */
  readonly isDirect: () => boolean;
}

/**
 * Writes the `L` records of the versions that were frozen, and makes everything that was handed over before the call durable (S2).
 *
 * The changes come first: they are durable before a record that tells of them is written. A return to the checkpoint
 * finds a record that it must restore by its change, and a power loss can take the one and leave the other (S1).
 */
export async function settle(source: Settleable): Promise<void> {
  const { unsettled } = source;
  await makeDurable(source);
  if (unsettled.frozen.size > 0) {
    await writeRecords(source);
    await source.database.flushLatest();
  }
  unsettled.settled();
}

async function writeRecords(source: Settleable): Promise<void> {
  const { queue, database, unsettled, inlineValueBytesMax } = source;
  const sync = source.isDirect();
  let batch = database.batch();
  let [records, bytes] = [0, 0];
  for (const version of unsettled.frozen.in("", null)) {
    const key = latestKey(Buffer.from(version.key, "latin1"));
    const record = encodeLatest(version, inlineValueBytesMax);
    batch.put(key, record);
    records += 1;
    bytes += key.length + record.length;
    if (records >= RECORDS_PER_BATCH || bytes >= BYTES_PER_BATCH) {
      await queue.writeAside(batch, sync);
      await rested();
      batch = database.batch();
      [records, bytes] = [0, 0];
    }
  }
  if (records > 0) await queue.writeAside(batch, sync);
}
