import { createHash } from "node:crypto";
import { closeSync, createReadStream, fstatSync, openSync, readSync } from "node:fs";
import { addKey, hashSmallState, hashWhole } from "./contents-hash.js";
import { invariant } from "./errors.js";
import { decodeRecord } from "./record.js";
import { ATTACHED, CHANGE, keyBehindNumber, keyOfLatest, revisionOfChange } from "./record-keys.js";
import { RECORD_HEADER_BYTES } from "./snapshot-chunk.js";
import { SNAPSHOT_FILE_FORMAT, SnapshotFileError, SnapshotFileParser } from "./snapshot-file.js";
import type { SnapshotAbout } from "./snapshot-file.js";
import { isDeletion } from "./version.js";
import type { Version } from "./version.js";

/** What a saved snapshot holds, every byte of it verified. */
export interface SnapshotInspection extends SnapshotAbout {
  readonly format: number;
  readonly bytes: number;
  readonly chunks: number;
  readonly index: number;
  readonly term: number;
  readonly revision: number;
  /** The compaction floor: older revisions cannot be read. */
  readonly floor: number;
  /** Keys that are there at `revision`. */
  readonly keys: number;
  /** What keys and values take of them. */
  readonly keyValueBytes: number;
  /** Versions, of the past too. */
  readonly changes: number;
  /** Keys that are attached to a lease. */
  readonly attached: number;
  /** Bytes of each piece of the small state. */
  readonly state: Readonly<Record<string, number>>;
  /** Of the contents at `revision`: what a node says of that revision. */
  readonly hash: string;
  /** Of contents and small state: what a node says of that applied index. */
  readonly stateHash: string;
  /** SHA-256 of the stream: two saved snapshots with the same one hold the same. */
  readonly digest: string;
}

const READ_BYTES = 1024 * 1024;
/** A record that is looked up is read in one go when it takes no more. */
const LOOKUP_BYTES = 1024;

/**
 * Reads a saved snapshot from its first byte to its last.
 * @throws {SnapshotFileError} where it is damaged. @throws {SnapshotFormatError} a newer version wrote it.
 */
export async function inspectSnapshot(
  path: string,
  onProgress: (bytes: number, total: number) => void = () => undefined,
): Promise<SnapshotInspection> {
  const file = openSync(path, "r");
  try {
    const total = fstatSync(file).size;
    const contents = new Contents(path, file);
    const parser = new SnapshotFileParser(path, {
      record: (key, value, offset) => contents.add(key, value, offset),
    });
    let bytes = 0;
    for await (const piece of createReadStream(path, { highWaterMark: READ_BYTES })) {
      parser.push(piece as Buffer);
      bytes += (piece as Buffer).length;
      onProgress(bytes, total);
    }
    parser.end();
    return await summary(parser, contents, total);
  } finally {
    closeSync(file);
  }
}

async function summary(
  parser: SnapshotFileParser,
  contents: Contents,
  bytes: number,
): Promise<SnapshotInspection> {
  const { about, chunks, digest, head } = parser;
  invariant(
    about !== null && head !== null && digest !== null,
    "a snapshot that was read to its end is whole",
  );
  const { index, term, revision, floor, state } = head;
  const { attached, changes, keys, keyValueBytes } = contents;
  const hash = contents.hash();
  return {
    ...about,
    format: SNAPSHOT_FILE_FORMAT,
    bytes,
    chunks,
    index,
    term,
    revision,
    floor,
    keys,
    keyValueBytes,
    changes,
    attached,
    state: Object.fromEntries([...state].map(([name, value]) => [name, value.length])),
    hash,
    stateHash: hashWhole({ index, revision }, hash, await hashSmallState(state, floor)),
    digest: digest.toString("hex"),
  };
}

/** Hashes what is there at the snapshot's revision, as `hashContents` does in a store: the latest versions, in order. */
class Contents {
  readonly #path: string;
  readonly #file: number;
  readonly #hash = createHash("sha256");
  readonly #offsets = new ChangeOffsets();
  attached = 0;
  changes = 0;
  keys = 0;
  keyValueBytes = 0;

  constructor(path: string, file: number) {
    this.#path = path;
    this.#file = file;
  }

  hash(): string {
    return this.#hash.digest("hex");
  }

  /** All changes come before the latest versions, which may leave their values to them. */
  add(record: Buffer, value: Buffer, offset: number): void {
    if (record[0] === ATTACHED) {
      this.attached += 1;
    } else if (record[0] === CHANGE) {
      this.changes += 1;
      this.#offsets.add(revisionOfChange(record), offset);
    } else {
      this.#latest(keyOfLatest(record), value, offset);
    }
  }

  #latest(key: Buffer, value: Buffer, offset: number): void {
    const name = key.toString("latin1");
    const latest = decodeRecord(name, value, this.#path);
    if (isDeletion(latest)) return;
    const version = latest.valueStart < 0 ? this.#change(name, key, latest, offset) : latest;
    addKey(this.#hash, key, version);
    this.keys += 1;
    this.keyValueBytes += key.length + version.valueEnd - version.valueStart;
  }

  #change(name: string, key: Buffer, latest: Version, offset: number): Version {
    const { modRevision } = latest;
    // The changes of a revision are in the order of their keys: a transaction can have many.
    let [low, high] = this.#offsets.of(modRevision);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const [record, value] = this.#record(this.#offsets.at(middle));
      const order = keyBehindNumber(record).compare(key);
      if (order === 0) return decodeRecord(name, value, this.#path);
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    throw new SnapshotFileError({
      file: this.#path,
      offset,
      chunk: null,
      expected: `the change of the key 0x${key.subarray(0, 64).toString("hex")} at revision ${modRevision}`,
      found: "none",
    });
  }

  #record(offset: number): readonly [Buffer, Buffer] {
    let bytes = this.#read(offset, LOOKUP_BYTES);
    const keyBytes = bytes.readUInt32LE(0);
    const valueStart = RECORD_HEADER_BYTES + keyBytes;
    const end = valueStart + bytes.readUInt32LE(4);
    if (bytes.length < end) bytes = this.#read(offset, end);
    return [bytes.subarray(RECORD_HEADER_BYTES, valueStart), bytes.subarray(valueStart, end)];
  }

  #read(offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    let read = 0;
    for (;;) {
      const more = readSync(this.#file, bytes, read, length - read, offset + read);
      read += more;
      if (more === 0 || read === length) return bytes.subarray(0, read);
    }
  }
}

/** Where the changes of a revision stand in the file: 16 bytes for each change. They come in ascending order. */
class ChangeOffsets {
  #revisions = new Float64Array(1024);
  #offsets = new Float64Array(1024);
  #length = 0;

  add(revision: number, offset: number): void {
    if (this.#length === this.#revisions.length) {
      this.#revisions = grown(this.#revisions);
      this.#offsets = grown(this.#offsets);
    }
    this.#revisions[this.#length] = revision;
    this.#offsets[this.#length] = offset;
    this.#length += 1;
  }

  at(place: number): number {
    return this.#offsets[place] ?? 0;
  }

  /** The places of those of a revision, half-open. */
  of(revision: number): readonly [number, number] {
    return [this.#firstFrom(revision), this.#firstFrom(revision + 1)];
  }

  #firstFrom(revision: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#revisions[middle] ?? 0) < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function grown(array: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
}
