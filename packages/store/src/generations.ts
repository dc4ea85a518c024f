import { join } from "node:path";
import { incomingPath, readCheckpoint, readCheckpointAt } from "./checkpoint-file.js";
import type { Database, DatabaseOptions } from "./database.js";
import type { FileSystem } from "./file-system.js";
import type { StoreDisk } from "./options.js";

const GENERATION_NAME = /^store-(\d+)$/;

export function databasePath(directory: string, generation: number): string {
  return join(directory, `store-${generation}`);
}

/** The numbers of the LevelDBs in a group's directory. */
export async function generationsIn(directory: string, fileSystem: FileSystem): Promise<number[]> {
  const generations: number[] = [];
  for (const name of await fileSystem.list(directory)) {
    const match = GENERATION_NAME.exec(name);
    if (match !== null) generations.push(Number(match[1]));
  }
  return generations;
}

/**
 * Creates an empty LevelDB beside the one that is live, and removes what earlier tries left. Its number is one that nothing
 * in the directory has: a removal that a power loss takes back must not mix with what is new.
 */
export async function createNextGeneration(
  directory: string,
  options: DatabaseOptions,
  disk: StoreDisk,
): Promise<{ readonly database: Database; readonly generation: number }> {
  const { fileSystem } = disk;
  await fileSystem.makeDirectory(directory);
  const live = (await readCheckpoint(fileSystem, directory))?.generation ?? 0;
  const incoming = (await readCheckpointAt(fileSystem, incomingPath(directory)))?.generation ?? 0;
  const found = await generationsIn(directory, fileSystem);
  for (const other of found) {
    if (other !== live && other !== incoming) await fileSystem.remove(databasePath(directory, other));
  }
  const generation = Math.max(live, incoming, ...found) + 1;
  const database = await disk.openDatabase(databasePath(directory, generation), { ...options, create: true });
  return { database, generation };
}
