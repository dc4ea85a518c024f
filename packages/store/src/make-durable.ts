import { flushMemtable } from "./database.js";
import type { Database } from "./database.js";
import type { FileSystem } from "./file-system.js";
import type { WriteQueue } from "./write-queue.js";

/** What a flush needs. */
export interface Flushable {
  readonly queue: WriteQueue;
  readonly database: Database;
  readonly fileSystem: FileSystem;
}

/** Makes everything that was handed over before the call durable, as tables (S2). Writes may go on meanwhile. */
export async function makeDurable({ queue, database, fileSystem }: Flushable): Promise<void> {
  await queue.drained();
  await flushMemtable(database);
  // The flush keeps its errors to itself; this write reports them (S2).
  await queue.barrier();
  await fileSystem.syncDirectory(database.location);
}
