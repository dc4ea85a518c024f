import type { LevelDatabase, Records } from "./database.js";
import { ALL_LATEST } from "./record-keys.js";

const RECORDS_PER_BATCH = 1_000;
const READ_AHEAD_BYTES = 1024 * 1024;

/** Hands over the records of latest versions in one LevelDB, some at a time. */
export async function eachLatest(
  database: Records,
  act: (records: [Buffer, Buffer][]) => Promise<void>,
): Promise<void> {
  const range = { ...ALL_LATEST, reverse: false, highWaterMarkBytes: READ_AHEAD_BYTES };
  const iterator = database.iterator(range);
  try {
    for (;;) {
      const records = await iterator.nextv(RECORDS_PER_BATCH);
      if (records.length === 0) return;
      await act(records);
    }
  } finally {
    await iterator.close();
  }
}

/** Removes them from a LevelDB in which nobody reads them. What a crash brings back of them is removed at the next opening. */
export async function removeLatest(database: LevelDatabase): Promise<void> {
  await eachLatest(database, async (records) => {
    const batch = database.batch();
    for (const [key] of records) batch.del(key);
    await batch.write({ sync: false });
  });
}
