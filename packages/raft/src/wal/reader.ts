import { logIndex } from "../core/types.js";
import type { GroupId, LogIndex } from "../core/types.js";
import { FRAME_HEADER_BYTES, FrameError, readFrame } from "../frame.js";
import type { Frame } from "../frame.js";
import type { SegmentUse } from "./appender.js";
import { Damage, readBatchHeader } from "./batch-decoder.js";
import { LogCorruptError } from "./errors.js";
import type { FileSystem } from "./file-system.js";
import type { Mark, Positions } from "./positions.js";
import { readInteger } from "./integers.js";
import { BATCH_HEADER_BYTES, ENTRIES, RECORD_HEADER_BYTES } from "./record.js";
import { FileWindow } from "./segment-cursor.js";
import type { ReadBytes } from "./segment-cursor.js";
import { SEGMENT_HEADER_BYTES } from "./segment.js";

export interface EntryRequest {
  readonly group: GroupId;
  readonly from: LogIndex;
  readonly to: LogIndex;
  readonly bytesMax: number;
}

/**
 * Reads entries back from the segments: from the mark at or before the first one forward, in pieces of 1 MiB, so that
 * the event loop is never held for long (C5). What is asked for is durable and not being written again.
 */
export class EntryReader {
  readonly #fileSystem: FileSystem;
  /** By number; the appender adds to it. */
  readonly #segments: readonly SegmentUse[];
  /** A follower that is far behind is sent a megabyte, or a large batch, in several pieces: it is read once. What is durable never changes. */
  #last: { readonly segment: number; readonly read: ReadBytes } | null = null;

  constructor(fileSystem: FileSystem, segments: readonly SegmentUse[]) {
    this.#fileSystem = fileSystem;
    this.#segments = segments;
  }

  /**
   * Entries [from, to), ascending and without gaps, each checked against its checksum (W2). Stops once they reach
   * `bytesMax`, but returns at least one.
   * @throws {LogCorruptError} what is on disk is not what was written there.
   */
  async read(positions: Positions, request: EntryRequest): Promise<Frame[]> {
    const walk = new EntryWalk(request);
    const marks = positions.covering(request.from, request.to);
    // Behind a boundary the entries go on elsewhere; the other marks lie on the way.
    const legs = marks.filter((mark, at) => at === 0 || mark.boundary);
    for (let at = 0; at < legs.length && !walk.full; at += 1) {
      const leg = legs[at];
      if (leg !== undefined) await this.#readLeg(walk, leg, legs[at + 1]?.index ?? request.to);
    }
    if (walk.frames.length === 0) throw this.#missing(walk);
    return walk.frames;
  }

  async #readLeg(walk: EntryWalk, leg: Mark, to: LogIndex): Promise<void> {
    let { offset, record } = leg;
    // A copy: compaction may take segments out while this reads.
    for (const segment of this.#segments.filter(({ number }) => number >= leg.segment)) {
      const file = await this.#fileSystem.open(segment.path, "read");
      try {
        const last = this.#last?.segment === segment.number ? this.#last.read : undefined;
        const window = new FileWindow(file, segment.bytes, true, last);
        while (offset < segment.bytes && !walk.reached(to)) {
          offset += await walk.batch(window, segment, { offset, record }, to);
          record = 0;
        }
        this.#last = { segment: segment.number, read: window.last };
      } finally {
        await file.close();
      }
      if (walk.reached(to)) return;
      offset = SEGMENT_HEADER_BYTES;
    }
    throw this.#missing(walk);
  }

  #missing(walk: EntryWalk): LogCorruptError {
    const last = this.#segments.at(-1);
    return walk.corrupt(last?.path ?? "", last?.bytes ?? 0, `entry ${walk.next}`, "the end of the log");
  }
}

/** The entries gathered so far, and the next one that is looked for. */
class EntryWalk {
  readonly frames: Frame[] = [];
  readonly #request: EntryRequest;
  #next: number;
  #bytes = 0;
  #full = false;

  constructor(request: EntryRequest) {
    this.#request = request;
    this.#next = request.from;
  }

  get full(): boolean {
    return this.#full;
  }

  get next(): LogIndex {
    return logIndex(this.#next);
  }

  reached(to: LogIndex): boolean {
    return this.#full || this.#next >= to;
  }

  /** Takes what is wanted of the batch at `offset`, from its `record`-th record on; returns the batch's length. */
  async batch(
    window: FileWindow,
    segment: SegmentUse,
    { offset, record: firstRecord }: { readonly offset: number; readonly record: number },
    to: LogIndex,
  ): Promise<number> {
    const origin = { seed: segment.seed, epoch: segment.epoch, offset, available: segment.bytes - offset };
    const header = readBatchHeader(await window.read(offset, BATCH_HEADER_BYTES), origin);
    if (header instanceof Damage) {
      throw this.corrupt(segment.path, offset + header.offset, header.expected, header.found);
    }
    const bytes = await window.read(offset, header.length);
    if (bytes.length < header.length) {
      throw this.corrupt(
        segment.path,
        offset,
        `${header.length} bytes`,
        `${bytes.length} to the end of the file`,
      );
    }
    let at = BATCH_HEADER_BYTES;
    for (let record = 0; record < header.records && !this.reached(to); record += 1) {
      const from = at + RECORD_HEADER_BYTES;
      const end = from > bytes.length ? Infinity : from + bytes.readUInt32LE(at + 8);
      if (end > bytes.length)
        throw this.corrupt(segment.path, offset + at, "a record inside its batch", "one that is longer");
      const wanted = record >= firstRecord && bytes[at] === ENTRIES;
      if (wanted && bytes.readUInt32LE(at + 4) === this.#request.group) {
        this.#entries(bytes.subarray(from, end), segment.path, offset + from, to);
      }
      at = end;
    }
    return header.length;
  }

  #entries(body: Buffer, file: string, offset: number, to: LogIndex): void {
    for (let at = 0; at < body.length && !this.reached(to);) {
      if (body.length - at < FRAME_HEADER_BYTES)
        throw this.corrupt(file, offset + at, "an entry", `${body.length - at} bytes`);
      const length = body.readUInt32LE(at);
      // Cheap enough to pass over what stands before the first entry: only what is returned is checked in full.
      if (readInteger(body, at + INDEX_OFFSET) === this.#next) {
        this.#take(body, at, file, offset);
      } else if (length < FRAME_HEADER_BYTES || length > body.length - at) {
        throw this.corrupt(file, offset + at, "the length of an entry", String(length));
      }
      at += length;
    }
  }

  #take(body: Buffer, at: number, file: string, offset: number): void {
    let frame: Frame;
    try {
      frame = readFrame(body, at);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      throw this.corrupt(file, offset + at, `entry ${this.#next} as it was written`, error.message);
    }
    this.#bytes += frame.size;
    if (this.#bytes > this.#request.bytesMax && this.frames.length > 0) {
      this.#full = true;
      return;
    }
    this.frames.push(frame);
    this.#next += 1;
  }

  corrupt(file: string, offset: number, expected: string, found: string): LogCorruptError {
    return new LogCorruptError({ file, offset, expected, found }, this.#request.group, this.next);
  }
}

/** Where a frame keeps its index (see frame.ts). */
const INDEX_OFFSET = 24;
