import { asBuffer } from "./bytes.js";
import { invariant } from "./errors.js";
import type { KeyRange } from "./key-range.js";
import { SortedSlots } from "./sorted-slots.js";
import type { Slot } from "./sorted-slots.js";
import type { Order } from "./latest-scan.js";
import { UnsettledScan } from "./unsettled-scan.js";
import type { Version } from "./version.js";

/** A version, its key's string, and its two places here, roughly: what it takes beside its record's bytes. */
const OVERHEAD_BYTES = 300;

/**
 * The latest versions whose `L` records LevelDB has not got: of a key that is in here its record is older, or is not there. Its
 * changes are in LevelDB or on their way, so that after a crash the log and they bring everything back (S3).
 *
 * There are two layers. Changes go into the upper one. To settle, it is frozen; once the records of what is frozen
 * are written, that layer goes as a whole. So a key that is put again and again gets one record, and records are written in order.
 */
export class Unsettled {
  #upper = new SortedSlots();
  /** By their ids. */
  #upperSlots: Slot[] = [];
  #upperBytes = 0;
  #newest: number;
  #settledRevision: number;
  /** The newest revision that is not in the upper layer. */
  #upperFrom: number;
  #frozen: SortedSlots | null = null;
  #frozenSlots: readonly Slot[] = [];
  #frozenBytes = 0;

  /** `revision` is that of the last change which is settled. */
  constructor(revision: number) {
    this.#settledRevision = revision;
    this.#upperFrom = revision;
    this.#newest = revision;
  }

  /** LevelDB has the record of each key whose latest version is of this revision or an older one. */
  get settledRevision(): number {
    return this.#settledRevision;
  }

  /** The revision of the last change. */
  get newest(): number {
    return this.#newest;
  }

  /** What is held in memory, in bytes. A version that another one took the place of counts until that is settled. */
  get bytes(): number {
    return this.#upperBytes + this.#frozenBytes;
  }

  /** Of what is not being settled yet. */
  get upperBytes(): number {
    return this.#upperBytes;
  }

  /** A key's latest version, which is of `modRevision` and in the slot with that id; null when it is settled. */
  at(name: string, modRevision: number, id: number): Version | null {
    if (modRevision <= this.#settledRevision) return null;
    const slot = modRevision > this.#upperFrom ? this.#upperSlots[id] : this.#frozenSlots[id];
    invariant(
      slot !== undefined && slot.name === name && slot.version.modRevision === modRevision,
      "an unsettled version is in its key's slot (S3)",
    );
    return slot.version;
  }

  /** A key's latest version, looked up in the order of keys; null when it is settled. */
  find(name: string): Version | null {
    return this.#upper.find(name) ?? this.#frozen?.find(name) ?? null;
  }

  /** The place of the key that `previous` is the latest version of; null when it has none in the upper layer. */
  slotOf(previous: Version | null): Slot | null {
    return previous === null || previous.modRevision <= this.#upperFrom ? null : previous.slot;
  }

  /** Makes `version` the latest of its key, in the slot that it names. Returns its slot. */
  add(version: Version, recordBytes: number): Slot {
    this.#upperBytes += recordBytes;
    this.#newest = version.modRevision;
    if (version.slot !== null) {
      version.slot.version = version;
      return version.slot;
    }
    const slot: Slot = { name: version.key, id: this.#upperSlots.length, version };
    this.#upperSlots.push(slot);
    this.#upper.insert(slot);
    this.#upperBytes += OVERHEAD_BYTES;
    return slot;
  }

  /** What is in here now is to be settled; what changes later goes above it. */
  freeze(): void {
    invariant(this.#frozen === null, "what was frozen is settled before more is");
    this.#upper.merge();
    this.#frozen = this.#upper;
    this.#frozenSlots = this.#upperSlots;
    this.#upperSlots = [];
    this.#frozenBytes = this.#upperBytes;
    this.#upper = new SortedSlots();
    this.#upperBytes = 0;
    this.#upperFrom = this.#newest;
  }

  /** The versions that are to be settled, in byte order of their keys. They stay as they are until `settled`. */
  get frozen(): SortedSlots {
    invariant(this.#frozen !== null, "what is settled was frozen before");
    return this.#frozen;
  }

  /** LevelDB has the records of everything that was frozen. */
  settled(): void {
    this.#settledRevision = this.#upperFrom;
    this.#frozen = null;
    this.#frozenSlots = [];
    this.#frozenBytes = 0;
  }

  /** Goes through what is in here now, see there: as it goes, and whatever is settled meanwhile. */
  scan(range: KeyRange, order: Order): UnsettledScan {
    const names = { start: latin1(range.start), end: range.end === null ? null : latin1(range.end) };
    const layers = this.#frozen === null ? [this.#upper] : [this.#upper, this.#frozen];
    return new UnsettledScan(layers, names, order);
  }

  /** The versions of the keys in a range as they are now, ascending. */
  in(range: KeyRange): Version[] {
    const start = latin1(range.start);
    const end = range.end === null ? null : latin1(range.end);
    const upper = this.#upper.in(start, end);
    return this.#frozen === null ? [...upper] : merged(upper, this.#frozen.in(start, end));
  }
}

/** Both in one order; of a key that is in both the version in `upper`. */
function merged(upper: Generator<Version, void>, lower: Generator<Version, void>): Version[] {
  const versions: Version[] = [];
  let above = upper.next().value;
  let below = lower.next().value;
  while (above !== undefined && below !== undefined) {
    if (above.key === below.key) below = lower.next().value;
    else if (above.key < below.key) {
      versions.push(above);
      above = upper.next().value;
    } else {
      versions.push(below);
      below = lower.next().value;
    }
  }
  for (; above !== undefined; above = upper.next().value) versions.push(above);
  for (; below !== undefined; below = lower.next().value) versions.push(below);
  return versions;
}

function latin1(bytes: Uint8Array): string {
  return asBuffer(bytes).toString("latin1");
}
