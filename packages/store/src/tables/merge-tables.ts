import type { FileSystem } from "../file-system.js";
import { TableCursor } from "./cursor.js";
import { MergedCursor } from "./merged-cursor.js";
import type { Table } from "./table.js";
import { TableWriter } from "./table-writer.js";
import type { TableSize } from "./table-writer.js";

/** Entries that one turn of the event loop merges: a quarter of a millisecond (C5). */
const ENTRIES_PER_TURN = 512;
const READ_BYTES = 64 * 1024;
/** Behind every key. */
const END = Buffer.from([0xff]);
const ALL = { from: Buffer.alloc(0), to: END, reverse: false } as const;

export interface Merge {
  /** Newest first. */
  readonly tables: readonly Table[];
  readonly path: string;
  /** There is no older table, in which a removed key could still be. */
  readonly isLast: boolean;
  /** Waited for after every turn; false: give it up. */
  readonly pause: () => Promise<boolean>;
}

/** Writes a table of all that the given ones have. Its bytes are durable then, its name is not. Null when it was given up. */
export async function mergeTables(fileSystem: FileSystem, merge: Merge): Promise<TableSize | null> {
  const { tables, path, isLast, pause } = merge;
  const entriesMax = tables.reduce((sum, { size }) => sum + size.entries, 0);
  const cursors = tables.map((table, rank) => new TableCursor(table, ALL, rank, READ_BYTES));
  const merged = new MergedCursor(cursors, false);
  const writer = await TableWriter.create(fileSystem, path, entriesMax);
  try {
    for (let entries = 1; ; entries++) {
      if (!merged.isLoaded) await merged.load();
      const entry = merged.current;
      if (entry === null) return await writer.finish();
      if (!isLast || !entry.place.isRemoval) writer.add(entry.bytes, entry.from, entry.place);
      merged.advance();
      if (writer.isFull) await writer.writeOut();
      if (entries % ENTRIES_PER_TURN === 0 && !(await pause())) return null;
    }
  } finally {
    await writer.close();
  }
}
