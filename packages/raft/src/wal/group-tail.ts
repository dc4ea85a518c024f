import { invariant } from "../core/invariant.js";
import { logIndex } from "../core/types.js";
import type { GroupId, HardState, LogBase, LogIndex } from "../core/types.js";
import type { Append } from "./appender.js";
import { recordBytes } from "./batch-encoder.js";
import { GroupMemtable } from "./memtable.js";
import { BATCH_BYTES_MAX, encodeBase, encodeHardState } from "./record.js";
import type { TermRuns } from "./term-runs.js";
import type { LogBatch } from "./types.js";

const NO_ENTRIES = logIndex(0);
/** Leaves half of the largest batch for the state of all groups, which the first batch of a segment carries too. */
const APPEND_BYTES_MAX = BATCH_BYTES_MAX / 2;

/** An index that an append not yet durable writes again, so that the disk's version of it no longer counts. */
interface Overwrite {
  readonly seq: number;
  readonly from: LogIndex;
}

/**
 * One group's log as it was submitted, which runs ahead of what is written: what the next append must follow, and
 * from where on the disk cannot be read yet.
 */
export class GroupTail {
  readonly group: GroupId;
  readonly memtable: GroupMemtable | null;
  #base: LogBase | null;
  #lastIndex: LogIndex;
  readonly #runs: TermRuns;
  /** The entries before this are durable, and not being written again. */
  #stable: LogIndex;
  #overwrites: Overwrite[] = [];
  /** Counts what may make an answer of the disk wrong that is under way. */
  #rewrites = 0;

  constructor(options: {
    readonly group: GroupId;
    readonly base: LogBase | null;
    readonly lastIndex: LogIndex;
    readonly runs: TermRuns;
    readonly memtableBytes: number | null;
  }) {
    this.group = options.group;
    this.#base = options.base;
    this.#lastIndex = options.lastIndex;
    this.#runs = options.runs;
    this.#stable = logIndex(options.lastIndex + 1);
    this.memtable =
      options.memtableBytes === null ? null : new GroupMemtable(options.memtableBytes, this.#stable);
  }

  get baseIndex(): LogIndex {
    return this.#base?.index ?? NO_ENTRIES;
  }

  get lastIndex(): LogIndex {
    return this.#lastIndex;
  }

  get stable(): LogIndex {
    return this.#stable;
  }

  get rewrites(): number {
    return this.#rewrites;
  }

  /**
   * Takes a batch as the next of this group and encodes its control records.
   * A base keeps the entries above it when the log has its (index, term), and replaces the whole log otherwise (R23).
   * @throws {InvariantViolation} the entries do not follow the log, or the base goes back. Nothing is changed then.
   */
  accept(batch: LogBatch, seq: number): Append {
    const baseLastIndex = this.#lastIndexWith(batch.base);
    this.#check(batch, batch.base?.index ?? this.baseIndex, baseLastIndex);
    const control: Buffer[] = [];
    if (batch.hardState !== null) control.push(encodeHardState(this.group, batch.hardState));
    if (batch.base !== null) {
      control.push(encodeBase(this.group, batch.base, baseLastIndex));
      this.#setBase(batch.base, baseLastIndex, seq);
    }
    this.#addEntries(batch, seq);
    return appendOf(batch, seq, control, baseLastIndex);
  }

  /** `append`, and so all that were accepted before it, is on disk. */
  settle(append: Append): void {
    if (append.base === null && append.entries.length === 0) return;
    if (this.#overwrites.length > 0)
      this.#overwrites = this.#overwrites.filter((entry) => entry.seq > append.seq);
    let stable = (append.entries.at(-1)?.index ?? append.baseLastIndex) + 1;
    for (const overwrite of this.#overwrites) stable = Math.min(stable, overwrite.from);
    this.#stable = logIndex(stable);
    this.memtable?.evict(this.#stable);
  }

  /** Whether the log has the (index, term) of `base`: as an entry, or as its own base. */
  holds(base: LogBase): boolean {
    const held = base.index === this.baseIndex ? (this.#base?.term ?? base.term) : this.#runs.at(base.index);
    return base.index <= this.#lastIndex && held === base.term;
  }

  /** The last index that the log has once `base` is set. */
  #lastIndexWith(base: LogBase | null): LogIndex {
    if (base === null) return this.#lastIndex;
    return this.holds(base) ? this.#lastIndex : base.index;
  }

  #check(batch: LogBatch, baseIndex: LogIndex, lastIndex: LogIndex): void {
    invariant(baseIndex >= this.baseIndex, "the base of a log never goes back (R23)");
    invariant(
      recordBytes([], batch.entries) <= APPEND_BYTES_MAX,
      `an append has at most ${APPEND_BYTES_MAX} bytes`,
    );
    const first = batch.entries[0];
    if (first === undefined) return;
    invariant(first.index > baseIndex, `entry ${first.index} is not above the base ${baseIndex}`);
    invariant(first.index <= lastIndex + 1, `entry ${first.index} does not follow the last, ${lastIndex}`);
    let index: number = first.index;
    for (const frame of batch.entries) {
      invariant(
        frame.index === index && frame.group === this.group,
        "entries of a batch are of one group, without gaps",
      );
      index += 1;
    }
  }

  #setBase(base: LogBase, lastIndex: LogIndex, seq: number): void {
    const kept = lastIndex > base.index;
    const next = logIndex(lastIndex + 1);
    if (kept) {
      this.#runs.dropThrough(base.index);
      this.memtable?.dropBefore(logIndex(base.index + 1));
    } else {
      this.#runs.clear();
      this.memtable?.restart(next);
      this.#rewrite(logIndex(Math.min(this.baseIndex + 1, next)), seq);
    }
    this.#base = base;
    this.#lastIndex = lastIndex;
  }

  #addEntries(batch: LogBatch, seq: number): void {
    const first = batch.entries[0];
    if (first === undefined) return;
    if (first.index <= this.#lastIndex) {
      this.#runs.truncate(first.index);
      this.#rewrite(first.index, seq);
    }
    for (const frame of batch.entries) this.#runs.add(frame.index, frame.term);
    this.#lastIndex = logIndex(first.index + batch.entries.length - 1);
    this.memtable?.add(batch.entries);
  }

  #rewrite(from: LogIndex, seq: number): void {
    this.#rewrites += 1;
    this.#overwrites.push({ seq, from });
    this.#stable = logIndex(Math.min(this.#stable, from));
  }
}

function appendOf(batch: LogBatch, seq: number, control: readonly Buffer[], baseLastIndex: LogIndex): Append {
  const hardState: HardState | null = batch.hardState;
  return {
    control,
    entries: batch.entries,
    bytes: recordBytes(control, batch.entries),
    seq,
    group: batch.group,
    hardState,
    base: batch.base,
    baseLastIndex,
  };
}
