import type { CommandResult, StateMachine } from "@raftkv/fsm";
import { frameBody, logIndex } from "raft-ts";
import type { Frame, GroupId, IndexRange, LogIndex, LogWriter, Term } from "raft-ts";

/** Bytes of entries that are applied as one batch; a single larger one is applied alone. */
const APPLY_BYTES_MAX = 4 * 1024 * 1024;

export interface ApplierOptions {
  readonly group: GroupId;
  readonly log: LogWriter;
  readonly machine: StateMachine;
  /** What was applied before the start: the checkpoint's D. */
  readonly appliedIndex: LogIndex;
  /** One entry was applied; `result` is null for entries that are no commands. In log order. */
  readonly onResult: (index: LogIndex, term: Term, result: CommandResult | null) => void;
  /** Everything up to `index` is applied; `bytes` is what the batch held. After its results. */
  readonly onApplied: (index: LogIndex, bytes: number) => void;
  /** An entry that cannot be applied ends the node; it is never skipped (F4). */
  readonly onFailed: (error: unknown) => void;
}

/** Takes what is committed. */
export interface Applies {
  readonly appliedIndex: LogIndex;
  /** Contiguous to the ranges before. */
  add(range: IndexRange): void;
  /** Finishes the batch under way and takes no other. */
  stop(): Promise<void>;
}

/** Feeds committed entries to the state machine, in order, a whole commit advance at a time, one batch after the other. */
export class Applier implements Applies {
  readonly #options: ApplierOptions;
  #appliedIndex: LogIndex;
  #commitIndex: LogIndex;
  #running = false;
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
    if (this.#running || this.#stopped) return;
    this.#running = true;
    void this.#run().catch(this.#options.onFailed);
  }

  /** Finishes the batch under way and takes no other. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (!this.#running) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async #run(): Promise<void> {
    try {
      while (this.#appliedIndex < this.#commitIndex && !this.#stopped) await this.#applyNext();
    } finally {
      this.#running = false;
      for (const resolve of this.#idle) resolve();
      this.#idle = [];
    }
  }

  async #applyNext(): Promise<void> {
    const { group, log, machine, onApplied, onResult } = this.#options;
    const range = { from: logIndex(this.#appliedIndex + 1), to: logIndex(this.#commitIndex + 1) };
    const frames =
      log.cached(group, range.from, range.to, APPLY_BYTES_MAX) ??
      (await log.read(group, range, { maxBytes: APPLY_BYTES_MAX }));
    const results = await machine.apply(frames.map(toEntry));
    let bytes = 0;
    for (const [at, frame] of frames.entries()) {
      onResult(frame.index, frame.term, results[at] ?? null);
      bytes += frame.bytes.length;
    }
    this.#appliedIndex = frames.at(-1)?.index ?? this.#appliedIndex;
    onApplied(this.#appliedIndex, bytes);
  }
}

function toEntry(frame: Frame) {
  return { index: frame.index, term: frame.term, kind: frame.kind, body: frameBody(frame) };
}
