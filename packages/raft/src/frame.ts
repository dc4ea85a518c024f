import { crc32 } from "node:zlib";
import { groupId, logIndex, term } from "./core/types.js";
import type { EntryKind, GroupId, LogIndex, Term } from "./core/types.js";

/**
 * An entry is encoded once, into a frame. The same bytes go into the leader's log, over the wire, and into each
 * follower's log, and the checksum that the leader made travels with them end to end (W2).
 *
 *     offset  size  field
 *          0     4  length of the whole frame in bytes, header included
 *          4     4  CRC-32 of everything behind this field
 *          8     1  format, 1
 *          9     1  kind: 1 command, 2 noop, 3 configuration
 *         10     2  zero
 *         12     4  group
 *         16     8  term
 *         24     8  index
 *         32     …  body
 *
 * All numbers are unsigned and little-endian.
 */
export const FRAME_HEADER_BYTES = 32;
export const FRAME_FORMAT = 1;

const KIND_CODES: Readonly<Record<EntryKind, number>> = { command: 1, noop: 2, configuration: 3 };
const KINDS: readonly (EntryKind | undefined)[] = [undefined, "command", "noop", "configuration"];

/**
 * A frame whose bytes were checked: it lies in `source` from `start` on, and is not a copy. It has no Buffer of its own,
 * which would take more room than all its fields, and of which each entry would leave several to the garbage collector.
 */
export class Frame {
  readonly group: GroupId;
  readonly term: Term;
  readonly index: LogIndex;
  readonly kind: EntryKind;
  readonly source: Buffer;
  readonly start: number;
  /** Of the whole frame in bytes, header included. */
  readonly size: number;

  constructor(header: FrameHeader, source: Buffer, start: number, size: number) {
    this.group = header.group;
    this.term = header.term;
    this.index = header.index;
    this.kind = header.kind;
    this.source = source;
    this.start = start;
    this.size = size;
  }

  /** Where the next one begins when they lie one behind the other. */
  get end(): number {
    return this.start + this.size;
  }

  /** The whole frame as a new view, header included. */
  get bytes(): Buffer {
    return this.source.subarray(this.start, this.start + this.size);
  }

  /** What is behind the header as a new view. */
  get body(): Buffer {
    return this.source.subarray(this.start + FRAME_HEADER_BYTES, this.start + this.size);
  }
}

/** Bytes that are not the frame they claim to be. Says what was wrong, and where when the caller knows. */
export class FrameError extends Error {
  override readonly name = "FrameError";
  readonly code = "BAD_FRAME";
  /** Its checksum is right: this version cannot read what somebody wrote. */
  readonly isWhole: boolean;
  constructor(message: string, { isWhole } = { isWhole: false }) {
    super(message);
    this.isWhole = isWhole;
  }
}

export interface FrameHeader {
  readonly group: GroupId;
  readonly term: Term;
  readonly index: LogIndex;
  readonly kind: EntryKind;
}

/** Bytes that a body of `bodyBytes` takes as a frame. */
export function frameSize(bodyBytes: number): number {
  return FRAME_HEADER_BYTES + bodyBytes;
}

/**
 * Writes the header of a frame around a body that already stands at `offset + FRAME_HEADER_BYTES` in `target`.
 * Returns the frame, which lies in `target`.
 */
export function sealFrame(target: Buffer, offset: number, bodyBytes: number, header: FrameHeader): Frame {
  const end = offset + FRAME_HEADER_BYTES + bodyBytes;
  target.writeUInt32LE(FRAME_HEADER_BYTES + bodyBytes, offset);
  target[offset + 8] = FRAME_FORMAT;
  target[offset + 9] = KIND_CODES[header.kind];
  target[offset + 10] = 0;
  target[offset + 11] = 0;
  target.writeUInt32LE(header.group, offset + 12);
  writeSafeInteger(target, header.term, offset + 16);
  writeSafeInteger(target, header.index, offset + 24);
  target.writeUInt32LE(crc32(target.subarray(offset + 8, end)), offset + 4);
  return new Frame(header, target, offset, end - offset);
}

/** Encodes one frame into a buffer of its own. */
export function encodeFrame(header: FrameHeader, body: Uint8Array): Frame {
  const target = Buffer.allocUnsafe(frameSize(body.byteLength));
  target.set(body, FRAME_HEADER_BYTES);
  return sealFrame(target, 0, body.byteLength, header);
}

/**
 * Reads the frame at `offset` of `source`, checksum included.
 * @throws {FrameError} it is cut short, of another format, or its checksum does not match (W2).
 */
export function readFrame(source: Buffer, offset: number): Frame {
  const left = source.length - offset;
  if (left < FRAME_HEADER_BYTES)
    throw new FrameError(`a frame header needs ${FRAME_HEADER_BYTES} bytes, ${left} are left`);
  const length = source.readUInt32LE(offset);
  if (length < FRAME_HEADER_BYTES || length > left) {
    throw new FrameError(`a frame claims ${length} bytes, ${left} are left`);
  }
  const end = offset + length;
  const expected = source.readUInt32LE(offset + 4);
  const found = crc32(source.subarray(offset + 8, end));
  if (expected !== found)
    throw new FrameError(`a frame's checksum is ${hex(found)}, it says ${hex(expected)}`);
  const format = source[offset + 8];
  if (format !== FRAME_FORMAT)
    throw new FrameError(`frame format ${format}, this version reads ${FRAME_FORMAT}`, { isWhole: true });
  const kind = KINDS[source[offset + 9] ?? 0];
  if (kind === undefined)
    throw new FrameError(`frame kind ${source[offset + 9]} is none of 1, 2, 3`, { isWhole: true });
  const header = {
    group: groupId(source.readUInt32LE(offset + 12)),
    term: term(readSafeInteger(source, offset + 16)),
    index: logIndex(readSafeInteger(source, offset + 24)),
    kind,
  };
  return new Frame(header, source, offset, length);
}

/** The checksum that the leader gave the entry. */
export function frameChecksum(frame: Frame): number {
  return frame.source.readUInt32LE(frame.start + 4);
}

/** Reads the frames that fill `source` from end to end. */
export function readFrames(source: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let offset = 0; offset < source.length;) {
    const frame = readFrame(source, offset);
    frames.push(frame);
    offset = frame.end;
  }
  return frames;
}

const TWO_POW_32 = 2 ** 32;

function writeSafeInteger(target: Buffer, value: number, offset: number): void {
  target.writeUInt32LE(value % TWO_POW_32, offset);
  target.writeUInt32LE(Math.floor(value / TWO_POW_32), offset + 4);
}

function readSafeInteger(source: Buffer, offset: number): number {
  const value = source.readUInt32LE(offset + 4) * TWO_POW_32 + source.readUInt32LE(offset);
  if (!Number.isSafeInteger(value)) throw new FrameError(`a number at byte ${offset} is above 2^53 - 1`);
  return value;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
