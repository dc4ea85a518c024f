import { invariant } from "../core/invariant.js";
import { logIndex } from "../core/types.js";
import type { GroupId, IndexRange, LogBase, LogIndex } from "../core/types.js";
import type { Frame } from "../frame.js";
import type { WalAppender } from "./appender.js";
import { CommitQueue } from "./commit-queue.js";
import { Compaction } from "./compaction.js";
import type { DeletedSegments } from "./compaction.js";
import { DurabilityNotifier } from "./durability-notifier.js";
import {
  LogCompactedError,
  LogRangeError,
  MemtableDisabledError,
  WalClosedError,
  WalPoisonedError,
} from "./errors.js";
import type { WalEventHandler } from "./events.js";
import type { DirectoryLock } from "./file-system.js";
import { GroupTail } from "./group-tail.js";
import { openLog } from "./open-log.js";
import type { OpenedLog } from "./open-log.js";
import { checkOptions } from "./options.js";
import type { LogWriterOptions } from "./options.js";
import { EntryReader } from "./reader.js";
import { SealTimer } from "./seal-timer.js";
import type { RecoveredShapes, ShapeBuilder } from "./shapes.js";
import { groupStats } from "./stats.js";
import type { WalStats } from "./stats.js";
import { TermRuns } from "./term-runs.js";
import type { LogBatch, RecoveredGroup } from "./types.js";

/**
 * The log's one entry point. Appends are queued, and everything that queued up while the batch before was written
 * and synced becomes the next batch: group commit, without a linger. An append stays in the queue until it is known
 * to be on disk; a failure poisons the writer and leaves the queue as it is (W1).
 */
export class LogWriter {
  readonly epoch: number;
  readonly durability: DurabilityNotifier;
  readonly #appender: WalAppender;
  readonly #reader: EntryReader;
  readonly #lock: DirectoryLock;
  readonly #onEvent: WalEventHandler;
  readonly #memtableBytes: number | null;
  readonly #recovered = new Map<GroupId, RecoveredGroup>();
  readonly #shapes = new Map<GroupId, ShapeBuilder>();
  readonly #tails = new Map<GroupId, GroupTail>();
  readonly #queue: CommitQueue;
  readonly #compaction: Compaction;
  readonly #sealTimer: SealTimer;
  #lastSeq: number;
  #writing = false;
  #sealed = true;
  #ended: WalPoisonedError | WalClosedError | null = null;
  #closing: Promise<void> | null = null;
  /** Called when nothing is queued and nothing is being written any more. */
  #onDrained: (() => void) | null = null;

