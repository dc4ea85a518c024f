import { Damage, decodeBatch, readBatchHeader } from "./batch-decoder.js";
import type { BatchHeader } from "./batch-decoder.js";
import type { LogFile } from "./file-system.js";
import { BATCH_ALIGNMENT_BYTES, BATCH_HEADER_BYTES, BATCH_MAGIC } from "./record.js";
import type { LogRecord } from "./record.js";
import { SEGMENT_HEADER_BYTES } from "./segment.js";
import type { SegmentHeader } from "./segment.js";

const CHUNK_BYTES = 1024 * 1024;
const NOTHING_READ: ReadBytes = { offset: 0, bytes: Buffer.alloc(0) };
const ZEROS = Buffer.alloc(CHUNK_BYTES);
const ZERO_HEADER = ZEROS.subarray(0, BATCH_HEADER_BYTES);

/** What was read of a file last. */
export interface ReadBytes {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** A file read through a window of 1 MiB, or of one batch where that is more. */
export class FileWindow {
  readonly file: LogFile;
  readonly fileBytes: number;
  /** Null: each window is memory of its own. */
  readonly #reused: Buffer<ArrayBuffer> | null;
  #bytes: Buffer;
  #offset: number;

  /** @param keeps frames of it may be kept; otherwise what was read is good until the next read, which takes its place. */
  constructor(file: LogFile, fileBytes: number, keeps = true, last: ReadBytes = NOTHING_READ) {
    this.file = file;
    this.fileBytes = fileBytes;
    this.#bytes = last.bytes;
    this.#offset = last.offset;
    this.#reused = keeps ? null : Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, fileBytes));
  }

  get last(): ReadBytes {
    return { offset: this.#offset, bytes: this.#bytes };
  }

  /** The bytes [offset, offset + length), or fewer at the end of the file, as a view. */
  async read(offset: number, length: number): Promise<Buffer> {
    const end = Math.min(offset + length, this.fileBytes);
    if (offset < this.#offset || end > this.#offset + this.#bytes.length) {
      const wanted = Math.max(0, Math.min(Math.max(length, CHUNK_BYTES), this.fileBytes - offset));
      const reused = this.#reused;
      const target =
        reused !== null && wanted <= reused.length
          ? reused.subarray(0, wanted)
          : Buffer.allocUnsafeSlow(wanted);
      this.#bytes = target.subarray(0, await this.file.read(target, offset));
      this.#offset = offset;
    }
    return this.#bytes.subarray(offset - this.#offset, end - this.#offset);
  }
}

export type CursorStep =
  | {
      readonly kind: "batch";
      readonly offset: number;
      readonly header: BatchHeader;
      readonly records: LogRecord[];
      /** The batch as it stands there. */
      readonly bytes: Buffer;
    }
  /** Nothing was written from here on: zeros, or the end of the file. */
  | { readonly kind: "end"; readonly offset: number }
  | { readonly kind: "damage"; readonly offset: number; readonly damage: Damage };

/** Reads one segment batch by batch, and judges nothing: what damage means is recovery's to say. */
export class SegmentCursor {
  readonly #window: FileWindow;
  readonly #segment: SegmentHeader;
  #offset: number;

  constructor(window: FileWindow, segment: SegmentHeader, offset: number = SEGMENT_HEADER_BYTES) {
    this.#window = window;
    this.#segment = segment;
    this.#offset = offset;
  }

  async next(): Promise<CursorStep> {
    const offset = this.#offset;
    const step = await this.#batchAt(offset);
    if (step.kind === "batch") this.#offset = offset + step.header.length;
    return step;
  }

  async #batchAt(offset: number): Promise<CursorStep> {
    const head = await this.#window.read(offset, BATCH_HEADER_BYTES);
    if (head.equals(ZERO_HEADER.subarray(0, head.length))) return { kind: "end", offset };
    const header = readBatchHeader(head, {
      seed: this.#segment.seed,
      epoch: this.#segment.epoch,
      offset,
      available: this.#window.fileBytes - offset,
    });
    if (header instanceof Damage) return { kind: "damage", offset, damage: header };
    const bytes = await this.#window.read(offset, header.length);
    const records =
      bytes.length === header.length ? decodeBatch(bytes, header, this.#segment.seed) : shrunk(bytes, header);
    if (records instanceof Damage) return { kind: "damage", offset, damage: records };
    return { kind: "batch", offset, header, records, bytes };
  }

  /**
   * What stands from `offset` to the end of the file: whether any of it is not zero, and where the first whole batch
   * begins, if there is one. A batch can stand at every aligned place, since a damaged length leads nowhere (W3).
   */
  async survey(from: number): Promise<{ readonly written: boolean; readonly batchAt: number | null }> {
    let written = false;
    const magic = Buffer.alloc(4);
    magic.writeUInt32LE(BATCH_MAGIC);
    for (let offset = from; offset < this.#window.fileBytes; offset += CHUNK_BYTES) {
      let chunk = await this.#window.read(offset, CHUNK_BYTES);
      if (chunk.equals(ZEROS.subarray(0, chunk.length))) continue;
      written = true;
      for (let at = chunk.indexOf(magic); at >= 0; at = chunk.indexOf(magic, at + 1)) {
        if ((offset + at) % BATCH_ALIGNMENT_BYTES !== 0) continue;
        if ((await this.#batchAt(offset + at)).kind === "batch") return { written, batchAt: offset + at };
        // What stood there may have led the window on.
        chunk = await this.#window.read(offset, CHUNK_BYTES);
      }
    }
    return { written, batchAt: null };
  }
}

function shrunk(bytes: Buffer, header: BatchHeader): Damage {
  return new Damage(8, `${header.length} bytes`, `${bytes.length} to the end of the file`);
}
