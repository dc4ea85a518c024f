import { setImmediate as nextTurn } from "node:timers/promises";
import type { CommandResult, StateMachine } from "@raftkv/fsm";
import { LogCompactedError, LogRangeError, logIndex } from "raft-ts";
import type { Frame, GroupId, IndexRange, LogIndex, LogWriter, Term } from "raft-ts";

/** Bytes of entries that are applied as one batch, some 20 ms for small ones (C5); a single larger one is applied alone. */
const APPLY_BYTES_MAX = 512 * 1024;
/** Small entries can have large answers: a batch ends with the answer that brings them to this (C7). */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

export interface ApplierOptions {
  readonly group: GroupId;
  readonly log: LogWriter;
  /** The one that is live; another one once a snapshot was installed. */
  readonly machine: () => StateMachine;
  /** What was applied before the start: the checkpoint's D. */
  readonly appliedIndex: LogIndex;
  /** One entry was applied; `result` is null for entries that are no commands. In log order. */
  readonly onResult: (index: LogIndex, term: Term, result: CommandResult | null) => void;
  /** Everything up to `index` is applied, by a batch of so many entries and bytes. After its results. */
  readonly onApplied: (index: LogIndex, entries: number, bytes: number) => void;
  /** How long a batch took. */
  readonly onTook: (tookMs: number) => void;
  /** An entry that cannot be applied ends the node; it is never skipped (F4). */
  readonly onFailed: (error: unknown) => void;
}

/** Takes what is committed. */
export interface Applies {
  readonly appliedIndex: LogIndex;
  /** Contiguous to the ranges before, or to what `resume` names. */
  add(range: IndexRange): void;
  /**
   * A snapshot takes the place of what was being applied (R23): resolves when nothing is any more. To be called before the
   * log gets the snapshot's base, under which entries that are waited for vanish.
   */
  suspend(): Promise<void>;
  /** Everything up to `index` is applied, by the snapshot; what was added behind it goes on from there. */
  resume(index: LogIndex): void;
  /** Finishes the batch under way and takes no other. */
  stop(): Promise<void>;
}

/** Feeds committed entries to the state machine, in order, a whole commit advance at a time, one batch after the other. */
export class Applier implements Applies {
  readonly #options: ApplierOptions;
  #appliedIndex: LogIndex;
  #commitIndex: LogIndex;
  #running = false;
  /** Snapshots that are being installed. */
  #suspended = 0;
  #stopped = false;
  #idle: (() => void)[] = [];

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#appliedIndex = options.appliedIndex;
    this.#commitIndex = options.appliedIndex;
  }

  get appliedIndex(): LogIndex {
    return this.#appliedIndex;
  }

  add(range: IndexRange): void {
    this.#commitIndex = logIndex(range.to - 1);
    this.#start();
  }

  suspend(): Promise<void> {
    this.#suspended += 1;
    return this.#whenIdle();
  }

  resume(index: LogIndex): void {
    this.#suspended -= 1;
    this.#appliedIndex = index;
    this.#commitIndex = logIndex(Math.max(this.#commitIndex, index));
    this.#start();
  }

  stop(): Promise<void> {
    this.#stopped = true;
    return this.#whenIdle();
  }

  get #held(): boolean {
    return this.#stopped || this.#suspended > 0;
  }

  #start(): void {
    if (this.#running || this.#held || this.#appliedIndex >= this.#commitIndex) return;
    this.#running = true;
    void this.#run().catch(this.#options.onFailed);
  }

  async #whenIdle(): Promise<void> {
    if (!this.#running) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        const committed = this.#commitIndex;
        await this.#applyNext();
        if (this.#appliedIndex >= this.#commitIndex || this.#held) return;
        // Far behind, not just behind what was committed meanwhile.
        if (this.#appliedIndex < committed) await nextTurn();
      }
    } finally {
      this.#running = false;
      for (const resolve of this.#idle) resolve();
      this.#idle = [];
    }
  }

  async #applyNext(): Promise<void> {
    const frames = await this.#read();
    if (frames === null) return;
    for (let at = 0; at < frames.length && !this.#held;) {
      const startMs = performance.now();
      const results = await this.#options
        .machine()
        .apply(at === 0 ? frames : frames.slice(at), ANSWER_BYTES_MAX);
      this.#options.onTook(performance.now() - startMs);
      this.#applied(frames.slice(at, at + results.length), results);
      at += results.length;
      // The answers leave this process before there are more.
      if (at < frames.length) await nextTurn();
    }
  }

  #applied(frames: readonly Frame[], results: readonly (CommandResult | null)[]): void {
    const { onApplied, onResult } = this.#options;
    let bytes = 0;
    for (const [at, frame] of frames.entries()) {
      onResult(frame.index, frame.term, results[at] ?? null);
      bytes += frame.size;
    }
    this.#appliedIndex = frames.at(-1)?.index ?? this.#appliedIndex;
    onApplied(this.#appliedIndex, frames.length, bytes);
  }

  /** Null when a snapshot has replaced the log under it. */
  async #read(): Promise<Frame[] | null> {
    const { group, log } = this.#options;
    const range = { from: logIndex(this.#appliedIndex + 1), to: logIndex(this.#commitIndex + 1) };
    try {
      return (
        log.cached(group, range.from, range.to, APPLY_BYTES_MAX) ??
        (await log.read(group, range, { maxBytes: APPLY_BYTES_MAX }))
      );
    } catch (error) {
      const isGone = error instanceof LogCompactedError || error instanceof LogRangeError;
      if (isGone && this.#suspended > 0) return null;
      throw error;
    }
  }
}
