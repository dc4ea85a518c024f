import { linkSync, mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { inspectLog } from "raft-ts";
import type { InspectedRecord } from "raft-ts";

const SEGMENT = /^\d{16}\.wal$/;
const ENTRY_TYPES = new Set(["command", "noop", "configuration"]);

/** Where an entry stands. */
export interface EntryPlace {
  readonly term: number;
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** Entries one behind the other, of one node's log, as that node had them last; a snapshot begins another. */
interface Stretch {
  /** What it begins behind. */
  readonly base: { readonly index: number; readonly term: number };
  readonly entries: Map<number, EntryPlace>;
}

/**
 * Puts the whole log together that leads to entry `index` of the first of `logs`, from its first entry on. Each of `logs` is one node's:
 * the folders with the segments that it has and with those that it removed. Where a snapshot has left a gap another node's entries
 * follow: two logs that have an entry of one term at one index are equal up to it (log matching, thesis §3.5).
 * `workDir` gets links to the segments, on the same file system.
 * @throws {Error} an entry is nowhere.
 */
export async function wholeLog(
  logs: readonly (readonly string[])[],
  index: number,
  workDir: string,
): Promise<ReadonlyMap<number, EntryPlace>> {
  const stretches: Stretch[] = [];
  for (const folders of logs) stretches.push(...(await stretchesOf(folders, workDir)));
  const whole = new Map<number, EntryPlace>();
  let current = stretches[0];
  for (let at = index; at > 0; at -= 1) {
    if (current?.entries.has(at) !== true) {
      const next = whole.get(at + 1);
      const base = current?.base;
      current = stretches.find(({ entries }) =>
        next === undefined
          ? entries.get(at)?.term === base?.term
          : entries.has(at) && entries.get(at + 1)?.term === next.term,
      );
    }
    const place = current?.entries.get(at);
    if (place === undefined) throw new Error(`no log has entry ${at}`);
    whole.set(at, place);
  }
  return whole;
}

/** The last one first. */
async function stretchesOf(folders: readonly string[], workDir: string): Promise<Stretch[]> {
  mkdirSync(workDir, { recursive: true });
  const dir = mkdtempSync(join(workDir, "wal-"));
  const names = new Set<string>();
  for (const folder of folders) {
    for (const name of readdirSync(folder)) {
      // A removed segment came back at a cut, or its number was given to another: then the one that is there counts.
      if (!SEGMENT.test(name) || names.has(name)) continue;
      names.add(name);
      linkSync(join(folder, name), join(dir, name));
    }
  }
  const stretches: Stretch[] = [{ base: { index: 0, term: 0 }, entries: new Map() }];
  await inspectLog({
    dir,
    onRecords: (records) => {
      for (const record of records) add(stretches, record);
    },
  });
  return stretches;
}

function add(stretches: Stretch[], { file, index, length, offset, term, type }: InspectedRecord): void {
  const [current] = stretches;
  if (current === undefined || index === null || term === null) return;
  const { base, entries } = current;
  if (ENTRY_TYPES.has(type)) {
    // What follows in the log replaces what stood at its index, and behind it.
    for (let at: number = index; entries.delete(at); at += 1);
    entries.set(index, { term, file, offset, length });
  } else if (type === "base" && index > base.index && entries.get(index)?.term !== term) {
    stretches.unshift({ base: { index, term }, entries: new Map() });
  }
}
