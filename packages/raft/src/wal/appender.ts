import type { GroupId, LogIndex } from "../core/types.js";
import type { HardState, LogBase } from "../core/types.js";
import { BatchEncoder, batchBytes, recordBytes } from "./batch-encoder.js";
import type { BatchPart } from "./batch-encoder.js";
import type { LogClock } from "./clock.js";
import type { WalEventHandler } from "./events.js";
import { writeFully } from "./file-system.js";
import type { Completion, FileSystem } from "./file-system.js";
import { SEGMENT_HEADER_BYTES } from "./segment.js";
import type { OpenSegment } from "./segment.js";
import { SegmentPreparer } from "./segment-preparer.js";
import { CONTROL_RECORDS, WrittenGroup } from "./written-group.js";

/** One append as the appender takes it: encoded control records and frames, and what they do to the group. */
export interface Append extends BatchPart {
  readonly seq: number;
  readonly group: GroupId;
  readonly hardState: HardState | null;
  readonly base: LogBase | null;
  /** What the log keeps above `base`; without meaning when that is null. */
  readonly baseLastIndex: LogIndex;
}

export interface SegmentUse {
  readonly number: number;
  readonly path: string;
  readonly epoch: number;
  readonly seed: number;
  /** Bytes in use from the file's start, header included. */
  bytes: number;
}

export interface AppenderOptions {
  readonly fileSystem: FileSystem;
  readonly dir: string;
  readonly segmentBytes: number;
  readonly epoch: number;
  readonly nextNumber: number;
  readonly nextBatch: number;
  readonly lastSeq: number;
  readonly groups: Map<GroupId, WrittenGroup>;
  readonly clock: LogClock;
  readonly onEvent: WalEventHandler;
  readonly onSynced: (tookMs: number) => void;
}

/**
 * The primitive, and the only code that writes the log: one batch at a time at the tail, atomic and in order.
 * A batch is written only after the one before it is synced, so a crash tears at most the last one (W3). After a
 * failure it takes nothing more (W1). Several appends that come together become one batch on disk: one write, one
 * sync, and after a crash all of them or none.
 */
export class WalAppender {
  readonly epoch: number;
  readonly segments: SegmentUse[] = [];
  readonly groups: Map<GroupId, WrittenGroup>;
  readonly #options: AppenderOptions;
  readonly #preparer: SegmentPreparer;
  readonly #encoder = new BatchEncoder();
  #segment: OpenSegment | null = null;
  #use: SegmentUse | null = null;
  #nextBatch: number;
  #lastSeq: number;
  /** Of the batch that is under way. */
  #done: Completion | null = null;
  #failed: Error | null = null;
  #batches = 0;
  #syncs = 0;

  constructor(options: AppenderOptions) {
    this.#options = options;
    this.epoch = options.epoch;
    this.groups = options.groups;
    this.#nextBatch = options.nextBatch;
    this.#lastSeq = options.lastSeq;
    this.#preparer = new SegmentPreparer(options);
  }

  /** Batches written since opening, sealing ones included. */
  get batches(): number {
    return this.#batches;
  }

  /** Syncs of batches since opening. */
  get syncs(): number {
    return this.#syncs;
  }

