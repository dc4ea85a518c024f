import { flushMemtable } from "./database.js";
import { makeDurable } from "./make-durable.js";
import type { Flushable } from "./make-durable.js";
import { encodeLatest } from "./record.js";
import { latestKey } from "./record-keys.js";
import type { Unsettled } from "./unsettled.js";

/** Records that one turn of the event loop writes: a millisecond or two (C5). */
const RECORDS_PER_BATCH = 1_000;

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
 * finds a record that it must restore by its change, and LevelDB can lose the one and keep the other (S1).
 *
 * The records get a memtable of their own, with a flush before and one behind, and entries wait for that moment. LevelDB moves
 * a table that overlaps no other one down without ever reading it again. Changes come in ascending order, so theirs
 * are such tables, unless a record of another kind stretches them over everything that is there.
 */
export async function settle(source: Settleable): Promise<void> {
  const { queue, database, fileSystem, unsettled } = source;
  if (unsettled.frozen.size > 0) {
    await queue.drained();
    const { writtenRevision } = queue;
    await flushMemtable(database);
    await fileSystem.syncDirectory(database.location);
    // An error that the flush kept to itself is reported by the first of these writes, which then does nothing.
    const flushes = await queue.alone(() => writeRecords(source, writtenRevision));
    await Promise.all(flushes);
    await queue.barrier();
    await fileSystem.syncDirectory(database.location);
  } else {
    await makeDurable(source);
  }
  unsettled.settled();
}

/**
 * The changes behind `flushedRevision` are in the memtable. Returns the flushes that were begun; only the moment at which each
 * begins matters to those who wait.
 */
async function writeRecords(source: Settleable, flushedRevision: number): Promise<Promise<void>[]> {
  const { queue, database, unsettled, inlineValueBytesMax } = source;
  const sync = source.isDirect();
  const before = queue.writtenRevision > flushedRevision ? flushMemtable(database) : Promise.resolve();
  let batch = database.batch();
  let records = 0;
  try {
    for (const version of unsettled.frozen.in("", null)) {
      batch.put(latestKey(Buffer.from(version.key, "latin1")), encodeLatest(version, inlineValueBytesMax));
      records += 1;
      if (records % RECORDS_PER_BATCH === 0) {
        await queue.writeAside(batch, sync);
        batch = database.batch();
      }
    }
    if (records % RECORDS_PER_BATCH > 0) await queue.writeAside(batch, sync);
    else await batch.close();
  } catch (error) {
    await before.catch(() => undefined);
    throw error;
  }
  return [before, flushMemtable(database)];
}
