import { checkpointPath, incomingPath, readCheckpointAt } from "./checkpoint-file.js";
import { databasePath } from "./generations.js";
import { REAL_DISK } from "./options.js";
import type { StoreDisk } from "./options.js";

/** What the group's log begins behind, as the disk has it. */
export interface LogBegin {
  readonly index: number;
  readonly term: number;
}

/**
 * Makes the snapshot that `SnapshotWriter.finish` left beside the store the one that counts, in one step: a rename (S10).
 * The log's base is durable at its index, and the store that was live is closed.
 */
export async function installSnapshot(directory: string, disk: StoreDisk = REAL_DISK): Promise<void> {
  const { fileSystem } = disk;
  await fileSystem.rename(incomingPath(directory), checkpointPath(directory));
  await fileSystem.syncDirectory(directory);
}

/** Takes back what `SnapshotWriter.finish` left: the log went on without it. */
export async function discardSnapshot(directory: string, disk: StoreDisk = REAL_DISK): Promise<void> {
  const { fileSystem } = disk;
  const incoming = await readCheckpointAt(fileSystem, incomingPath(directory));
  if (incoming === null) return;
  await fileSystem.remove(incomingPath(directory));
  // Durable before the data goes: a name that came back would speak of a LevelDB that is not there.
  await fileSystem.syncDirectory(directory);
  await fileSystem.remove(databasePath(directory, incoming.generation));
}

/**
 * Ends what a crash left of an installation; to be called before the store is opened. The log is asked, since the intent
 * is there first (S10): ordinary compaction never takes its base past D (S4), so a base beyond D is that of a snapshot that was
 * being installed, and the installation is completed. Otherwise the log never heard of it, and it is discarded.
 * Returns whether a snapshot was installed.
 */
export async function settleSnapshot(
  directory: string,
  base: LogBegin | null,
  disk: StoreDisk = REAL_DISK,
): Promise<boolean> {
  const { fileSystem } = disk;
  const incoming = await readCheckpointAt(fileSystem, incomingPath(directory));
  if (incoming === null) return false;
  const checkpoint = await readCheckpointAt(fileSystem, checkpointPath(directory));
  const beyond = base !== null && base.index > (checkpoint?.index ?? 0);
  if (!beyond || incoming.index !== base.index || incoming.term !== base.term) {
    await discardSnapshot(directory, disk);
    return false;
  }
  await installSnapshot(directory, disk);
  return true;
}
