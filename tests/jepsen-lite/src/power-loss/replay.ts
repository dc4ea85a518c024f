import { closeSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";
import { StateMachine, bootstrapCatalog } from "@raftkv/fsm";
import type { CommittedEntry } from "@raftkv/fsm";
import { Store } from "@raftkv/store";
import type { StateHash } from "@raftkv/store";
import { readFrame } from "raft-ts";
import type { Random } from "./random.js";
import { wholeLog } from "./whole-log.js";
import type { EntryPlace } from "./whole-log.js";

const ENTRIES_AT_ONCE_MAX = 300;

/**
 * A fourth replica: applies the whole log, from the first entry to `index`, to an empty store, in batches of random sizes. `logs` are the
 * folders of each node's segments, first of the one that has applied `index`; `under` is on the same file system as they are.
 * @throws {Error} an entry is missing.
 */
export async function replayLog(
  logs: readonly (readonly string[])[],
  index: number,
  random: Random,
  under: string,
): Promise<StateHash> {
  const dir = mkdtempSync(join(under, "replay-"));
  try {
    return await applyAll(await wholeLog(logs, index, join(dir, "logs")), index, join(dir, "store"), random);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function applyAll(
  entries: ReadonlyMap<number, EntryPlace>,
  index: number,
  directory: string,
  random: Random,
): Promise<StateHash> {
  const files = new Map<string, number>();
  const store = await Store.open(directory);
  try {
    await bootstrapCatalog(store);
    const machine = new StateMachine(store);
    for (let at = 1; at <= index;) {
      const to = Math.min(index + 1, at + random.between(1, ENTRIES_AT_ONCE_MAX));
      const batch: CommittedEntry[] = [];
      for (; at < to; at += 1) batch.push(readEntry(entries.get(at), at, files));
      await machine.apply(batch);
    }
    return await store.hashState();
  } finally {
    await store.close();
    for (const file of files.values()) closeSync(file);
  }
}

function readEntry(place: EntryPlace | undefined, index: number, files: Map<string, number>): CommittedEntry {
  if (place === undefined) throw new Error(`the log has no entry ${index}`);
  let file = files.get(place.file);
  if (file === undefined) {
    file = openSync(place.file, "r");
    files.set(place.file, file);
  }
  const bytes = Buffer.alloc(place.length);
  readSync(file, bytes, 0, place.length, place.offset);
  return readFrame(bytes, 0);
}
