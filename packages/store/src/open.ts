import {
  CHECKPOINT_FORMAT,
  incomingPath,
  readCheckpoint,
  readCheckpointAt,
  readFormat,
  temporaryPath,
} from "./checkpoint-file.js";
import type { Checkpoint } from "./checkpoint-file.js";
import { levelOfLatestPath } from "./database.js";
import type { Database, DatabaseOptions, OpenDatabase } from "./database.js";
import type { FileSystem } from "./file-system.js";
import { databasePath, generationsIn } from "./generations.js";
import { returnToCheckpoint } from "./return-to-checkpoint.js";
import { upgradeFormat } from "./upgrade-format.js";

export interface OpenedDatabase {
  readonly database: Database;
  readonly checkpoint: Checkpoint | null;
  readonly generation: number;
  /** Changes after the checkpoint that were undone. */
  readonly undoneChanges: number;
}

/**
 * Opens the LevelDB that the D file names and returns it to that checkpoint (S3). Without a D file there is no
 * checkpoint that a return could lead to: whatever is there is discarded, and an empty store takes its place.
 */
export async function openAtCheckpoint(
  directory: string,
  options: DatabaseOptions & { readonly inlineValueBytesMax: number },
  disk: { readonly fileSystem: FileSystem; readonly openDatabase: OpenDatabase },
): Promise<OpenedDatabase> {
  const { fileSystem } = disk;
  await fileSystem.makeDirectory(directory);
  const checkpoint = await readCheckpoint(fileSystem, directory);
  // A process that was killed behind the rename left a name that may be in memory only. Records would be written on
  // the strength of it, and a power loss would bring the old checkpoint back under them (W11).
  await fileSystem.syncDirectory(directory);
  // A snapshot whose installation the log may ask to be completed, which is settled by who knows the log (S10).
  const incoming = await readCheckpointAt(fileSystem, incomingPath(directory));
  const found = await generationsIn(directory, fileSystem);
  // Never the number of one that is discarded: a removal that a power loss takes back must not mix with what is new.
  const generation = checkpoint?.generation ?? Math.max(0, ...found) + 1;
  for (const other of found) {
    if (other !== generation && other !== incoming?.generation)
      await fileSystem.remove(databasePath(directory, other));
  }
  await fileSystem.remove(temporaryPath(directory));
  await fileSystem.remove(`${incomingPath(directory)}.tmp`);
  const format = checkpoint === null ? CHECKPOINT_FORMAT : await readFormat(fileSystem, directory);
  if (checkpoint !== null && format < CHECKPOINT_FORMAT)
    await upgradeFormat(directory, { checkpoint, format }, options, fileSystem);
  const location = databasePath(directory, generation);
  const database = await disk.openDatabase(location, { ...options, create: checkpoint === null });
  try {
    // LevelDB renames and creates files as it opens, and syncs no name but those of tables (S1).
    await fileSystem.syncDirectory(location);
    await fileSystem.remove(levelOfLatestPath(location));
    const undoneChanges =
      checkpoint === null ? 0 : await returnToCheckpoint(database, checkpoint, options.inlineValueBytesMax);
    return { database, checkpoint, generation, undoneChanges };
  } catch (error) {
    await database.close();
    throw error;
  }
}
