import { groupId } from "../core/types.js";
import { FRAME_HEADER_BYTES, FrameError, readFrames } from "../frame.js";
import type { Frame } from "../frame.js";
import { Digest } from "./digest.js";
import { hex, readInteger } from "./integers.js";
import {
  BASE,
  BATCH_ALIGNMENT_BYTES,
  BATCH_BYTES_MAX,
  BATCH_CHECKED_FROM,
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  decodeBase,
  decodeHardState,
  ENTRIES,
  FRAME_CHECKED_BYTES,
  HARD_STATE,
  RECORD_FORMAT,
  RECORD_HEADER_BYTES,
} from "./record.js";
import type { LogRecord } from "./record.js";

/** Bytes that are not a batch: what should stand there, and what does. `offset` counts from the batch's start. */
export class Damage {
  readonly offset: number;
  readonly expected: string;
  readonly found: string;
  /** Every checksum is right, and this version cannot read it all the same: so it is no torn tail, whatever follows (W3). */
  readonly isWhole: boolean;
  constructor(offset: number, expected: string, found: string, { isWhole } = { isWhole: false }) {
    this.offset = offset;
    this.expected = expected;
    this.found = found;
    this.isWhole = isWhole;
  }
}

export interface BatchHeader {
  readonly length: number;
  readonly records: number;
  readonly number: number;
  readonly epoch: number;
  readonly lastSeq: number;
}

/** Where the bytes came from, which is part of what makes them a batch (W2). */
export interface BatchOrigin {
  readonly seed: number;
  readonly epoch: number;
  readonly offset: number;
  /** Bytes from the batch's start to the end of the file. */
  readonly available: number;
}

/**
 * Reads the header at the start of `bytes`, as far as it can be judged alone: its length can be relied on only
 * once the whole batch has been decoded.
 */
export function readBatchHeader(bytes: Buffer, origin: BatchOrigin): BatchHeader | Damage {
  if (bytes.length < BATCH_HEADER_BYTES)
    return new Damage(0, "a batch header", `${bytes.length} bytes to the end of the file`);
  const magic = bytes.readUInt32LE(0);
  if (magic !== BATCH_MAGIC) return new Damage(0, `the batch magic ${hex(BATCH_MAGIC)}`, hex(magic));
  const offset = readInteger(bytes, 32);
  if (offset !== origin.offset)
    return new Damage(32, `a batch written at ${origin.offset}`, `one written at ${offset}`);
  const epoch = readInteger(bytes, 24);
  if (epoch !== origin.epoch)
    return new Damage(24, `a batch of epoch ${origin.epoch}`, `one of epoch ${epoch}`);
  const length = bytes.readUInt32LE(8);
  if (length < BATCH_HEADER_BYTES || length % BATCH_ALIGNMENT_BYTES !== 0 || length > BATCH_BYTES_MAX) {
    return new Damage(8, "the length of a batch", String(length));
  }
  if (length > origin.available)
    return new Damage(8, `${length} bytes`, `${origin.available} to the end of the file`);
  return {
    length,
    records: bytes.readUInt32LE(12),
    number: readInteger(bytes, 16),
    epoch,
    lastSeq: readInteger(bytes, 40),
  };
}

const digest = new Digest();

