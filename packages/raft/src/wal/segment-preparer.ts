import type { FileSystem } from "./file-system.js";
import { createSegment, growSegment } from "./segment.js";
import type { OpenSegment } from "./segment.js";

export interface PreparerOptions {
  readonly fileSystem: FileSystem;
  readonly dir: string;
  readonly epoch: number;
  readonly segmentBytes: number;
  /** The number of the first segment that is prepared. */
  readonly nextNumber: number;
}

type Prepared = { readonly segment: OpenSegment } | { readonly error: unknown };

/** Makes the next segment in the background, so that the writer finds it ready when the present one is full (W4). */
export class SegmentPreparer {
  readonly #options: PreparerOptions;
  #nextNumber: number;
  /** Never rejects: a failure is told to whoever takes the segment. */
  #prepared: Promise<Prepared> | null = null;

  constructor(options: PreparerOptions) {
    this.#options = options;
    this.#nextNumber = options.nextNumber;
  }

  /** Starts to prepare a segment unless one is prepared or being prepared. */
  prepare(): void {
    if (this.#prepared !== null) return;
    const { fileSystem, dir, epoch, segmentBytes } = this.#options;
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    this.#prepared = createSegment(fileSystem, dir, { number, epoch, bytes: segmentBytes }).then(
      (segment) => ({ segment }),
      (error: unknown) => ({ error }),
    );
  }

  /** The next segment, at least `bytesMin` large: prepared already, or as soon as it is. */
  async take(bytesMin: number): Promise<OpenSegment> {
    this.prepare();
    const prepared = await this.#prepared;
    this.#prepared = null;
    if (prepared === null) throw new Error("no segment was prepared");
    if ("error" in prepared) throw prepared.error;
    const { segment } = prepared;
    return segment.bytes < bytesMin ? growSegment(segment, bytesMin) : segment;
  }

  /** Ends what is under way; a segment that nobody took is removed, or left as it is after a failure (W1). */
  async close(options: { readonly remove: boolean }): Promise<void> {
    const prepared = await this.#prepared;
    this.#prepared = null;
    if (prepared === null || "error" in prepared) return;
    await prepared.segment.file.close();
    if (options.remove) await this.#options.fileSystem.unlink(prepared.segment.path);
  }
}
