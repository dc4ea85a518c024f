import { flushChanges, flushLatest, latestPath, putBarrier, putLatestBarrier } from "./database.js";
import type { Database } from "./database.js";
import type { FileSystem } from "./file-system.js";
import type { WriteQueue } from "./write-queue.js";

/** What a flush needs. */
export interface Flushable {
  readonly queue: WriteQueue;
  readonly database: Database;
  readonly fileSystem: FileSystem;
}

/** Makes every entry that was handed over before the call durable, as tables (S2). Writes may go on meanwhile. */
export async function makeDurable({ queue, database, fileSystem }: Flushable): Promise<void> {
  await queue.drained();
  await flushChanges(database);
  // The flush keeps its errors to itself; this write reports them (S2).
  await queue.barrier();
  await fileSystem.syncDirectory(database.location);
}

/** The same of every record of a latest version that was written before the call. */
export async function makeLatestDurable({ queue, database, fileSystem }: Flushable): Promise<void> {
  await flushLatest(database);
  const barrier = database.batch();
  putLatestBarrier(barrier);
  await queue.writeAside(barrier, true);
  await fileSystem.syncDirectory(latestPath(database.location));
}

/** The same of everything, where nobody else writes. */
export async function makeAllDurable(database: Database, fileSystem: FileSystem): Promise<void> {
  await flushChanges(database);
  await flushLatest(database);
  for (const put of [putBarrier, putLatestBarrier]) {
    const barrier = database.batch();
    put(barrier);
    await barrier.write({ sync: true });
  }
  await fileSystem.syncDirectory(database.location);
  await fileSystem.syncDirectory(latestPath(database.location));
}
