import { putBarrier } from "./database.js";
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
  await database.flushChanges();
  // The flush keeps its errors to itself; this write reports them (S2).
  await queue.barrier();
  await fileSystem.syncDirectory(database.location);
}

/** The same of everything, where nobody else writes. */
export async function makeAllDurable(database: Database, fileSystem: FileSystem): Promise<void> {
  await database.flushChanges();
  const barrier = database.batch();
  putBarrier(barrier);
  await barrier.write({ sync: true });
  await database.flushLatest();
  await fileSystem.syncDirectory(database.location);
}
