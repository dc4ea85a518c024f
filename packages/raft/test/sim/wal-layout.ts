import type { SimulatedDisk } from "../wal/simulated-disk.js";

/** The log's format as docs/wal-format.md has it, as far as damage is done to it here. */
export const SEGMENT_HEADER_BYTES = 512;
const BATCH_HEADER_BYTES = 48;
const BATCH_MAGIC = 0x42415752;
const NAME = /(\d{16})\.wal$/;

export interface BatchOnDisk {
  readonly from: number;
  readonly number: number;
  readonly lastSeq: number;
}

/** A segment as far as its batches have headers that look whole; they need not be. */
export interface SegmentOnDisk {
  readonly path: string;
  readonly number: number;
  readonly epoch: number;
  readonly bytes: Buffer;
  readonly batches: readonly BatchOnDisk[];
  /** Behind the last of these. */
  readonly end: number;
}

/** By number. */
export function segmentsOn(disk: SimulatedDisk): SegmentOnDisk[] {
  return disk
    .files()
    .filter((path) => NAME.test(path))
    .map((path) => segmentAt(path, disk.contents(path)));
}

export function segmentPath(dir: string, number: number): string {
  return `${dir}/${String(number).padStart(16, "0")}.wal`;
}

function segmentAt(path: string, bytes: Buffer): SegmentOnDisk {
  const batches: BatchOnDisk[] = [];
  let end = SEGMENT_HEADER_BYTES;
  while (end + BATCH_HEADER_BYTES <= bytes.length) {
    const length = bytes.readUInt32LE(end + 8);
    const isHeader = bytes.readUInt32LE(end) === BATCH_MAGIC && bytes.readUInt32LE(end + 32) === end;
    if (!isHeader || length < BATCH_HEADER_BYTES || end + length > bytes.length) break;
    batches.push({
      from: end,
      number: bytes.readUInt32LE(end + 16),
      lastSeq: bytes.readUInt32LE(end + 40),
    });
    end += length;
  }
  return {
    path,
    number: Number(NAME.exec(path)?.[1]),
    epoch: bytes.length < 32 ? 0 : bytes.readUInt32LE(24),
    bytes,
    batches,
    end,
  };
}
