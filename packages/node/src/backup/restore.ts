import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { readdir, rm, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import {
  SnapshotFileParser,
  Store,
  hashSmallState,
  hashWhole,
  inspectSnapshot,
  installSnapshot,
  receiveSnapshot,
} from "@raftkv/store";
import type { Checkpoint, SnapshotAbout, SnapshotWriter } from "@raftkv/store";
import { DataDirectoryError } from "../errors.js";
import { FIRST_GROUP } from "../group/open-group.js";
import { createDirectory, newRecord, saveRecord } from "../identity.js";
import type { InitialMember } from "../options.js";
import { ConfigurationError } from "../settings.js";

const READ_BYTES = 1024 * 1024;
/** Half of what a whole number can be: there are revisions behind it for as long as anybody writes. */
const REVISION_MAX = 2 ** 52;

export interface RestoreOptions {
  /** What `snapshot save` wrote. */
  readonly file: string;
  /** All members of the new cluster. */
  readonly members: readonly InitialMember[];
  /** Those whose data directories are made here. */
  readonly targets: readonly { readonly name: string; readonly dataDir: string }[];
  /** How many revisions the new cluster leaves out, so that none that clients of the old one may have seen comes again. */
  readonly bumpRevision: number;
  /** Reads and watches of older revisions are to fail: clients must not believe that they go on where they were. */
  readonly markCompacted: boolean;
  /** Reads every new store again and compares its hash with what was restored. */
  readonly control: boolean;
  readonly onProgress: (bytes: number, total: number) => void;
}

export interface Restored {
  readonly about: SnapshotAbout;
  readonly index: number;
  readonly term: number;
  readonly revision: number;
  readonly floor: number;
  readonly keys: number;
  /** Names what the members of the new cluster begin with: they talk only to those with the same one. */
  readonly source: string;
  /** Of the state that every member begins with, when it was controlled. */
  readonly stateHash: string | null;
}

/** Where a data directory is being made. */
interface Place {
  readonly dataDir: string;
  /** The outermost directory that was not there before; null when all were. */
  readonly outermost: string | null;
}

/** One data directory in the making. */
interface Making {
  readonly name: string;
  readonly dataDir: string;
  readonly groupDir: string;
  /** Null for a witness. */
  readonly writer: SnapshotWriter | null;
}

/**
 * Makes data directories of members of a new cluster out of a saved snapshot. `node.json` comes last: a directory is one of
 * a node when everything in it is durable, and is refused by `node start` until then. When it fails, what was made is removed, and
 * nothing else.
 * @throws {SnapshotFileError} the snapshot is damaged. @throws {DataDirectoryError} FOREIGN_DATA: something is there already.
 */
export async function restoreSnapshot(options: RestoreOptions): Promise<Restored> {
  const { members, targets } = options;
  for (const { name } of targets) {
    if (members.some((member) => member.name === name)) continue;
    const names = members.map((member) => member.name).join(", ");
    throw new ConfigurationError("--name", name, `one of --initial-cluster: ${names}`);
  }
  if (members.every(({ witness }) => witness)) {
    throw new ConfigurationError("--initial-cluster", null, "a cluster needs a member with data");
  }
  for (const { dataDir } of targets) await demandEmpty(dataDir);
  const places: Place[] = [];
  const making: Making[] = [];
  try {
    for (const { dataDir, name } of targets) {
      places.push({ dataDir, outermost: createDirectory(resolve(dataDir)) });
      making.push(await begin({ name, dataDir }, members));
    }
    return await restore(options, making);
  } catch (error) {
    for (const { writer } of making) await writer?.abort();
    // The first may have made what all are in.
    for (const place of places.toReversed()) await takeAway(place);
    throw error;
  }
}

/** The directory was empty, or was not there: what a node has in it was made here. */
async function takeAway({ dataDir, outermost }: Place): Promise<void> {
  for (const name of ["node.json.tmp", "node.json", "groups"])
    await rm(join(dataDir, name), { recursive: true, force: true });
  if (outermost === null) return;
  try {
    let at = resolve(dataDir);
    await rmdir(at);
    for (; at !== outermost; at = dirname(at)) await rmdir(dirname(at));
  } catch (error) {
    // Somebody else has put something there.
    if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
  }
}

async function demandEmpty(dataDir: string): Promise<void> {
  const found = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  if (found.length === 0) return;
  throw new DataDirectoryError(
    "FOREIGN_DATA",
    `${dataDir} is not empty (${found[0]} …): a snapshot is restored into a new directory`,
  );
}

async function begin(
  { name, dataDir }: { readonly name: string; readonly dataDir: string },
  members: readonly InitialMember[],
): Promise<Making> {
  const groupDir = join(dataDir, "groups", String(FIRST_GROUP));
  const isWitness = members.some((member) => member.name === name && member.witness);
  if (isWitness) return { name, dataDir, groupDir, writer: null };
  createDirectory(groupDir);
  return { name, dataDir, groupDir, writer: await receiveSnapshot(groupDir) };
}

async function restore(options: RestoreOptions, making: readonly Making[]): Promise<Restored> {
  const contents = options.control ? (await inspectSnapshot(options.file)).hash : null;
  const parser = await readInto(options, making);
  const { about, digest, head } = parser;
  if (about === null || digest === null || head === null) throw new Error("a snapshot that ended is whole");
  const changed = changedHead(head, options);
  for (const { groupDir, writer } of making) {
    if (writer === null) continue;
    await writer.finish(() => changed);
    await installSnapshot(groupDir);
  }
  const stateHash = contents === null ? null : await controlled(making, changed, contents);
  const { index, term, revision, floor, keys } = changed;
  const source = sourceOf(digest, changed);
  for (const { name, dataDir } of making) {
    saveRecord(dataDir, newRecord(name, options.members, { restored: { index, term, source } }));
  }
  return { about, index, term, revision, floor, keys, source, stateHash };
}

/** Every chunk, once it was judged, goes into every store. */
async function readInto(options: RestoreOptions, making: readonly Making[]): Promise<SnapshotFileParser> {
  const total = statSync(options.file).size;
  let chunks: Buffer[] = [];
  const parser = new SnapshotFileParser(options.file, { chunk: ({ bytes }) => chunks.push(bytes) });
  const flow = createReadStream(options.file, { highWaterMark: READ_BYTES });
  let bytes = 0;
  for await (const piece of flow) {
    parser.push(piece as Buffer);
    for (const chunk of chunks) for (const { writer } of making) await writer?.add(chunk);
    chunks = [];
    bytes += (piece as Buffer).length;
    options.onProgress(bytes, total);
  }
  parser.end();
  return parser;
}

/**
 * Where the new cluster begins. Leases stay, with the keys that are attached to them: the first entry of the new cluster
 * renews them in full (F5). Sessions go: each is a conversation of a client with the old cluster, in which it may have received answers that
 * the snapshot knows nothing of; a client that comes here opens a new one.
 */
function changedHead(head: Checkpoint, { bumpRevision, markCompacted }: RestoreOptions): Checkpoint {
  const revision = head.revision + bumpRevision;
  if (revision > REVISION_MAX)
    throw new ConfigurationError(
      "--bump-revision",
      String(bumpRevision),
      `at most ${REVISION_MAX - head.revision}`,
    );
  const state = new Map(head.state);
  state.delete("sessions");
  return { ...head, revision, state, floor: markCompacted ? revision : head.floor };
}

/** Members that were restored from one snapshot in different ways would be different replicas. */
function sourceOf(digest: Buffer, { floor, revision }: Checkpoint): string {
  return createHash("sha256").update(digest).update(`${revision} ${floor}`).digest("hex").slice(0, 32);
}

/** Opens each store as a node would, and reads all of it: it is what the file says. @returns its hash. */
async function controlled(making: readonly Making[], head: Checkpoint, contents: string): Promise<string> {
  const expected = hashWhole(head, contents, await hashSmallState(head.state, head.floor));
  for (const { dataDir, groupDir, writer } of making) {
    if (writer === null) continue;
    const store = await Store.open(groupDir);
    try {
      const { hash } = await store.hashState();
      if (hash === expected) continue;
      throw new DataDirectoryError(
        "DAMAGED",
        `${dataDir} does not hold what the snapshot has: expected the hash ${expected}, found ${hash}`,
      );
    } finally {
      await store.close();
    }
  }
  return expected;
}
