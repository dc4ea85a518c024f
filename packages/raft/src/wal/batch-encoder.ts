import type { Frame } from "../frame.js";
import { Digest } from "./digest.js";
import { Gather } from "./gather.js";
import { writeInteger } from "./integers.js";
import {
  align,
  BATCH_CHECKED_FROM,
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  ENTRIES,
  FRAME_CHECKED_BYTES,
  RECORD_HEADER_BYTES,
  writeRecordHeader,
} from "./record.js";

/** What one append adds to a batch: control records as they are on disk, then entries of one group. */
export interface BatchPart {
  readonly control: readonly Buffer[];
  readonly entries: readonly Frame[];
  /** Bytes that the records take, headers included. */
  readonly bytes: number;
}

export interface BatchPlace {
  readonly number: number;
  readonly epoch: number;
  readonly offset: number;
  readonly lastSeq: number;
  readonly seed: number;
}

export function recordBytes(control: readonly Buffer[], entries: readonly Frame[]): number {
  let bytes = entries.length === 0 ? 0 : RECORD_HEADER_BYTES;
  for (const record of control) bytes += record.length;
  for (const frame of entries) bytes += frame.size;
  return bytes;
}

/** Bytes that the parts take as one batch on disk. */
export function batchBytes(parts: readonly BatchPart[]): number {
  let bytes = BATCH_HEADER_BYTES;
  for (const part of parts) bytes += part.bytes;
  return align(bytes);
}

/** Encodes one batch at a time; what it returns is valid until the next one. */
export class BatchEncoder {
  readonly #gather = new Gather();
  readonly #digest = new Digest();
  #records = 0;

  /** The buffers of the batch, to be written one behind the other at `place.offset`. Frames are not copied when large. */
  encode(parts: readonly BatchPart[], place: BatchPlace): Buffer[] {
    let unpadded = BATCH_HEADER_BYTES;
    this.#records = 0;
    for (const part of parts) {
      unpadded += part.bytes;
      this.#records += part.control.length + (part.entries.length === 0 ? 0 : 1);
    }
    const length = align(unpadded);
    const header = this.#gather.reserve(BATCH_HEADER_BYTES);
    header.writeUInt32LE(BATCH_MAGIC, 0);
    header.writeUInt32LE(length, 8);
    header.writeUInt32LE(this.#records, 12);
    writeInteger(header, place.number, 16);
    writeInteger(header, place.epoch, 24);
    writeInteger(header, place.offset, 32);
    writeInteger(header, place.lastSeq, 40);
    this.#digest.clear();
    this.#digest.add(header, BATCH_CHECKED_FROM, BATCH_HEADER_BYTES);
    for (const part of parts) {
      for (const record of part.control) {
        this.#digest.add(record, 0, record.length);
        this.#gather.add(record);
      }
      if (part.entries.length > 0) this.#addEntries(part.entries);
    }
    this.#gather.reserve(length - unpadded).fill(0);
    header.writeUInt32LE(this.#digest.checksum(place.seed), 4);
    return this.#gather.take();
  }

  #addEntries(frames: readonly Frame[]): void {
    const header = this.#gather.reserve(RECORD_HEADER_BYTES);
    let bodyBytes = 0;
    for (const frame of frames) bodyBytes += frame.size;
    writeRecordHeader(header, 0, {
      kind: ENTRIES,
      group: frames[0]?.group ?? 0,
      bodyBytes,
      count: frames.length,
    });
    this.#digest.add(header, 0, RECORD_HEADER_BYTES);
    for (let at = 0; at < frames.length;) at = this.#addRun(frames, at);
  }

  /**
   * Adds the frames from `at` on that stand one behind the other in one memory, as one piece: entries that came in
   * one message, or were encoded together, are one. Returns where the next run begins.
   */
  #addRun(frames: readonly Frame[], at: number): number {
    const first = frames[at];
    if (first === undefined) return frames.length;
    const { source, start } = first;
    this.#digest.add(source, start, start + FRAME_CHECKED_BYTES);
    let { end } = first;
    let next = at + 1;
    for (; next < frames.length; next += 1) {
      const frame = frames[next];
      if (frame === undefined || frame.start !== end || frame.source !== source) break;
      this.#digest.add(source, end, end + FRAME_CHECKED_BYTES);
      end = frame.end;
    }
    this.#gather.add(source.subarray(start, end));
    return next;
  }
}