  /**
   * Locks and opens the log in `dir`, and recovers what is there.
   * @throws {WalOptionError} @throws {WalLockedError} another writer has it. @throws {WalCorruptError}
   * @throws {WalEpochError} @throws {WalFormatError}; and errors of the file system as they are.
   */
  static async open(options: LogWriterOptions): Promise<LogWriter> {
    const checked = checkOptions(options);
    await checked.fileSystem.makeDirectory(checked.dir);
    const lock = await checked.fileSystem.lock(checked.dir);
    try {
      return new LogWriter(checked, lock, await openLog(checked));
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  private constructor(options: Required<LogWriterOptions>, lock: DirectoryLock, log: OpenedLog) {
    this.#lock = lock;
    this.#appender = log.appender;
    this.epoch = log.appender.epoch;
    this.durability = new DurabilityNotifier(log.lastSeq);
    this.#lastSeq = log.lastSeq;
    this.#onEvent = options.onEvent;
    this.#memtableBytes = options.enableMemtable ? options.memtableBytes : null;
    this.#reader = new EntryReader(options.fileSystem, log.appender.segments);
    this.#queue = new CommitQueue(options.segmentBytes);
    this.#compaction = new Compaction({
      fileSystem: options.fileSystem,
      dir: options.dir,
      segments: log.appender.segments,
      groups: log.appender.groups,
      onEvent: options.onEvent,
    });
    this.#sealTimer = new SealTimer(options.clock, options.sealAfterMs, () => this.#seal());
    for (const [group, { written, shapes }] of log.groups) {
      const { hardState, base, lastIndex } = written;
      this.#recovered.set(group, { group, hardState, base, lastIndex });
      this.#shapes.set(group, shapes);
      const runs = shapes.runs.copy();
      this.#tails.set(
        group,
        new GroupTail({ group, base, lastIndex, runs, memtableBytes: this.#memtableBytes }),
      );
    }
    const { segments, bytes } = this.stats();
    this.#onEvent({
      kind: "opened",
      dir: options.dir,
      epoch: this.epoch,
      segments,
      bytes,
      groups: log.groups.size,
    });
  }

  /** What recovery found for `group` at opening; null when the log did not know it. */
  recovered(group: GroupId): RecoveredGroup | null {
    return this.#recovered.get(group) ?? null;
  }

  /** Every group that the log knows. */
  groups(): GroupId[] {
    return [...this.#tails.keys()];
  }

  /**
   * The shape of the entries that recovery found above the base, for the core to start from. It is handed over: the
   * log keeps none of it, and a second call gives null, as for a group that the log did not know at opening.
   */
  shapes(group: GroupId): RecoveredShapes | null {
    const shapes = this.#shapes.get(group);
    this.#shapes.delete(group);
    return shapes === undefined ? null : shapes.finish();
  }

  /**
   * Queues one batch and returns its position, which `durability` tells of. Positions count up by one from the
   * largest that recovery found (W8), over all groups. The entries can be read at once, before they are durable.
   * A batch without anything in it is a barrier: durable as soon as everything before it is.
   * @throws {WalPoisonedError} @throws {WalClosedError}
   * @throws {InvariantViolation} the entries do not follow the group's log; nothing was queued.
   */
  append(batch: LogBatch): number {
    this.#checkOpen();
    const seq = this.#lastSeq + 1;
    let tail = this.#tails.get(batch.group);
    if (tail === undefined) {
      tail = new GroupTail({
        group: batch.group,
        base: null,
        lastIndex: logIndex(0),
        runs: new TermRuns(),
        memtableBytes: this.#memtableBytes,
      });
    }
    this.#queue.push(tail.accept(batch, seq));
    this.#tails.set(batch.group, tail);
    this.#lastSeq = seq;
    if (!this.#writing) {
      // At the end of this turn's work: what else is appended until then goes into the same batch.
      this.#writing = true;
      queueMicrotask(this.#writeNext);
    }
    return seq;
  }

  /**
   * Entries [from, to) from memory, cut once they reach `maxBytes` but at least one; null when one of them is not in
   * memory. Durable or not.
   * @throws {MemtableDisabledError} in WAL-only mode. @throws {WalPoisonedError} @throws {WalClosedError}
   */
  cached(group: GroupId, from: LogIndex, to: LogIndex, maxBytes: number): Frame[] | null {
    this.#checkOpen();
    if (this.#memtableBytes === null) throw new MemtableDisabledError("cached()");
    return this.#tails.get(group)?.memtable?.get(from, to, maxBytes) ?? null;
  }

  /**
   * Entries [from, to), ascending and without gaps, from memory or from disk. Stops once they reach `maxBytes`, but
   * returns at least one. In WAL-only mode an entry that is not durable yet is waited for.
   * @throws {LogCompactedError} `from` is at or below the base.
   * @throws {LogRangeError} the range is empty, or ends behind the last entry.
   * @throws {LogCorruptError} what is on disk is not what was written; names file and offset (W3).
   * @throws {WalPoisonedError} also reads: what a broken node says is not to be trusted (W1). @throws {WalClosedError}
   */
  async read(group: GroupId, range: IndexRange, limit: { readonly maxBytes: number }): Promise<Frame[]> {
    const { from, to } = range;
    for (;;) {
      this.#checkOpen();
      const tail = this.#tails.get(group);
      const lastIndex = tail?.lastIndex ?? 0;
      if (tail !== undefined && from <= tail.baseIndex)
        throw new LogCompactedError(group, from, tail.baseIndex);
      if (tail === undefined || from >= to || to > lastIndex + 1)
        throw new LogRangeError(group, from, to, lastIndex);
      const cached = tail.memtable?.get(from, to, limit.maxBytes) ?? null;
      if (cached !== null) return cached;
      const written = this.#appender.groups.get(group);
      if (written === undefined || from >= tail.stable) {
        await this.#durable(this.#lastSeq);
        continue;
      }
      const rewrites = tail.rewrites;
      const end = logIndex(Math.min(to, tail.stable));
      const request = { group, from, to: end, bytesMax: limit.maxBytes };
      const read = await this.#reader.read(written.positions, request).catch((error: Error) => error);
      this.#checkOpen();
      // What was read, or missed, counts only if none of it was replaced or compacted meanwhile.
      if (tail.rewrites !== rewrites || from <= tail.baseIndex) continue;
      if (read instanceof Error) throw read;
      return read;
    }
  }

  /**
   * Lets go of everything up to `base.index` (§5.1): makes the base durable, then deletes the segments that no group needs
   * any more, oldest first (W5). Reads at and below the base fail from the call on. The entries above stay; where nothing
   * is to be deleted the base moves all the same. With a base that stands already it goes on where a crash ended it.
   * @throws {InvariantViolation} `base` is not in the group's log, or goes back; nothing was queued.
   * Closing ends it between two segments.
   * @throws {WalPoisonedError} also when a deletion fails (W1). @throws {WalClosedError}
   */
  async compact(group: GroupId, base: LogBase): Promise<DeletedSegments> {
    this.#checkOpen();
    const tail = this.#tails.get(group);
    invariant(tail?.holds(base) === true, `the log of group ${group} is compacted inside itself`);
    await this.#durable(this.append({ group, hardState: null, base, entries: [] }));
    try {
      return await this.#compaction.run(() => this.#ended !== null || this.#closing !== null);
    } catch (error) {
      throw this.#poison(error as Error);
    }
  }

  /**
   * The first entry of the longest tail of the group's log that takes at most `bytesMax` bytes of the segments, what other
   * groups wrote in between included, to within 64 KiB. One behind the last entry when not even that fits.
   */
  tailStart(group: GroupId, bytesMax: number): LogIndex {
    this.#checkOpen();
    const behind = new Map<number, number>();
    let bytes = 0;
    for (const segment of this.#appender.segments.toReversed()) {
      bytes += segment.bytes;
      behind.set(segment.number, bytes);
    }
    const written = this.#appender.groups.get(group);
    const first = written?.positions.firstWithin(
      bytesMax,
      (mark) => (behind.get(mark.segment) ?? Infinity) - mark.offset,
    );
    return first ?? logIndex((written?.lastIndex ?? 0) + 1);
  }

  stats(): WalStats {
    let bytes = 0;
    for (const segment of this.#appender.segments) bytes += segment.bytes;
    return {
      epoch: this.epoch,
      groups: [...this.#tails.values()].map(groupStats),
      nextSeq: this.#lastSeq + 1,
      durableSeq: this.durability.durableSeq,
      segments: this.#appender.segments.length,
      bytes,
      pinnedBy: this.#compaction.pin().group,
      queuedAppends: this.#queue.length,
      queuedBytes: this.#queue.bytes,
      batches: this.#appender.batches,
      fsyncs: this.#appender.syncs,
    };
  }

  /**
   * Takes nothing more, writes what is queued, seals the log and frees the directory. After a failure it only frees.
   * Can be called again, and gives the same promise.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#sealTimer.stop();
    await this.#drained();
    await this.#compaction.idle();
    if (this.#ended === null && !this.#sealed) {
      this.#seal();
      await this.#drained();
    }
    this.#ended ??= new WalClosedError();
    this.durability.end(this.#ended);
    try {
      await this.#appender.close();
    } finally {
      await this.#lock.release();
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#writing) this.#onDrained = resolve;
      else resolve();
    });
  }

  #durable(seq: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.durability.wait(seq, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  #checkOpen(): void {
    if (this.#ended !== null) throw this.#ended;
    if (this.#closing !== null) throw new WalClosedError();
  }

  readonly #writeNext = (): void => {
    const appends = this.#queue.snapshot();
    if (appends.every((append) => append.bytes === 0)) {
      queueMicrotask(() => this.#written(null));
      return;
    }
    this.#sealed = false;
    this.#appender.append(appends, (error) => this.#written(error));
  };

  /** A batch without records behind the last one, so that damage in that one can be told from a torn tail (W3). */
  #seal(): void {
    if (this.#writing || this.#sealed || this.#ended !== null) return;
    this.#writing = true;
    this.#sealed = true;
    this.#appender.append([], (error) => this.#written(error));
  }

  #written(error: Error | null): void {
    if (error !== null) this.#poison(error);
    if (this.#ended !== null) {
      this.#rest();
      return;
    }
    const appends = this.#queue.commit();
    for (const append of appends) this.#tails.get(append.group)?.settle(append);
    // The disk goes on first; then those are told who wait for what it has done.
    if (this.#queue.length > 0) this.#writeNext();
    else this.#rest();
    if (!this.#sealed && this.#closing === null) this.#sealTimer.written();
    const last = appends.at(-1);
    if (last !== undefined) this.durability.advance(last.seq);
  }

  /** Nothing is being written, and nothing waits to be. */
  #rest(): void {
    this.#writing = false;
    this.#onDrained?.();
    this.#onDrained = null;
  }

  /** Nothing is tried again: the kernel may have dropped the pages and call the next sync a success (W1). */
  #poison(cause: Error): Error {
    if (this.#ended !== null) return this.#ended;
    const error = new WalPoisonedError(cause);
    this.#ended = error;
    this.#appender.fail(error);
    this.#sealTimer.stop();
    this.durability.end(error);
    this.#onEvent({ kind: "poisoned", error });
    return error;
  }
}