  /**
   * Writes `appends` as one batch and syncs it; without any, a sealing batch (W3). `done` is called when the batch
   * is durable, or has failed, in which case nothing is known of it. One call at a time.
   */
  append(appends: readonly Append[], done: Completion): void {
    if (this.#failed !== null || this.#done !== null) {
      const error = this.#failed ?? new Error("a batch was appended while another is under way");
      queueMicrotask(() => done(error));
      return;
    }
    this.#done = done;
    const bytes = batchBytes(appends);
    const segment = this.#segment;
    if (segment !== null && this.#use !== null && this.#use.bytes + bytes <= segment.bytes) {
      this.#write(segment, this.#use, appends, appends);
      return;
    }
    this.#rotate(appends).then(
      ({ segment: fresh, use, parts }) => this.#write(fresh, use, parts, appends),
      (error: unknown) => this.#finish(error as Error),
    );
  }

  /** Something else of the log has failed: this takes nothing more either (W1). */
  fail(error: Error): void {
    this.#failed ??= error;
  }

  /**
   * Ends the log. A clean end gives back what is reserved and unused; after a failure the files stay as they are.
   * No batch is under way.
   */
  async close(): Promise<void> {
    const segment = this.#segment;
    const clean = this.#failed === null;
    this.#segment = null;
    this.#failed ??= new Error("the appender is closed");
    await this.#preparer.close({ remove: clean });
    if (segment !== null && clean) {
      await segment.file.truncate(this.#use?.bytes ?? SEGMENT_HEADER_BYTES);
      await segment.file.sync();
    }
    await segment?.file.close();
    if (clean) await this.#options.fileSystem.syncDirectory(this.#options.dir);
  }

  /** Goes on in the next segment, which begins with the state of every group (W10), in the same batch. */
  async #rotate(appends: readonly Append[]): Promise<{
    readonly segment: OpenSegment;
    readonly use: SegmentUse;
    readonly parts: readonly BatchPart[];
  }> {
    const parts: BatchPart[] = [];
    for (const group of this.groups.values()) {
      const control = group.controlRecords();
      parts.push({ control, entries: [], bytes: recordBytes(control, []) });
    }
    parts.push(...appends);
    const segment = await this.#preparer.take(SEGMENT_HEADER_BYTES + batchBytes(parts));
    await this.#segment?.file.close();
    const use: SegmentUse = {
      number: segment.number,
      path: segment.path,
      epoch: segment.epoch,
      seed: segment.seed,
      bytes: SEGMENT_HEADER_BYTES,
    };
    this.#segment = segment;
    this.#use = use;
    this.segments.push(use);
    this.#options.onEvent({ kind: "segment-started", file: segment.path, number: segment.number });
    return { segment, use, parts };
  }

  /** `parts` is what goes to the disk, of which `appends` is new. */
  #write(
    segment: OpenSegment,
    use: SegmentUse,
    parts: readonly BatchPart[],
    appends: readonly Append[],
  ): void {
    const offset = use.bytes;
    const lastSeq = appends.at(-1)?.seq ?? this.#lastSeq;
    const buffers = this.#encoder.encode(parts, {
      number: this.#nextBatch,
      epoch: this.epoch,
      offset,
      lastSeq,
      seed: segment.seed,
    });
    writeFully(segment.file, buffers, offset, (writeError) => {
      if (writeError !== null) {
        this.#finish(writeError);
        return;
      }
      const { clock, onSynced } = this.#options;
      const startMs = clock.now();
      segment.file.datasync((syncError) => {
        if (syncError === null) {
          onSynced(clock.now() - startMs);
          this.#note(appends, segment.number, offset, parts.length - appends.length);
          this.#nextBatch += 1;
          this.#lastSeq = lastSeq;
          this.#batches += 1;
          this.#syncs += 1;
          use.bytes = offset + batchBytes(parts);
          // Half a segment ahead leaves the disk time, and a log that stays small with one segment.
          if (use.bytes * 2 > segment.bytes) this.#preparer.prepare();
        }
        this.#finish(syncError);
      });
    });
  }

  /** Folds what was written into its groups. The first `controlParts` parts of the batch held two records each. */
  #note(appends: readonly Append[], segment: number, offset: number, controlParts: number): void {
    let record = controlParts * CONTROL_RECORDS;
    for (const append of appends) {
      let group = this.groups.get(append.group);
      if (group === undefined) {
        group = new WrittenGroup(append.group);
        this.groups.set(append.group, group);
      }
      if (append.hardState !== null) group.setHardState(append.hardState);
      if (append.base !== null) group.setBase(append.base, append.baseLastIndex);
      record += append.control.length;
      const first = append.entries[0];
      const last = append.entries.at(-1);
      if (first === undefined || last === undefined) continue;
      group.addEntries(first.index, last.index, { segment, offset, record });
      record += 1;
    }
  }

  #finish(error: Error | null): void {
    const done = this.#done;
    this.#done = null;
    if (error !== null) this.#failed = error;
    done?.(error);
  }
}
