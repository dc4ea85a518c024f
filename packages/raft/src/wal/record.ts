import { groupId, logIndex, serverId, term } from "../core/types.js";
import type { Configuration, GroupId, HardState, LogBase, LogIndex } from "../core/types.js";
import type { Frame } from "../frame.js";
import { readInteger, writeInteger } from "./integers.js";

/**
 * What a batch on disk is made of (all numbers little-endian):
 *
 *     batch   offset  size  field
 *                  0     4  magic, "RWAB"
 *                  4     4  CRC-32, started from the segment's seed, see below
 *                  8     4  length of the batch in bytes, header and padding included; a multiple of 8
 *                 12     4  number of records
 *                 16     8  batch number: contiguous over all segments and openings (W3)
 *                 24     8  epoch of the writer (W6)
 *                 32     8  offset of this batch in its file (W2)
 *                 40     8  position (`append`'s seq) of the last append that is in the log with this batch
 *                 48     …  records, one behind the other, then zeros up to the length
 *
 *     record       0     1  kind: 1 entries, 2 hard state, 3 base
 *                  1     1  format of the body, 1
 *                  2     2  zero
 *                  4     4  group
 *                  8     4  length of the body in bytes
 *                 12     4  entries: how many; otherwise zero
 *                 16     …  body
 *
 * Bodies: entries are frames end to end. A hard state is the term (8), a byte that is 1 when there is a vote, and the
 * voted server's id in UTF-8. A base is index (8), term (8), the log's last index once the base is set (8), and the
 * configuration as JSON in UTF-8.
 *
 * The checksum runs over the batch header behind itself, every record header, the bodies of hard states and bases,
 * and the first eight bytes of every frame: its length, and the checksum that covers the rest of it (W2). The
 * padding is checked for being zero. So every byte of a batch is covered once.
 */
export const BATCH_HEADER_BYTES = 48;
export const BATCH_ALIGNMENT_BYTES = 8;
export const BATCH_MAGIC = 0x42415752;
/** The first byte that the checksum covers. */
export const BATCH_CHECKED_FROM = 8;
/** The largest batch that can be written or read. */
export const BATCH_BYTES_MAX = 1024 * 1024 * 1024;

export const RECORD_HEADER_BYTES = 16;
export const RECORD_FORMAT = 1;
export const ENTRIES = 1;
export const HARD_STATE = 2;
export const BASE = 3;

/** How much of a frame the batch's checksum covers: its length and its own checksum. */
export const FRAME_CHECKED_BYTES = 8;

export type LogRecord =
  | { readonly kind: "entries"; readonly group: GroupId; readonly frames: readonly Frame[] }
  | { readonly kind: "hardState"; readonly group: GroupId; readonly hardState: HardState }
  | {
      readonly kind: "base";
      readonly group: GroupId;
      readonly base: LogBase;
      /** The last index of the group's log once the base is set: what it keeps, or the base's own. */
      readonly lastIndex: LogIndex;
    };

export interface RecordHeader {
  readonly kind: number;
  readonly group: number;
  readonly bodyBytes: number;
  readonly count: number;
}

export function writeRecordHeader(target: Buffer, offset: number, header: RecordHeader): void {
  target[offset] = header.kind;
  target[offset + 1] = RECORD_FORMAT;
  target.writeUInt16LE(0, offset + 2);
  target.writeUInt32LE(header.group, offset + 4);
  target.writeUInt32LE(header.bodyBytes, offset + 8);
  target.writeUInt32LE(header.count, offset + 12);
}

/** A whole record, header included. */
export function encodeHardState(group: GroupId, hardState: HardState): Buffer {
  const voted = hardState.votedFor === null ? null : Buffer.from(hardState.votedFor, "utf8");
  const record = allocateRecord(HARD_STATE, group, 9 + (voted?.length ?? 0));
  writeInteger(record, hardState.currentTerm, RECORD_HEADER_BYTES);
  record[RECORD_HEADER_BYTES + 8] = voted === null ? 0 : 1;
  voted?.copy(record, RECORD_HEADER_BYTES + 9);
  return record;
}

export function decodeHardState(body: Buffer): HardState {
  return {
    currentTerm: term(readInteger(body, 0)),
    votedFor: body[8] === 1 ? serverId(body.toString("utf8", 9)) : null,
  };
}

/** A whole record, header included. */
export function encodeBase(group: GroupId, base: LogBase, lastIndex: LogIndex): Buffer {
  const configuration = Buffer.from(JSON.stringify(base.configuration), "utf8");
  const record = allocateRecord(BASE, group, 24 + configuration.length);
  writeInteger(record, base.index, RECORD_HEADER_BYTES);
  writeInteger(record, base.term, RECORD_HEADER_BYTES + 8);
  writeInteger(record, lastIndex, RECORD_HEADER_BYTES + 16);
  configuration.copy(record, RECORD_HEADER_BYTES + 24);
  return record;
}

export function decodeBase(group: number, body: Buffer): LogRecord {
  const base: LogBase = {
    index: logIndex(readInteger(body, 0)),
    term: term(readInteger(body, 8)),
    configuration: JSON.parse(body.toString("utf8", 24)) as Configuration,
  };
  return { kind: "base", group: groupId(group), base, lastIndex: logIndex(readInteger(body, 16)) };
}

function allocateRecord(kind: number, group: number, bodyBytes: number): Buffer {
  const record = Buffer.alloc(RECORD_HEADER_BYTES + bodyBytes);
  writeRecordHeader(record, 0, { kind, group, bodyBytes, count: 0 });
  return record;
}

/** `bytes` rounded up to where the next batch may begin. */
export function align(bytes: number): number {
  return Math.ceil(bytes / BATCH_ALIGNMENT_BYTES) * BATCH_ALIGNMENT_BYTES;
}
