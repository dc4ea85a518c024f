import { writeCheckpoint } from "./checkpoint-file.js";
import type { Checkpoint } from "./checkpoint-file.js";
import { flushLatest, latestPath, openLevel, putLatestBarrier } from "./database.js";
import type { Database, DatabaseOptions } from "./database.js";
import type { FileSystem } from "./file-system.js";
import { databasePath } from "./generations.js";
import { eachLatest } from "./latest-records.js";

/**
 * In format 1 the latest versions lay among all other records: gives them their LevelDB. The D file is then written anew, which makes it
 * format 2, and is the step that counts: until then an earlier version may come back, and what was begun is thrown away. Where they were they are
 * removed as LevelDB is opened, see `openDatabase`.
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
