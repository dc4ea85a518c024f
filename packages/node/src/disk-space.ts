import { statfs } from "node:fs/promises";
import type { Logger } from "./logger.js";

/** What `fs.statfs` tells of a file system, in blocks of `bsize` bytes. */
export interface FileSystemSpace {
  readonly bsize: number;
  readonly blocks: number;
  /** Free for whoever is not privileged. */
  readonly bavail: number;
}

export interface DiskSpaceOptions {
  readonly directory: string;
  readonly segmentBytes: number;
  readonly reserveBytes: number;
  readonly checkIntervalMs: number;
  /** Bytes of writes that were taken and are not on the disk yet. */
  readonly inflightBytes: () => number;
  readonly logger: Logger;
  /** Clients' writes are refused from now on. */
  readonly onFull: () => void;
  readonly statfs?: ((path: string) => Promise<FileSystemSpace>) | undefined;
}

/** One written byte of a client stands in the log, in LevelDB's log, and in a table, before any of it goes again. */
const COPIES = 3;

/** A mark that was passed is left again only a sixteenth above it, so that nothing flaps. */
const HYSTERESIS = 1 / 16;

/** Below `spare` what may go goes, below `admit` no client's write is taken, below `append` no entry of a leader is. */
export interface Watermarks {
  readonly spare: number;
  readonly admit: number;
  readonly append: number;
}

/**
 * What must stay free for term and vote (a segment of the log, which is reserved as a whole) and for one checkpoint. On a
 * small file system that is half of it: LevelDB may write all that it holds anew before it removes the old. A leader's
 * mark is the higher one: what it still took in, followers with an equal disk still take from it. The mark above both leaves the
 * time of a checkpoint for something to go before writes are refused.
 */
export function watermarks(
  totalBytes: number,
  { reserveBytes, segmentBytes }: Pick<DiskSpaceOptions, "reserveBytes" | "segmentBytes">,
): Watermarks {
  const reserve = Math.min(reserveBytes, totalBytes / 2);
  const admit = reserve + segmentBytes;
  return {
    spare: admit + Math.min(reserveBytes, totalBytes / 8),
    admit,
    append: reserve * 0.75 + segmentBytes,
  };
}

/**
 * Watches the room on the disk under the data directory, so that the log and LevelDB never meet ENOSPC (W12): that would
 * be the end of the node (W1). Looks at fixed times, and at once when what was taken since may have used up the rest.
 */
export class DiskSpace {
  readonly #options: DiskSpaceOptions;
  readonly #statfs: (path: string) => Promise<FileSystemSpace>;
  #freeBytes = 0;
  /** Taken since the last look. */
  #spentBytes = 0;
  #marks: Watermarks = { spare: 0, admit: 0, append: 0 };
  #admits = true;
  #takesEntries = true;
  #hasSpare = true;
  #looking = false;
  #complained = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: DiskSpaceOptions) {
    this.#options = options;
    this.#statfs = options.statfs ?? statfs;
  }

  /** Has looked once when it resolves, and looks on until `close`. */
  async watch(): Promise<void> {
    await this.#look();
    this.#timer = setInterval(() => void this.#look(), this.#options.checkIntervalMs);
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Whether clients' writes are taken. */
  get admits(): boolean {
    return this.#admits;
  }

  /** Whether a leader's entries are taken: a follower that takes none acknowledges none. */
  get takesEntries(): boolean {
    return this.#takesEntries;
  }

  /** Whether what may go may stay. */
  get hasSpare(): boolean {
    return this.#hasSpare;
  }

  /** What a client's write needs. */
  get neededBytes(): number {
    return Math.ceil(this.#marks.admit * (this.#admits ? 1 : 1 + HYSTERESIS));
  }

  /** So many bytes of entries were taken. */
  spend(bytes: number): void {
    this.#spentBytes += bytes * COPIES;
    const { admit, append } = this.#marks;
    // Below the first mark a follower goes on taking entries, and the room goes as fast.
    const next = this.#admits ? admit : this.#takesEntries ? append : -Infinity;
    if (this.#freeBytes - this.#spentBytes < next) void this.#look();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    this.#spentBytes = 0;
    try {
      this.#judge(await this.#statfs(this.#options.directory));
    } catch (error) {
      this.#complain(error as Error);
    } finally {
      this.#looking = false;
    }
  }

  #judge({ bsize, blocks, bavail }: FileSystemSpace): void {
    this.#marks = watermarks(bsize * blocks, this.#options);
    this.#freeBytes = bsize * bavail;
    const left = this.#freeBytes - COPIES * this.#options.inflightBytes();
    this.#hasSpare = passes(left, this.#marks.spare, this.#hasSpare);
    this.#takesEntries = passes(left, this.#marks.append, this.#takesEntries);
    const admits = passes(left, this.#marks.admit, this.#admits);
    if (admits === this.#admits) return;
    this.#admits = admits;
    const { directory, logger, onFull } = this.#options;
    const facts = { directory, freeBytes: this.#freeBytes, neededBytes: this.neededBytes };
    if (admits) {
      logger.info(facts, `writes are taken again: ${this.#freeBytes} bytes are free in ${directory}`);
      return;
    }
    logger.warn(
      facts,
      `writes are refused: ${this.#freeBytes} bytes are free in ${directory}, ${this.neededBytes} are needed`,
    );
    onFull();
  }

  /** Said once: what was known last stays in force. */
  #complain(error: Error): void {
    if (this.#complained) return;
    this.#complained = true;
    const { directory, logger } = this.#options;
    logger.warn(
      { directory, error: error.message },
      `cannot see how much room ${directory} has: ${error.message}`,
    );
  }
}

function passes(left: number, mark: number, before: boolean): boolean {
  return left >= (before ? mark : mark * (1 + HYSTERESIS));
}
