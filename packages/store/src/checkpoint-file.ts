import { join } from "node:path";
import { crc32 } from "node:zlib";
import { StoreCorruptError, StoreError } from "./errors.js";
import type { FileSystem } from "./file-system.js";
import { nextTurn } from "./latest-scan.js";
import type { Position } from "./position.js";
import { shortParts } from "./small-state.js";

/** Of the D file, and of the records that it names: 1 had all in one LevelDB, 2 the latest versions in another. */
export const CHECKPOINT_FORMAT = 3;
/** The head of a snapshot is a D file of format 1: its records are those of either. */
export const SNAPSHOT_HEAD_FORMAT = 1;
const HEAD = /^raftkv-checkpoint (\d+) crc32=([0-9a-f]{8}) bytes=(\d+)$/;
const HEAD_OF_ANY_LENGTH = /^raftkv-checkpoint (\d+) /;
const NEWLINE = 0x0a;
const HEAD_BYTES_MAX = 128;

/** State that is small enough to be written whole with every checkpoint: a name, and bytes that mean nothing here. */
export type SmallState = ReadonlyMap<string, Uint8Array>;

/** A point that every opening returns to exactly (S3). */
export interface Checkpoint extends Position {
  /** History that the floor made useless is gone up to this revision. Of this replica alone (S4). */
  readonly collected: number;
  /** The LevelDB that it belongs to: the directory `store-<generation>`. */
  readonly generation: number;
  readonly state: SmallState;
}

/** Written by a newer version of this program. */
export class CheckpointFormatError extends StoreError {
  override readonly name = "CheckpointFormatError";

  constructor(file: string, format: number, formatMax: number) {
    super(
      "UNKNOWN_FORMAT",
      `${file} has format ${format}, this version reads ${formatMax}: it was written by a newer version`,
    );
  }
}

export function checkpointPath(directory: string): string {
  return join(directory, "checkpoint");
}

/** Where a checkpoint is written before it takes its name. One that was never finished is found here. */
export function temporaryPath(directory: string): string {
  return join(directory, "checkpoint.tmp");
}

/** The D file that a snapshot will have once it is installed: its data is whole, and durable beside the live store (S10). */
export function incomingPath(directory: string): string {
  return join(directory, "checkpoint.incoming");
}

/**
 * Reads the D file; null when there is none.
 * @throws {StoreCorruptError} it is not what was written: its head, its length, its checksum or a field.
 * @throws {CheckpointFormatError} a newer version wrote it.
 */
export function readCheckpoint(fileSystem: FileSystem, directory: string): Promise<Checkpoint | null> {
  return readCheckpointAt(fileSystem, checkpointPath(directory));
}

/** The same of a file in the D file's format under another name. */
export async function readCheckpointAt(fileSystem: FileSystem, path: string): Promise<Checkpoint | null> {
  const bytes = await fileSystem.readFile(path);
  return bytes === null ? null : decodeCheckpoint(bytes, path);
}

/** The format of the D file, which is there and was read before. */
export async function readFormat(fileSystem: FileSystem, directory: string): Promise<number> {
  const bytes = await fileSystem.readFile(checkpointPath(directory));
  const head = HEAD_OF_ANY_LENGTH.exec(bytes?.toString("latin1", 0, HEAD_BYTES_MAX) ?? "");
  return Number(head?.[1]);
}

/**
 * Makes `checkpoint` the one that counts: after it resolves, for good; before, either the old or the new one is
 * there, whole. The caller has made what it stands for durable (S2).
 */
export function writeCheckpoint(
  fileSystem: FileSystem,
  directory: string,
  checkpoint: Checkpoint,
): Promise<void> {
  const [path, temporary] = [checkpointPath(directory), temporaryPath(directory)];
  return replaceFile(fileSystem, { directory, path, temporary }, checkpoint);
}

/** Says beside the D file that a snapshot is whole; as `writeCheckpoint`, and both may be under way at the same time. */
export function writeIncoming(
  fileSystem: FileSystem,
  directory: string,
  checkpoint: Checkpoint,
): Promise<void> {
  const path = incomingPath(directory);
  return replaceFile(fileSystem, { directory, path, temporary: `${path}.tmp` }, checkpoint);
}

async function replaceFile(
  fileSystem: FileSystem,
  { directory, path, temporary }: { directory: string; path: string; temporary: string },
  checkpoint: Checkpoint,
): Promise<void> {
  await fileSystem.writeFile(temporary, await encodeCheckpoint(checkpoint));
  await fileSystem.rename(temporary, path);
  await fileSystem.syncDirectory(directory);
}

