import type { GroupId } from "../core/types.js";
import { WalCorruptError, WalEpochError } from "./errors.js";
import type { FileSystem, LogFile } from "./file-system.js";
import type { RecordPlace } from "./positions.js";
import type { LogRecord } from "./record.js";
import { FileWindow, SegmentCursor } from "./segment-cursor.js";
import type { CursorStep } from "./segment-cursor.js";
import {
  isTemporaryName,
  readSegmentHeader,
  SEGMENT_HEADER_BYTES,
  segmentName,
  segmentNumber,
} from "./segment.js";
import type { SegmentHeader } from "./segment.js";
import { ShapeBuilder } from "./shapes.js";
import { WrittenGroup } from "./written-group.js";

/** A segment as it was found. */
export interface FoundSegment extends SegmentHeader {
  readonly path: string;
  readonly fileBytes: number;
  /** Where the next batch would have stood: everything before is whole. */
  readonly end: number;
}

/** A batch that a crash tore: not one byte of it was ever acknowledged (W3). */
export interface TornTail {
  readonly segment: FoundSegment;
  readonly expected: string;
  readonly found: string;
}

/** The place of the last whole batch, which may have been read from the page cache alone (W11). */
export interface LastBatch {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

export interface Recovery {
  /** By number. */
  readonly segments: readonly FoundSegment[];
  readonly temporaries: readonly string[];
  readonly groups: ReadonlyMap<GroupId, RecoveredLog>;
  readonly lastBatch: LastBatch | null;
  readonly torn: TornTail | null;
  /** 0 when there is no batch. */
  readonly lastBatchNumber: number;
  readonly lastSeq: number;
  readonly newestEpoch: number;
}

export interface RecoveredLog {
  readonly written: WrittenGroup;
  readonly shapes: ShapeBuilder;
}

/**
 * Reads the whole log and changes nothing.
 * @throws {WalCorruptError} something that was synced is not what it was (W3).
 * @throws {WalEpochError} an older epoch stands behind a newer one (W6).
 * @throws {WalFormatError} a newer version wrote it.
 */
export async function recover(fileSystem: FileSystem, dir: string): Promise<Recovery> {
  const run = new RecoveryRun(dir);
  const names = await fileSystem.list(dir);
  const numbers = names.map(segmentNumber).filter((number) => number !== null);
  numbers.sort((left, right) => left - right);
  for (const number of numbers) {
    const path = `${dir}/${segmentName(number)}`;
    const file = await fileSystem.open(path, "read");
    try {
      await run.readSegment(file, path, number, await file.size());
    } finally {
      await file.close();
    }
  }
  return run.finish(names.filter(isTemporaryName).map((name) => `${dir}/${name}`));
}

/** Where a segment stopped being readable before its end. */
interface Stop {
  readonly segment: FoundSegment;
  readonly step: Exclude<CursorStep, { kind: "batch" }>;
}

/** A batch that was read and found to be whole and in its place. */
export interface ReadBatch extends Omit<Extract<CursorStep, { kind: "batch" }>, "kind"> {
  readonly path: string;
}

/** Reads segment after segment, in order, and judges what it finds. */
export class RecoveryRun {
  readonly #segments: FoundSegment[] = [];
  readonly #groups = new Map<GroupId, RecoveredLog>();
  /** Segments since the last whole batch whose unwritten part is not all zeros. */
  readonly #stops: Stop[] = [];
  #lastBatch: LastBatch | null = null;
  #lastBatchNumber = 0;
  #lastSeq = 0;
  #newestEpoch = 0;
  readonly #dir: string;
  /** Null: nobody keeps anything of a batch. */
  readonly #onBatch: ((batch: ReadBatch) => void | Promise<void>) | null;

  constructor(dir: string, onBatch: ((batch: ReadBatch) => void | Promise<void>) | null = null) {
    this.#dir = dir;
    this.#onBatch = onBatch;
  }

