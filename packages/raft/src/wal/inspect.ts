import type { GroupId, LogIndex, Term } from "../core/types.js";
import { frameChecksum } from "../frame.js";
import type { FileSystem } from "./file-system.js";
import { nodeFileSystem } from "./node-file-system.js";
import { BATCH_HEADER_BYTES, RECORD_HEADER_BYTES } from "./record.js";
import type { LogRecord } from "./record.js";
import { RecoveryRun } from "./recovery.js";
import type { ReadBatch, TornTail } from "./recovery.js";
import { segmentNumber } from "./segment.js";
import { StableView } from "./stable-view.js";

/** One entry, one control record, or a batch without any, as it stands in the log. */
export interface InspectedRecord {
  readonly file: string;
  /** Bytes from the start of the file, and how many. A seal's are those of its batch. */
  readonly offset: number;
  readonly length: number;
  /** The position of the last append that is in the log with this record's batch. */
  readonly position: number;
  readonly batch: number;
  /** Null for a seal. */
  readonly group: GroupId | null;
  /** An entry's, or a base's. */
  readonly index: LogIndex | null;
  /** An entry's, a base's, or the current one of a hard state. */
  readonly term: Term | null;
  readonly type: "command" | "noop" | "configuration" | "hardState" | "base" | "seal";
  /** An entry's own; of the others, that of the batch, which covers them. */
  readonly checksum: number;
}

export interface InspectOptions {
  /** The directory of the segments. */
  readonly dir: string;
  /** Called for each batch in order, and waited for; only for positions from `from` on. */
  readonly onRecords?: (records: readonly InspectedRecord[]) => void | Promise<void>;
  readonly from?: number;
  /** Called now and then with the bytes that were read. */
  readonly onProgress?: (bytes: number, bytesTotal: number) => void;
  readonly fileSystem?: FileSystem;
}

/** What a log that is sound holds. */
export interface Inspection {
  readonly segments: number;
  readonly bytes: number;
  readonly batches: number;
  readonly entries: number;
  readonly lastPosition: number;
  readonly epoch: number;
  readonly groups: readonly {
    readonly group: GroupId;
    readonly baseIndex: LogIndex;
    readonly lastIndex: LogIndex;
    readonly term: Term;
  }[];
  /** A batch that a crash tore, or that is being written: nothing in it was acknowledged (W3). */
  readonly tornTail: {
    readonly file: string;
    readonly offset: number;
    readonly bytes: number;
    readonly expected: string;
    readonly found: string;
  } | null;
}

/**
 * Reads a whole log and judges it as an opening would, without a lock and without changing anything: also beside a node
 * that writes it.
 * @throws {WalCorruptError} @throws {WalEpochError} @throws {WalFormatError}; errors of the file system as they are.
 */
export async function inspectLog(options: InspectOptions): Promise<Inspection> {
  const { dir, from = 0, onProgress, onRecords } = options;
  const view = await StableView.open(options.fileSystem ?? nodeFileSystem, dir);
  try {
    const total = view.bytes;
    let batches = 0;
    let entries = 0;
    let before = 0;
    const run = new RecoveryRun(dir, (batch) => {
      batches += 1;
      for (const record of batch.records) if (record.kind === "entries") entries += record.frames.length;
      onProgress?.(before + batch.offset + batch.header.length, total);
      return onRecords === undefined || batch.header.lastSeq < from ? undefined : onRecords(recordsOf(batch));
    });
    for (const name of view.names()) {
      const path = `${dir}/${name}`;
      const { bytes, file } = view.file(path);
      await run.readSegment(file, path, segmentNumber(name) ?? 0, bytes);
      before += bytes;
      onProgress?.(before, total);
    }
    const { groups, lastSeq, newestEpoch, segments, torn } = run.finish([]);
    return {
      segments: segments.length,
      bytes: total,
      batches,
      entries,
      lastPosition: lastSeq,
      epoch: newestEpoch,
      groups: [...groups.values()].map(({ written }) => ({
        group: written.group,
        baseIndex: written.base.index,
        lastIndex: written.lastIndex,
        term: written.hardState.currentTerm,
      })),
      tornTail: torn === null ? null : tornTail(torn),
    };
  } finally {
    await view.close();
  }
}

function tornTail({ expected, found, segment }: TornTail): Inspection["tornTail"] {
  const { end, fileBytes, path } = segment;
  return { file: path, offset: end, bytes: fileBytes - end, expected, found };
}

function recordsOf({ bytes, header, offset, path, records }: ReadBatch): InspectedRecord[] {
  const place = { file: path, position: header.lastSeq, batch: header.number };
  const checksum = bytes.readUInt32LE(4);
  if (records.length === 0) {
    const none = { group: null, index: null, term: null };
    return [{ ...place, offset, length: header.length, ...none, type: "seal", checksum }];
  }
  const inspected: InspectedRecord[] = [];
  let at = BATCH_HEADER_BYTES;
  for (const record of records) {
    const length = RECORD_HEADER_BYTES + bytes.readUInt32LE(at + 8);
    if (record.kind === "entries")
      addEntries(inspected, record, { ...place, offset: offset + at + RECORD_HEADER_BYTES });
    else inspected.push({ ...place, offset: offset + at, length, ...stateOf(record), checksum });
    at += length;
  }
  return inspected;
}

function addEntries(
  inspected: InspectedRecord[],
  record: Extract<LogRecord, { kind: "entries" }>,
  place: {
    readonly file: string;
    readonly position: number;
    readonly batch: number;
    readonly offset: number;
  },
): void {
  let { offset } = place;
  for (const frame of record.frames) {
    const { group, index, kind, term } = frame;
    const length = frame.size;
    inspected.push({
      ...place,
      offset,
      length,
      group,
      index,
      term,
      type: kind,
      checksum: frameChecksum(frame),
    });
    offset += length;
  }
}

function stateOf(record: Exclude<LogRecord, { kind: "entries" }>) {
  const { group } = record;
  if (record.kind === "hardState") {
    return { group, index: null, term: record.hardState.currentTerm, type: record.kind };
  }
  return { group, index: record.base.index, term: record.base.term, type: record.kind };
}
