import type { FileSystem, LogFile } from "./file-system.js";
import { FileWindow, SegmentCursor } from "./segment-cursor.js";
import { readSegmentHeader, SEGMENT_HEADER_BYTES, segmentName, segmentNumber } from "./segment.js";

/** How often, and how long, a place at the tail is looked at again before it counts as what is there. */
const LOOKS = 20;
const LOOK_AGAIN_MS = 25;
/** The tail is in the last segment, or in the one before while that was only prepared. */
const TAIL_SEGMENTS = 2;

/**
 * The log of a directory as it stands at one moment, for reading beside a writer that goes on: files that compaction
 * deletes meanwhile can still be read, and what is written after the moment is not seen. Without a writer it is all that
 * is there. Nothing is locked and nothing is written.
 */
export class StableView {
  readonly #fileSystem: FileSystem;
  readonly #files = new Map<string, { readonly file: LogFile; bytes: number }>();
  readonly #dir: string;

  private constructor(fileSystem: FileSystem, dir: string) {
    this.#fileSystem = fileSystem;
    this.#dir = dir;
  }

  static async open(fileSystem: FileSystem, dir: string): Promise<StableView> {
    const view = new StableView(fileSystem, dir);
    try {
      while (!(await view.#openAll())) await view.close();
      // The newest first: once that has something, the one before it is complete.
      const tail = [...view.#files.keys()].toReversed().slice(0, TAIL_SEGMENTS);
      for (const path of tail) await view.#bound(path);
      return view;
    } catch (error) {
      await view.close();
      throw error;
    }
  }

  /** Bytes of all segments, as far as they are seen. */
  get bytes(): number {
    let bytes = 0;
    for (const file of this.#files.values()) bytes += file.bytes;
    return bytes;
  }

  /** The names of the segments, ascending. */
  names(): string[] {
    return [...this.#files.keys()].map((path) => path.slice(this.#dir.length + 1));
  }

  /** An open segment, which stays open until the view is closed. */
  file(path: string): { readonly file: LogFile; readonly bytes: number } {
    const file = this.#files.get(path);
    if (file === undefined) throw new Error(`${path} is not in the view`);
    return file;
  }

  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const { file } of files) await file.close();
  }

  /** False when compaction deleted a segment between listing and opening: the list was too old. */
  async #openAll(): Promise<boolean> {
    const numbers = (await this.#fileSystem.list(this.#dir))
      .map(segmentNumber)
      .filter((number) => number !== null);
    for (const number of numbers.toSorted((left, right) => left - right)) {
      const path = `${this.#dir}/${segmentName(number)}`;
      try {
        const file = await this.#fileSystem.open(path, "read");
        this.#files.set(path, { file, bytes: 0 });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
        throw error;
      }
    }
    for (const opened of this.#files.values()) opened.bytes = await opened.file.size();
    return true;
  }

  /**
   * Ends the view of a segment where its whole batches end, if a writer is at work there or nothing stands behind them. What
   * stands there and does not change is left in view: a torn tail, or damage.
   */
  async #bound(path: string): Promise<void> {
    const opened = this.#files.get(path);
    if (opened === undefined) return;
    let end = SEGMENT_HEADER_BYTES;
    for (let look = 0; look < LOOKS; look += 1) {
      const stop = await wholeUpTo(opened.file, path, end);
      if (stop === null) return;
      const moved = look > 0 && stop.end > end;
      end = stop.end;
      if (moved || !stop.written) {
        opened.bytes = end;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }
}

/** Where the whole batches from `from` on end, and whether anything stands behind. Null: the header is damaged. */
async function wholeUpTo(
  file: LogFile,
  path: string,
  from: number,
): Promise<{ readonly end: number; readonly written: boolean } | null> {
  const window = new FileWindow(file, await file.size());
  const number = segmentNumber(path.slice(path.lastIndexOf("/") + 1)) ?? 0;
  let header;
  try {
    header = readSegmentHeader(await window.read(0, SEGMENT_HEADER_BYTES), path, number);
  } catch {
    // For whoever reads the view to tell.
    return null;
  }
  const cursor = new SegmentCursor(window, header, from);
  let step = await cursor.next();
  while (step.kind === "batch") step = await cursor.next();
  const { written } = await cursor.survey(step.offset);
  return { end: step.offset, written };
}