  /** `fileBytes`: how much of the file counts. */
  async readSegment(file: LogFile, path: string, number: number, fileBytes: number): Promise<void> {
    const window = new FileWindow(file, fileBytes, this.#onBatch !== null);
    const header = readSegmentHeader(await window.read(0, SEGMENT_HEADER_BYTES), path, number);
    if (header.epoch < this.#newestEpoch) throw new WalEpochError(path, header.epoch, this.#newestEpoch);
    this.#newestEpoch = header.epoch;
    const cursor = new SegmentCursor(window, header);
    let step = await cursor.next();
    for (; step.kind === "batch"; step = await cursor.next()) {
      this.#addBatch(step, path, number);
      if (this.#onBatch !== null) await this.#onBatch({ ...step, path });
    }
    if (step.kind === "damage" && step.damage.isWhole)
      throw this.#damagedBefore(path, step, "its checksums are right: a later version wrote it");
    const survey = await cursor.survey(step.offset);
    if (survey.batchAt !== null)
      throw this.#damagedBefore(path, step, `a whole batch follows at byte ${survey.batchAt}`);
    const segment: FoundSegment = { ...header, path, fileBytes, end: step.offset };
    this.#segments.push(segment);
    if (survey.written) this.#stops.push({ segment, step });
  }

  #addBatch(step: Extract<CursorStep, { kind: "batch" }>, path: string, segment: number): void {
    const { offset, header, records } = step;
    const torn = this.#stops[0];
    if (torn !== undefined) {
      // A torn tail is cut, and the cut durable, before anything is written behind it (W3): so this is no torn tail.
      throw this.#damagedBefore(torn.segment.path, torn.step, `batch ${header.number} follows in ${path}`);
    }
    const expected = this.#lastBatchNumber + 1;
    if (this.#lastBatch === null ? header.number < 1 : header.number !== expected) {
      throw corrupt(path, offset, `batch ${expected}`, `batch ${header.number}`);
    }
    if (header.lastSeq < this.#lastSeq) {
      throw corrupt(path, offset, `a position of at least ${this.#lastSeq}`, String(header.lastSeq));
    }
    for (const [at, record] of records.entries())
      this.#addRecord(record, path, { segment, offset, record: at });
    this.#lastBatch = { path, offset, length: header.length };
    this.#lastBatchNumber = header.number;
    this.#lastSeq = header.lastSeq;
  }

  #addRecord(record: LogRecord, path: string, place: RecordPlace): void {
    const { offset } = place;
    const log = this.#log(record.group);
    switch (record.kind) {
      case "hardState":
        log.written.setHardState(record.hardState);
        break;
      case "base":
        if (!log.written.setBase(record.base, record.lastIndex)) {
          throw corrupt(
            path,
            offset,
            `entries up to ${record.lastIndex}`,
            `entries up to ${log.written.lastIndex}`,
          );
        }
        log.shapes.setBase(record.base, record.lastIndex);
        break;
      case "entries": {
        const first = record.frames[0];
        const last = record.frames.at(-1);
        if (first === undefined || last === undefined) break;
        if (!log.written.addEntries(first.index, last.index, place)) {
          throw corrupt(
            path,
            offset,
            `entry ${log.written.lastIndex + 1} of group ${record.group}`,
            `entry ${first.index}`,
          );
        }
        log.shapes.add(record.frames);
        break;
      }
    }
  }

  #log(group: GroupId): RecoveredLog {
    let log = this.#groups.get(group);
    if (log === undefined) {
      log = { written: new WrittenGroup(group), shapes: new ShapeBuilder() };
      this.#groups.set(group, log);
    }
    return log;
  }

  finish(temporaries: readonly string[]): Recovery {
    const [torn, second] = this.#stops;
    // One batch is under way at a time, so a crash tears one place.
    if (torn !== undefined && second !== undefined) {
      throw this.#damagedBefore(torn.segment.path, torn.step, `${second.segment.path} is torn as well`);
    }
    for (const { written } of this.#groups.values()) {
      if (written.firstIndex > written.base.index + 1) {
        const first = this.#segments[0]?.path ?? this.#dir;
        throw corrupt(
          first,
          SEGMENT_HEADER_BYTES,
          `entries of group ${written.group} from ${written.base.index + 1} on`,
          `entries from ${written.firstIndex} on: an older segment is missing`,
        );
      }
    }
    return {
      segments: this.#segments,
      temporaries,
      groups: this.#groups,
      lastBatch: this.#lastBatch,
      torn: torn === undefined ? null : { segment: torn.segment, ...describe(torn.step) },
      lastBatchNumber: this.#lastBatchNumber,
      lastSeq: this.#lastSeq,
      newestEpoch: this.#newestEpoch,
    };
  }

  #damagedBefore(path: string, step: Stop["step"], later: string): WalCorruptError {
    const { expected, found } = describe(step);
    return corrupt(path, step.offset, expected, `${found}, and ${later}`);
  }
}

function describe(step: Stop["step"]): { readonly expected: string; readonly found: string } {
  if (step.kind === "end") return { expected: "zeros to the end of the file", found: "other bytes" };
  const { offset, expected, found } = step.damage;
  return { expected, found: `${found} at byte ${step.offset + offset}` };
}

function corrupt(file: string, offset: number, expected: string, found: string): WalCorruptError {
  return new WalCorruptError({ file, offset, expected, found });
}
