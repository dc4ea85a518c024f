import { existsSync, lstatSync, readdirSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { readNamesJournal } from "./journal.js";
import type { NamesChange } from "./journal.js";

/** How many of a directory's unsynced changes survive, the oldest first: they do as a prefix, in order. */
export type NamesFate = (unsynced: number) => number;

/**
 * Takes back what the directories below `root` did not have synced. From the top down: a directory whose own name is
 * lost is gone with all that is in it. Returns the times of the changes that were lost.
 */
export function restoreNames(root: string, shadow: string, fate: NamesFate): number[] {
  const journal = join(shadow, "names", String(lstatSync(root).ino));
  const { unsynced } = readNamesJournal(journal);
  const lost = unsynced.slice(fate(unsynced.length));
  for (const change of lost.toReversed()) undo(root, join(shadow, "kept"), change);
  const times = lost.map(({ time }) => time);
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (entry.isDirectory()) times.push(...restoreNames(join(root, entry.name), shadow, fate));
  }
  return times;
}

/** A process may have been killed between a record and what it speaks of: then there is nothing to undo. */
function undo(directory: string, keptIn: string, { kind, name, newName, kept }: NamesChange): void {
  const path = join(directory, name);
  switch (kind) {
    case "add":
      if (exists(path)) unlinkSync(path);
      return;
    case "makeDirectory":
      rmSync(path, { recursive: true, force: true });
      return;
    case "remove":
      if (!exists(path) && kept !== null) renameSync(join(keptIn, kept), path);
      return;
    case "rename": {
      if (exists(path)) return;
      const newPath = join(directory, newName);
      renameSync(newPath, path);
      if (kept !== null) renameSync(join(keptIn, kept), newPath);
    }
  }
}

/** Unlike existsSync it sees a symbolic link that leads nowhere. */
function exists(path: string): boolean {
  return existsSync(path) || lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
