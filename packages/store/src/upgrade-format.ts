import { writeCheckpoint } from "./checkpoint-file.js";
import type { Checkpoint } from "./checkpoint-file.js";
import { flushLatest, latestPath, openLevel, putLatestBarrier } from "./database.js";
import type { Database, DatabaseOptions } from "./database.js";
import type { FileSystem } from "./file-system.js";
import { databasePath } from "./generations.js";
import { ALL_LATEST } from "./record-keys.js";

const RECORDS_PER_BATCH = 1_000;
const READ_AHEAD_BYTES = 1024 * 1024;

/**
 * In format 1 the latest versions lay among all other records: gives them their LevelDB. The D file is then written anew, which makes it
 * format 2, and is the step that counts: until then an earlier version may come back, and what was begun is thrown away.
 */
export async function upgradeFormat(
  directory: string,
  checkpoint: Checkpoint,
  options: DatabaseOptions,
  fileSystem: FileSystem,
): Promise<void> {
  const location = databasePath(directory, checkpoint.generation);
  await fileSystem.remove(latestPath(location));
  const all = await openLevel(location, { ...options, create: false });
  try {
    const latest = await openLevel(latestPath(location), { ...options, create: true });
    try {
      await copyLatest(all, latest);
    } finally {
      await latest.close();
    }
    await fileSystem.syncDirectory(latestPath(location));
    await fileSystem.syncDirectory(location);
    await writeCheckpoint(fileSystem, directory, checkpoint);
    await removeLatest(all);
  } finally {
    await all.close();
  }
}

async function copyLatest(all: Database, latest: Database): Promise<void> {
  await eachLatest(all, async (records) => {
    const batch = latest.batch();
    for (const [key, record] of records) batch.put(key, record);
    await batch.write({ sync: false });
  });
  await flushLatest(latest);
  // The flush keeps its errors to itself; this write reports them (S2).
  const barrier = latest.batch();
  putLatestBarrier(barrier);
  await barrier.write({ sync: true });
}

/** Nobody reads them there any more; those that a crash leaves only take room. */
async function removeLatest(all: Database): Promise<void> {
  await eachLatest(all, async (records) => {
    const batch = all.batch();
    for (const [key] of records) batch.del(key);
    await batch.write({ sync: false });
  });
}

async function eachLatest(all: Database, act: (records: [Buffer, Buffer][]) => Promise<void>): Promise<void> {
  const range = { ...ALL_LATEST, reverse: false, highWaterMarkBytes: READ_AHEAD_BYTES };
  const iterator = all.iterator(range);
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
