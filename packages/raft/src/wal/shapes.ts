import { logIndex } from "../core/types.js";
import type { LogBase, LogIndex, TermRun } from "../core/types.js";
import { Frame } from "../frame.js";
import { TermRuns } from "./term-runs.js";

/** The shape of all entries above the base, as recovery found them: what the core starts from. */
export interface RecoveredShapes {
  readonly from: LogIndex;
  /** Exclusive. Equal to `from` when the log is empty. */
  readonly to: LogIndex;
  readonly runs: readonly TermRun[];
  /** `sizes[i]` is the size in bytes of the frame of entry `from + i`. */
  readonly sizes: Uint32Array;
  /** The frames of the configuration entries, ascending, as copies: their bodies are the caller's to decode (R21). */
  readonly configurations: readonly Frame[];
}

/** Builds the shape while recovery reads the log: four bytes an entry, and one number for each run of a term. */
export class ShapeBuilder {
  readonly runs = new TermRuns();
  #sizes = new Uint32Array(1024);
  #from = 1;
  #to = 1;
  #configurations: Frame[] = [];

  /** As the log: an index that is written again replaces what stood there and everything behind it. */
  add(frames: readonly Frame[]): void {
    const first = frames[0];
    if (first === undefined) return;
    if (first.index < this.#from) this.#restart(first.index);
    else if (first.index < this.#to) this.#truncate(first.index);
    for (const frame of frames) {
      this.runs.add(frame.index, frame.term);
      if (this.#to - this.#from === this.#sizes.length) this.#grow();
      this.#sizes[this.#to - this.#from] = frame.size;
      this.#to += 1;
      if (frame.kind === "configuration") this.#configurations.push(copyOf(frame));
    }
  }

  /** `lastIndex` as in the record: what the log keeps above the base. */
  setBase(base: LogBase, lastIndex: LogIndex): void {
    if (lastIndex <= base.index) this.#restart(base.index + 1);
    // Entries that stand in segments that are gone already: the base that let them go follows (W5).
    else if (lastIndex >= this.#to) this.#restart(lastIndex + 1);
    else {
      this.#truncate(logIndex(lastIndex + 1));
      this.#dropThrough(base.index);
    }
  }

  finish(): RecoveredShapes {
    const count = this.#to - this.#from;
    return {
      from: logIndex(this.#from),
      to: logIndex(this.#to),
      runs: this.runs.toRuns(logIndex(this.#to - 1)),
      sizes: this.#sizes.slice(0, count),
      configurations: this.#configurations,
    };
  }

  #truncate(from: LogIndex): void {
    this.runs.truncate(from);
    this.#to = from;
    this.#configurations = this.#configurations.filter((frame) => frame.index < from);
  }

  #dropThrough(index: LogIndex): void {
    const dropped = index + 1 - this.#from;
    if (dropped <= 0) return;
    this.runs.dropThrough(index);
    this.#sizes = this.#sizes.slice(dropped);
    this.#from = index + 1;
    this.#configurations = this.#configurations.filter((frame) => frame.index > index);
  }

  /** The log goes on at `from`, and what was there is gone. */
  #restart(from: number): void {
    this.runs.clear();
    this.#from = from;
    this.#to = from;
    this.#configurations = [];
  }

  #grow(): void {
    const grown = new Uint32Array(Math.max(1024, this.#sizes.length * 2));
    grown.set(this.#sizes);
    this.#sizes = grown;
  }
}

/** What it lies in now is a whole piece of the log, and is used again for the next. */
function copyOf(frame: Frame): Frame {
  return new Frame(frame, Buffer.from(frame.bytes), 0, frame.size);
}
