import { logIndex, term } from "../core/types.js";
import type { GroupId, HardState, LogBase, LogIndex } from "../core/types.js";
import { Positions } from "./positions.js";
import type { RecordPlace } from "./positions.js";
import { encodeBase, encodeHardState } from "./record.js";

/** Records that one group takes at the start of a segment. */
export const CONTROL_RECORDS = 2;

const NO_STATE: HardState = { currentTerm: term(0), votedFor: null };
const NO_BASE: LogBase = {
  index: logIndex(0),
  term: term(0),
  configuration: { voters: [], outgoing: [], learners: [], witnesses: [], autoLeave: false },
};

/**
 * What the segments hold of one group, up to the last batch that was written (not of what is still queued).
 * Recovery folds every batch into it, and the appender goes on where recovery ended: one set of transitions.
 */
export class WrittenGroup {
  readonly group: GroupId;
  readonly positions = new Positions();
  #hardState = NO_STATE;
  #base = NO_BASE;
  #lastIndex = logIndex(0);
  /** The first entry that the segments hold; entries before it were in segments that are gone. */
  #firstIndex = logIndex(1);
  /** Whether anything has said where the group's log stands. */
  #placed = false;

  constructor(group: GroupId) {
    this.group = group;
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  get base(): LogBase {
    return this.#base;
  }

  /** The base's when the log is empty. */
  get lastIndex(): LogIndex {
    return this.#lastIndex;
  }

  get firstIndex(): LogIndex {
    return this.#firstIndex;
  }

  /** The oldest segment that holds an entry above the base, or one before it; null when there is no such entry. */
  get firstSegment(): number | null {
    return this.positions.firstSegment;
  }

  setHardState(hardState: HardState): void {
    this.#hardState = hardState;
  }

  /**
   * Sets the base. `lastIndex` says what the log keeps above it. The first base of a group that is met may speak of
   * entries in segments that are gone (W10); a later one speaks only of what was there: false when it does not.
   */
  setBase(base: LogBase, lastIndex: LogIndex): boolean {
    if (this.#placed && lastIndex > this.#lastIndex && lastIndex > base.index) return false;
    if (!this.#placed) this.#firstIndex = logIndex(lastIndex + 1);
    this.#placed = true;
    if (lastIndex <= base.index) {
      this.positions.clear();
      this.#firstIndex = logIndex(base.index + 1);
    } else {
      this.positions.dropThrough(base.index);
      this.positions.truncate(logIndex(lastIndex + 1));
      this.#firstIndex = logIndex(Math.max(this.#firstIndex, base.index + 1));
    }
    this.#base = base;
    this.#lastIndex = lastIndex;
    return true;
  }

  /** Adds the entries [first, last], written at `place`; false when there is a gap before them. */
  addEntries(first: LogIndex, last: LogIndex, place: RecordPlace): boolean {
    if (first > this.#lastIndex + 1 || first <= this.#base.index) return false;
    this.#placed = true;
    this.positions.note(first, this.#lastIndex, place);
    this.#firstIndex = logIndex(Math.min(this.#firstIndex, first));
    this.#lastIndex = last;
    return true;
  }

  /** The records that a new segment begins with, so that those before it can go (W10). */
  controlRecords(): Buffer[] {
    return [
      encodeHardState(this.group, this.#hardState),
      encodeBase(this.group, this.#base, this.#lastIndex),
    ];
  }
}
