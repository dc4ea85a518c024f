import { crc32 } from "node:zlib";
import type { Checkpoint } from "./checkpoint-file.js";
import { StoreError } from "./errors.js";
import { SnapshotCheck } from "./snapshot-check.js";
import {
  CHUNK_HEADER_BYTES,
  RECORD_HEADER_BYTES,
  SnapshotDamagedError,
  SnapshotFormatError,
  chunkBytes,
} from "./snapshot-chunk.js";
import type { ChunkKind } from "./snapshot-chunk.js";

/** Of the file around the stream; the chunks in it have a format of their own. */
export const SNAPSHOT_FILE_FORMAT = 1;

const HEAD = /^raftkv-snapshot crc32=([0-9a-f]{8}) bytes=(\d{1,6})$/;
const HEAD_BYTES_MAX = 64;
const NEWLINE = 0x0a;
/** The largest key and the largest value that a node can be told to take, and what they can share a chunk with. */
const CHUNK_BYTES_MAX = (16 + 256 + 1) * 1024 * 1024;

/** Where a saved snapshot comes from. What it is of stands in the stream. */
export interface SnapshotAbout {
  readonly clusterId: string;
  /** The member that it was saved from. */
  readonly node: string;
  /** Of the program that wrote it. */
  readonly version: string;
  /** By that node's wall clock, ISO 8601: for people alone. */
  readonly savedAt: string;
}

/** A saved snapshot is not what was saved. */
export class SnapshotFileError extends StoreError {
  override readonly name = "SnapshotFileError";
  readonly file: string;
  /** Where in the file the piece begins that is damaged. */
  readonly offset: number;
  /** The chunk that is damaged or missing; null for what stands before the first. */
  readonly chunk: number | null;
  readonly expected: string;
  readonly found: string;

  constructor(at: { file: string; offset: number; chunk: number | null; expected: string; found: string }) {
    const piece = at.chunk === null ? "" : ` (chunk ${at.chunk})`;
    super(
      "SNAPSHOT_DAMAGED",
      `${at.file} is damaged at byte ${at.offset}${piece}: expected ${at.expected}, found ${at.found}`,
    );
    this.file = at.file;
    this.offset = at.offset;
    this.chunk = at.chunk;
    this.expected = at.expected;
    this.found = at.found;
  }
}

/** What stands before the chunks: a line that says what follows, and a line of JSON. */
export function encodeAbout({ clusterId, node, version, savedAt }: SnapshotAbout): Buffer {
  const body = Buffer.from(
    `${JSON.stringify({ format: SNAPSHOT_FILE_FORMAT, clusterId, node, version, savedAt })}\n`,
  );
  const crc = crc32(body).toString(16).padStart(8, "0");
  return Buffer.concat([Buffer.from(`raftkv-snapshot crc32=${crc} bytes=${body.length}\n`), body]);
}

/** A chunk in its file. */
export interface PlacedChunk {
  readonly kind: ChunkKind;
  readonly bytes: Buffer;
  /** Of its first byte, in the file. */
  readonly offset: number;
}

export interface SnapshotFileListener {
  /** A chunk that was found sound, behind its records. */
  readonly chunk?: (chunk: PlacedChunk) => void;
  /** `offset` is that of the record in the file. */
  readonly record?: (key: Buffer, value: Buffer, offset: number) => void;
}

/** Takes a saved snapshot apart, in pieces of any size, and judges every byte of it. */
export class SnapshotFileParser {
  readonly #file: string;
  readonly #listener: SnapshotFileListener;
  readonly #check = new SnapshotCheck();
  #about: SnapshotAbout | null = null;
  /** Length of the JSON line and its checksum, once the line before it was read. */
  #announced: { readonly bytes: number; readonly crc: string } | null = null;
  #offset = 0;
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #wanted = 1;

  /** @param file how errors name it. */
  constructor(file: string, listener: SnapshotFileListener = {}) {
    this.#file = file;
    this.#listener = listener;
  }

  /** Null until it came. */
  get about(): SnapshotAbout | null {
    return this.#about;
  }

  /** Null until it came whole. */
  get head(): Checkpoint | null {
    return this.#check.head;
  }

  get records(): number {
    return this.#check.records;
  }

  /** Chunks that were found sound. */
  get chunks(): number {
    return this.#check.next;
  }