interface RawRecord {
  readonly kind: number;
  readonly group: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Decodes a whole batch (`bytes` is exactly `header.length` long), every checksum included. Frames are views.
 * Nothing of a batch is used when anything in it is damaged.
 */
export function decodeBatch(bytes: Buffer, header: BatchHeader, seed: number): LogRecord[] | Damage {
  const raw = splitRecords(bytes, header.records);
  if (raw instanceof Damage) return raw;
  const expected = bytes.readUInt32LE(4);
  const found = digest.checksum(seed);
  if (expected !== found) return new Damage(4, `the batch checksum ${hex(expected)}`, hex(found));
  const records: LogRecord[] = [];
  for (const record of raw) {
    const decoded = decodeRecord(bytes, record);
    if (decoded instanceof Damage) return decoded;
    records.push(decoded);
  }
  return records;
}

/** Walks the batch by its lengths and gathers what the checksum covers. */
function splitRecords(bytes: Buffer, count: number): RawRecord[] | Damage {
  digest.clear();
  digest.add(bytes, BATCH_CHECKED_FROM, BATCH_HEADER_BYTES);
  const records: RawRecord[] = [];
  let at = BATCH_HEADER_BYTES;
  for (let number = 0; number < count; number += 1) {
    const from = at + RECORD_HEADER_BYTES;
    if (from > bytes.length)
      return new Damage(at, `${count} records`, `the end of the batch behind ${number}`);
    const to = from + bytes.readUInt32LE(at + 8);
    if (to > bytes.length) return new Damage(at + 8, "a record inside its batch", `${to - from} bytes`);
    const kind = bytes[at] ?? 0;
    if (kind === ENTRIES) {
      digest.add(bytes, at, from);
      const damage = addFrameHeads(bytes, from, to);
      if (damage !== null) return damage;
    } else {
      digest.add(bytes, at, to);
    }
    records.push({ kind, group: bytes.readUInt32LE(at + 4), count: bytes.readUInt32LE(at + 12), from, to });
    at = to;
  }
  if (bytes.length - at >= BATCH_ALIGNMENT_BYTES)
    return new Damage(at, "the end of the batch", `${bytes.length - at} more bytes`);
  for (; at < bytes.length; at += 1) {
    if (bytes[at] !== 0) return new Damage(at, "zero padding", String(bytes[at]));
  }
  return records;
}

function addFrameHeads(bytes: Buffer, from: number, to: number): Damage | null {
  for (let at = from; at < to;) {
    if (to - at < FRAME_HEADER_BYTES) return new Damage(at, "an entry", `${to - at} bytes`);
    const length = bytes.readUInt32LE(at);
    if (length < FRAME_HEADER_BYTES || length > to - at)
      return new Damage(at, "the length of an entry", String(length));
    digest.add(bytes, at, at + FRAME_CHECKED_BYTES);
    at += length;
  }
  return null;
}

function decodeRecord(bytes: Buffer, record: RawRecord): LogRecord | Damage {
  const at = record.from - RECORD_HEADER_BYTES;
  const format = bytes[at + 1];
  if (format !== RECORD_FORMAT)
    return new Damage(at + 1, `record format ${RECORD_FORMAT}`, String(format), { isWhole: true });
  const body = bytes.subarray(record.from, record.to);
  switch (record.kind) {
    case ENTRIES:
      return decodeEntries(body, record);
    case HARD_STATE:
      return { kind: "hardState", group: groupId(record.group), hardState: decodeHardState(body) };
    case BASE:
      return decodeBase(record.group, body);
    default:
      return new Damage(at, `a record kind of ${ENTRIES}, ${HARD_STATE}, ${BASE}`, String(record.kind), {
        isWhole: true,
      });
  }
}

function decodeEntries(body: Buffer, record: RawRecord): LogRecord | Damage {
  let frames: Frame[];
  try {
    frames = readFrames(body);
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    return new Damage(record.from, "entries as they were written", error.message, error);
  }
  const first = frames[0];
  if (first === undefined || frames.length !== record.count) {
    return new Damage(record.from, `${record.count} entries`, String(frames.length));
  }
  for (let at = 0; at < frames.length; at += 1) {
    const frame = frames[at] ?? first;
    if (frame.group !== record.group || frame.index !== first.index + at) {
      return new Damage(
        record.from,
        `entry ${first.index + at} of group ${record.group}`,
        `entry ${frame.index} of group ${frame.group}`,
      );
    }
  }
  return { kind: "entries", group: groupId(record.group), frames };
}
