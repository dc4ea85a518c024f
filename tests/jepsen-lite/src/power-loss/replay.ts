import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StateMachine, bootstrapCatalog } from "@raftkv/fsm";
import type { CommittedEntry } from "@raftkv/fsm";
import { Store } from "@raftkv/store";
import { frameBody, inspectLog, readFrame } from "raft-ts";
import type { Random } from "./random.js";

const SEGMENT = /^\d{16}\.wal$/;
const ENTRIES_AT_ONCE_MAX = 300;
const ENTRY_TYPES = new Set(["command", "noop", "configuration"]);

/** What a replica shows that has applied the whole log. */
export interface Replayed {
  readonly revision: number;
  readonly hash: string;
}

interface EntryPlace {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/**
 * A fourth replica: applies a node's whole log, from the first entry to `index`, to an empty store, in batches of random
 * sizes. `folders` hold the segments: those that the node has, then those that it removed; it must have committed `index`.
 * `under` is on the same file system as they are.
 * @throws {Error} an entry is missing.
 */
export async function replayLog(
  folders: readonly string[],
  index: number,
  random: Random,
  under: string = tmpdir(),
): Promise<Replayed> {
  const dir = mkdtempSync(join(under, "replay-"));
  try {
    const wal = join(dir, "wal");
    mkdirSync(wal);
    const names = new Set<string>();
    for (const folder of folders) {
      for (const name of readdirSync(folder)) {
        // A removed segment came back at a cut, or its number was given to another: then the one that is there counts.
        if (!SEGMENT.test(name) || names.has(name)) continue;
        names.add(name);
        linkSync(join(folder, name), join(wal, name));
      }
    }
    return await applyAll(await entriesIn(wal), index, join(dir, "store"), random);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Where the last version of each entry stands: what follows in the log replaces what stood at its index. */
async function entriesIn(wal: string): Promise<ReadonlyMap<number, EntryPlace>> {
  const entries = new Map<number, EntryPlace>();
  await inspectLog({
    dir: wal,
    onRecords: (records) => {
      for (const { file, index, length, offset, type } of records) {
        if (index !== null && ENTRY_TYPES.has(type)) entries.set(index, { file, offset, length });
      }
    },
  });
  return entries;
}

async function applyAll(
  entries: ReadonlyMap<number, EntryPlace>,
  index: number,
  directory: string,
  random: Random,
): Promise<Replayed> {
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
    const { hash, revision } = await store.hash();
    return { revision, hash };
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
  const frame = readFrame(bytes, 0);
  return { index: frame.index, term: frame.term, kind: frame.kind, body: frameBody(frame) };
}