  get digest(): Buffer | null {
    return this.#check.digest;
  }

  /** @throws {SnapshotFileError} says where. @throws {SnapshotFormatError} a newer version wrote it. */
  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
    if (this.#pieceBytes < this.#wanted) return;
    let bytes = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces, this.#pieceBytes);
    while (bytes.length > 0) {
      const taken = this.#take(bytes);
      if (taken === 0) break;
      this.#offset += taken;
      this.#wanted = 1;
      bytes = bytes.subarray(taken);
    }
    this.#pieces = bytes.length === 0 ? [] : [bytes];
    this.#pieceBytes = bytes.length;
  }

  /** Nothing comes any more. @throws {SnapshotFileError} it was not all. */
  end(): void {
    if (this.#check.complete) return;
    throw this.#damaged(
      this.#about === null ? "the head of a saved snapshot" : "a whole chunk",
      this.#pieceBytes === 0 ? "the end of the file" : `${this.#pieceBytes} bytes to the end of the file`,
    );
  }

  /** Bytes of what was whole; 0: more are needed, `#wanted` in all. */
  #take(bytes: Buffer): number {
    if (this.#announced === null) return this.#announcement(bytes);
    if (this.#about === null) return this.#aboutLine(bytes, this.#announced);
    if (this.#check.complete) throw this.#damaged("the end of the file", "bytes behind the last chunk");
    return this.#chunk(bytes);
  }

  #announcement(bytes: Buffer): number {
    const end = bytes.subarray(0, HEAD_BYTES_MAX).indexOf(NEWLINE);
    if (end < 0 && bytes.length < HEAD_BYTES_MAX) {
      this.#wanted = bytes.length + 1;
      return 0;
    }
    const head = HEAD.exec(bytes.toString("latin1", 0, Math.max(end, 0)));
    if (head === null) {
      throw this.#damaged("the head of a saved snapshot", JSON.stringify(bytes.toString("latin1", 0, 40)));
    }
    this.#announced = { crc: head[1] ?? "", bytes: Number(head[2]) };
    return end + 1;
  }

  #aboutLine(
    bytes: Buffer,
    { bytes: length, crc }: { readonly bytes: number; readonly crc: string },
  ): number {
    this.#wanted = length;
    if (bytes.length < length) return 0;
    const line = bytes.subarray(0, length);
    const found = crc32(line).toString(16).padStart(8, "0");
    if (found !== crc) throw this.#damaged(`a checksum of 0x${crc}`, `0x${found}`);
    const { format, clusterId, node, version, savedAt } = JSON.parse(line.toString()) as SnapshotAbout & {
      readonly format: number;
    };
    if (format > SNAPSHOT_FILE_FORMAT) throw new SnapshotFormatError(format);
    this.#about = { clusterId, node, version, savedAt };
    return length;
  }

  #chunk(bytes: Buffer): number {
    this.#wanted = CHUNK_HEADER_BYTES;
    if (bytes.length < CHUNK_HEADER_BYTES) return 0;
    const length = chunkBytes(bytes);
    if (length === null) {
      throw this.#damaged("a chunk", `0x${bytes.subarray(0, 4).toString("hex")}, with which none begins`);
    }
    if (length < CHUNK_HEADER_BYTES || length > CHUNK_BYTES_MAX)
      throw this.#damaged("a chunk's length", `${length} bytes`);
    this.#wanted = length;
    if (bytes.length < length) return 0;
    this.#judge(bytes.subarray(0, length));
    return length;
  }

  #judge(bytes: Buffer): void {
    const { chunk, record } = this.#listener;
    const offset = this.#offset;
    // Where the records' keys begin: each has its two lengths before it.
    let at = offset + CHUNK_HEADER_BYTES;
    try {
      const kind = this.#check.add(bytes, (key, value) => {
        record?.(key, value, at);
        at += RECORD_HEADER_BYTES + key.length + value.length;
      });
      chunk?.({ kind, bytes, offset });
    } catch (error) {
      if (!(error instanceof SnapshotDamagedError)) throw error;
      throw this.#damaged(error.expected, error.found);
    }
  }

  #damaged(expected: string, found: string): SnapshotFileError {
    const chunk = this.#about === null ? null : this.#check.next;
    return new SnapshotFileError({ file: this.#file, offset: this.#offset, chunk, expected, found });
  }
}
