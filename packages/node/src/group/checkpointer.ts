import type { LogIndex } from "raft-ts";
import type { Logger } from "../logger.js";

export interface CheckpointPolicy {
  readonly checkpointBytes: number;
  readonly checkpointEntries: number;
  readonly checkpointIntervalMs: number;
}

export interface CheckpointerOptions {
  readonly policy: CheckpointPolicy;
  readonly logger: Logger;
  readonly onTook: (tookMs: number) => void;
  /** Makes everything applied and durable in the log so far durable in the store as well; returns D (S2). */
  readonly checkpoint: () => Promise<LogIndex>;
  /** What D has made needless may go (S4). */
  readonly afterwards: (checkpoint: LogIndex) => Promise<void>;
  readonly onFailed: (error: unknown) => void;
}

/**
 * A checkpoint begins when this much of a bound is reached, or up to all of it, each time another part. All members apply the same
 * entries: with the same bounds each would make its checkpoints in the same moment as all others, and nobody would be quick then.
 */
const PART_MIN = 0.75;

/** Decides when a checkpoint is due: by bytes, by entries, by time, whichever comes first. One at a time. */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #bytes = 0;
  #entries = 0;
  #lastMs = performance.now();
  #running: Promise<LogIndex | null> | null = null;
  #asked: Promise<LogIndex | null> | null = null;
  #lastIndex: LogIndex | null = null;
  /** Of the bounds, for the next one. */
  #part = partOfBounds();

  constructor(options: CheckpointerOptions) {
    this.#options = options;
  }

  /** D of the last one that was made since the start; null when none was. */
  get lastIndex(): LogIndex | null {
    return this.#lastIndex;
  }

  applied(bytes: number, entries: number): void {
    this.#bytes += bytes;
    this.#entries += entries;
    const { checkpointBytes, checkpointEntries } = this.#options.policy;
    const isDue =
      this.#bytes >= this.#part * checkpointBytes || this.#entries >= this.#part * checkpointEntries;
    if (isDue) void this.#start();
  }

  tick(nowMs: number): void {
    const { checkpointIntervalMs } = this.#options.policy;
    if (this.#entries > 0 && nowMs - this.#lastMs >= this.#part * checkpointIntervalMs) void this.#start();
  }

  /**
   * Makes one now, of all that is applied when it begins; who asks meanwhile shares the next. Resolves with D, or null when it
   * failed, which ends the node.
   */
  now(): Promise<LogIndex | null> {
    if (this.#running === null) return this.#start();
    this.#asked ??= this.#running.then(() => {
      this.#asked = null;
      return this.#start();
    });
    return this.#asked;
  }

  /** Waits for the one under way, and starts no other. */
  async idle(): Promise<void> {
    await this.#running;
  }

  #start(): Promise<LogIndex | null> {
    if (this.#running !== null) return this.#running;
    this.#bytes = 0;
    this.#entries = 0;
    this.#part = partOfBounds();
    this.#lastMs = performance.now();
    this.#running = this.#run()
      .catch((error: unknown) => {
        this.#options.onFailed(error);
        return null;
      })
      .finally(() => {
        this.#running = null;
      });
    return this.#running;
  }

  async #run(): Promise<LogIndex> {
    const startMs = performance.now();
    const index = await this.#options.checkpoint();
    this.#lastIndex = index;
    this.#options.onTook(performance.now() - startMs);
    const tookMs = Math.round(performance.now() - startMs);
    this.#options.logger.info({ index, tookMs }, `checkpoint at ${index}, took ${tookMs} ms`);
    await this.#options.afterwards(index);
    return index;
  }
}

function partOfBounds(): number {
  return PART_MIN + (1 - PART_MIN) * Math.random();
}
