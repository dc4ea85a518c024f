import { writeCheckpoint } from "./checkpoint-file.js";
import type { Checkpoint } from "./checkpoint-file.js";
import { latestPath, levelOfLatestPath, openLevel } from "./database.js";
import type { DatabaseOptions } from "./database.js";
import type { FileSystem } from "./file-system.js";
import { databasePath } from "./generations.js";
import { eachLatest } from "./latest-records.js";
import { SortedTables } from "./tables/sorted-tables.js";

/**
 * Gives the latest versions their tables. In format 1 they lay among all other records, in format 2 in a LevelDB of their own. The D file is
 * then written anew, which makes it format 3, and is the step that counts: until then an earlier version may come back, and what was begun is thrown away.
 * Where they were they are removed as the store is opened, see `openDatabase` and `openAtCheckpoint`.
 */
export async function upgradeFormat(
  directory: string,
  { checkpoint, format }: { readonly checkpoint: Checkpoint; readonly format: number },
  options: DatabaseOptions,
  fileSystem: FileSystem,
): Promise<void> {
  const location = databasePath(directory, checkpoint.generation);
  await fileSystem.remove(latestPath(location));
  const level = format === 1 ? location : levelOfLatestPath(location);
  const old = await openLevel(level, { ...options, create: false });
  try {
    const latest = await SortedTables.open(latestPath(location), { ...options, create: true }, fileSystem);
    try {
      await eachLatest(old, async (records) => {
        const batch = latest.batch();
        for (const [key, record] of records) batch.put(key, record);
        await batch.write({ sync: false });
      });
      await latest.flush();
    } finally {
      await latest.close();
    }
    await fileSystem.syncDirectory(location);
    await writeCheckpoint(fileSystem, directory, checkpoint);
  } finally {
    await old.close();
  }
}