/**
 * A line that says what follows, a line of JSON, then the bytes of the small state one after the other. Large ones take several turns of the
 * event loop (C5).
 */
export async function encodeCheckpoint(checkpoint: Checkpoint, format = CHECKPOINT_FORMAT): Promise<Buffer> {
  const names = [...checkpoint.state.keys()].sort();
  const values = names.map((name) => checkpoint.state.get(name) ?? new Uint8Array());
  const facts = {
    index: checkpoint.index,
    term: checkpoint.term,
    revision: checkpoint.revision,
    floor: checkpoint.floor,
    keys: checkpoint.keys,
    collected: checkpoint.collected,
    generation: checkpoint.generation,
    state: names.map((name, i) => [name, values[i]?.length ?? 0]),
  };
  const parts = [Buffer.from(`${JSON.stringify(facts)}\n`), ...values];
  const bodyBytes = parts.reduce((sum, { length }) => sum + length, 0);
  const head = (crc: number): string =>
    `raftkv-checkpoint ${format} crc32=${crc.toString(16).padStart(8, "0")} bytes=${bodyBytes}\n`;
  const headBytes = head(0).length;
  const bytes = Buffer.allocUnsafeSlow(headBytes + bodyBytes);
  let [crc, at] = [crcOfFormat(format), headBytes];
  for (const part of parts) {
    for (const short of shortParts(part)) {
      crc = crc32(short, crc);
      bytes.set(short, at);
      at += short.length;
      await nextTurn();
    }
  }
  bytes.write(head(crc), "latin1");
  return bytes;
}

/** `formatMax` is the newest format that will do. */
export function decodeCheckpoint(bytes: Buffer, path: string, formatMax = CHECKPOINT_FORMAT): Checkpoint {
  const headEnd = bytes.subarray(0, HEAD_BYTES_MAX).indexOf(NEWLINE);
  const head = HEAD.exec(bytes.toString("latin1", 0, Math.max(headEnd, 0)));
  if (head === null) {
    const found = bytes.length === 0 ? "an empty file" : JSON.stringify(bytes.toString("latin1", 0, 40));
    throw new StoreCorruptError(path, "the head of a checkpoint", found);
  }
  const format = Number(head[1]);
  if (format < 1) throw new StoreCorruptError(path, "a format from 1", `${format}`);
  if (format > formatMax) throw new CheckpointFormatError(path, format, formatMax);
  const body = bytes.subarray(headEnd + 1);
  if (body.length !== Number(head[3])) {
    throw new StoreCorruptError(path, `${head[3]} bytes behind its head`, `${body.length}`);
  }
  const crc = crc32(body, crcOfFormat(format)).toString(16).padStart(8, "0");
  if (crc !== head[2]) throw new StoreCorruptError(path, `a checksum of ${head[2]}`, crc);
  return decodeBody(body, path);
}

/**
 * What the checksum begins with. From format 3 on it covers the format: a bit that flips there must not make an older format of it, whose
 * latest versions would be looked for elsewhere.
 */
function crcOfFormat(format: number): number {
  return format < 3 ? 0 : crc32(`raftkv-checkpoint ${format}`);
}

function decodeBody(body: Buffer, path: string): Checkpoint {
  const factsEnd = body.indexOf(NEWLINE);
  const facts: unknown = JSON.parse(body.toString("utf8", 0, factsEnd));
  if (!isFacts(facts)) throw new StoreCorruptError(path, "the facts of a checkpoint", JSON.stringify(facts));
  const state = new Map<string, Uint8Array>();
  let offset = factsEnd + 1;
  for (const [name, length] of facts.state) {
    state.set(name, Uint8Array.from(body.subarray(offset, offset + length)));
    offset += length;
  }
  if (offset !== body.length) {
    throw new StoreCorruptError(path, `${offset} bytes with its state`, `${body.length}`);
  }
  const { index, term, revision, floor, keys, collected, generation } = facts;
  return { index, term, revision, floor, keys, collected, generation, state };
}

const COUNTS = ["index", "term", "revision", "floor", "keys", "collected", "generation"] as const;

type Facts = { [Name in (typeof COUNTS)[number]]: number } & { state: [string, number][] };

function isFacts(value: unknown): value is Facts {
  if (typeof value !== "object" || value === null) return false;
  const facts = value as Record<string, unknown>;
  return (
    COUNTS.every((name) => isCount(facts[name])) &&
    Array.isArray(facts["state"]) &&
    facts["state"].every((pair) => Array.isArray(pair) && typeof pair[0] === "string" && isCount(pair[1]))
  );
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
