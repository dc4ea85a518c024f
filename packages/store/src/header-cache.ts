import { decodeRecord, markValueElsewhere, modRevisionOf } from "./record.js";
import type { ValueSlabs } from "./value-slabs.js";
import type { Version } from "./version.js";

/** Places that a key can have: where two thirds of all are taken, not one key in a hundred finds its own all taken. */
const WAYS = 16;
/** Longer ones are not kept: there are few, and each would push out many. */
const KEY_BYTES_MAX = 1_024;
/** Bytes for which there is one place: half as many places again as entries that the ring holds, with keys of 16 bytes. */
const BYTES_PER_PLACE = 48;
/** The lower bits of a hash are the index's, see HeaderIndex. */
const BUCKET_BITS_FROM = 9;
const PLACE_BYTES = Uint32Array.BYTES_PER_ELEMENT + Float64Array.BYTES_PER_ELEMENT;
/** What stands before the key: its length, the header's, the room behind the key, where the value is, and the slot. */
const HEADER_BYTES_AT = 2;
const ROOM_AT = 4;
const SLAB_AT = 6;
/** Four would do for two weeks of large values that are read from the disk at 3,000 a second: each is a slab. */
const SLAB_NUMBER_BYTES = 6;
const VALUE_START_AT = 12;
const VALUE_BYTES_AT = 14;
const SLOT_AT = 18;
const PREFIX_BYTES = 22;
/** A later header of the key may be longer by this much and still take the place of the one before. */
const SPARE_BYTES = 6;

/** What is kept of a version: its header's bytes, where its value lies in memory, and its place among the unsettled ones. */
export interface Entry {
  readonly version: Version;
  /** The header stands in [from, to) of this. */
  readonly header: Buffer;
  readonly from: number;
  readonly to: number;
  /** The number of the slab that has the value; 0 for none. */
  readonly slab: number;
  readonly valueStart: number;
  readonly valueBytes: number;
  readonly slot: number;
}

/**
 * The latest versions of some of the keys as far as memory has them; a part of HeaderIndex, which hashes the keys.
 *
 * A ring of bytes, in which the oldest entry is overwritten, and a table of places in it. A key has a choice of a few places by its hash, so
 * nobody who chooses keys makes a look-up slow. Nothing in here is known to the garbage collector one by one.
 */
export class HeaderCache {
  /** Of both, the ring and the table. */
  readonly bytes: number;
  readonly #ring: Buffer;
  /** The hash that belongs to each place. */
  readonly #hashes: Uint32Array;
  /** Where in the ring an entry begins, as if the ring had no end; what is a whole ring behind `#head` is gone. */
  readonly #starts: Float64Array;
  readonly #buckets: number;
  readonly #directory: string;
  #head: number;
  /** Of the ring, of entries that nothing leads to any more; counted until the ring is written over. */
  #deadBytes = 0;
  #lostRevision = 0;
  /** Of what was found last: its place, -1 for none, and where in the ring it is. */
  #place = -1;
  #at = 0;

  /** `directory` is named when an entry is damaged. */
  constructor(bytes: number, directory: string) {
    this.bytes = bytes;
    this.#buckets = Math.ceil(bytes / (WAYS * BYTES_PER_PLACE));
    const places = this.#buckets * WAYS;
    const ringBytes = Math.max(0, bytes - places * PLACE_BYTES);
    this.#ring = Buffer.allocUnsafeSlow(ringBytes);
    this.#hashes = new Uint32Array(places);
    this.#starts = new Float64Array(places);
    this.#directory = directory;
    // A whole ring ahead of the places that were never taken.
    this.#head = ringBytes;
  }

  /** A version above this one that was set here is still found here: none of them was pushed out, or found no room. */
  get lostRevision(): number {
    return this.#lostRevision;
  }

  /** The next `set` may come to the end of the ring for the first time: the last moment for `resized`. */
  isAboutToTurn({ version, from, to }: Entry): boolean {
    const { length } = version.key;
    if (length > KEY_BYTES_MAX) return false;
    const ringBytes = this.#ring.length;
    const bytes = PREFIX_BYTES + length + (to - from) + SPARE_BYTES;
    return this.#head < 2 * ringBytes && this.#head + bytes >= 2 * ringBytes;
  }

  /** At least half of the ring is of no use. */
  get isHalfDead(): boolean {
    return 2 * this.#deadBytes >= this.#ring.length;
  }

  /** Another one with the same entries: of more bytes, or of as many where this one is half dead. `newest` as in `set`. */
  resized(bytes: number, newest: number): HeaderCache {
    const other = new HeaderCache(bytes, this.#directory);
    other.#lostRevision = this.#lostRevision;
    const ring = this.#ring;
    for (let place = 0; place < this.#starts.length; place++) {
      const start = this.#starts[place] ?? 0;
      if (start === 0 || this.#head - start >= ring.length) continue;
      const at = start % ring.length;
      const entryBytes = this.#entryBytes(at);
      const to = other.#take(entryBytes, newest);
      ring.copy(other.#ring, to % other.#ring.length, at, at + entryBytes);
      other.#claim(this.#hashes[place] ?? 0, to, newest);
    }
    return other;
  }

  /** Whether a key is here. What was found is what those below are about, until the next `set`. */
  find(name: string, hash: number): boolean {
    const first = this.#firstPlace(hash);
    const { length } = this.#ring;
    for (let place = first; place < first + WAYS; place++) {
      if (this.#hashes[place] !== hash) continue;
      const start = this.#starts[place] ?? 0;
      if (this.#head - start >= length) continue;
      const at = start % length;
      if (!this.#isOf(at, name)) continue;
      this.#place = place;
      this.#at = at;
      return true;
    }
    this.#place = -1;
    return false;
  }

  get modRevision(): number {
    const at = this.#at;
    return modRevisionOf(this.#ring, at + PREFIX_BYTES + this.#ring.readUInt16LE(at));
  }

  get slot(): number {
    return this.#ring.readUInt32LE(this.#at + SLOT_AT);
  }

  get slab(): number {
    return this.#ring.readUIntLE(this.#at + SLAB_AT, SLAB_NUMBER_BYTES);
  }

  /** What the last `set` of the key put here, with its value while that is in memory. */
  version(name: string, slabs: ValueSlabs): Version {
    const ring = this.#ring;
    const at = this.#at;
    const from = at + PREFIX_BYTES + name.length;
    const to = from + ring.readUInt16LE(at + HEADER_BYTES_AT);
    const version = decodeRecord(name, ring, this.#directory, from, to);
    const source = slabs.get(ring.readUIntLE(at + SLAB_AT, SLAB_NUMBER_BYTES));
    if (source === undefined) return version;
    version.source = source;
    version.valueStart = ring.readUInt16LE(at + VALUE_START_AT);
    version.valueEnd = version.valueStart + ring.readUInt32LE(at + VALUE_BYTES_AT);
    return version;
  }

  /** Keeps what `entry` says of the key that `find` was told last. `newest` is the newest revision that was set anywhere. */
  set(entry: Entry, hash: number, newest: number): void {
    const { key } = entry.version;
    const ring = this.#ring;
    const headerBytes = entry.to - entry.from;
    if (this.#place >= 0) {
      const at = this.#at;
      if (headerBytes <= ring.readUInt16LE(at + ROOM_AT)) {
        this.#fill(at, entry);
        return;
      }
      this.#deadBytes += this.#entryBytes(at);
      this.#starts[this.#place] = 0;
    }
    const bytes = PREFIX_BYTES + key.length + headerBytes + SPARE_BYTES;
    if (key.length > KEY_BYTES_MAX || bytes > ring.length) {
      this.#lost(entry.version.modRevision);
      return;
    }
    const start = this.#take(bytes, newest);
    this.#claim(hash, start, newest);
    const at = start % ring.length;
    ring.writeUInt16LE(key.length, at);
    ring.writeUInt16LE(headerBytes + SPARE_BYTES, at + ROOM_AT);
    for (let i = 0; i < key.length; i++) ring[at + PREFIX_BYTES + i] = key.charCodeAt(i);
    this.#fill(at, entry);
  }

  #fill(at: number, { version, header, from, to, slab, valueStart, valueBytes, slot }: Entry): void {
    const ring = this.#ring;
    ring.writeUInt16LE(to - from, at + HEADER_BYTES_AT);
    ring.writeUIntLE(slab, at + SLAB_AT, SLAB_NUMBER_BYTES);
    ring.writeUInt16LE(valueBytes === 0 ? 0 : valueStart, at + VALUE_START_AT);
    ring.writeUInt32LE(valueBytes, at + VALUE_BYTES_AT);
    ring.writeUInt32LE(slot, at + SLOT_AT);
    const target = at + PREFIX_BYTES + version.key.length - from;
    for (let i = from; i < to; i++) ring[target + i] = header[i] ?? 0;
    // An empty value is known without a slab.
    if (version.valueStart !== version.valueEnd) markValueElsewhere(ring, target + from);
  }

  /** The entry at `at` is of this key. */
  #isOf(at: number, name: string): boolean {
    const ring = this.#ring;
    if (ring.readUInt16LE(at) !== name.length) return false;
    for (let i = 0; i < name.length; i++)
      if (ring[at + PREFIX_BYTES + i] !== name.charCodeAt(i)) return false;
    return true;
  }

  /** Leads to what begins at `start`: from a free place, or from the one whose entry would go first. */
  #claim(hash: number, start: number, newest: number): void {
    const first = this.#firstPlace(hash);
    let oldest = first;
    for (let place = first + 1; place < first + WAYS; place++) {
      if ((this.#starts[place] ?? 0) < (this.#starts[oldest] ?? 0)) oldest = place;
    }
    const before = this.#starts[oldest] ?? 0;
    if (before > 0 && this.#head - before < this.#ring.length) {
      this.#deadBytes += this.#entryBytes(before % this.#ring.length);
      this.#lost(newest);
    }
    this.#hashes[oldest] = hash;
    this.#starts[oldest] = start;
  }

  #firstPlace(hash: number): number {
    return ((hash >>> BUCKET_BITS_FROM) % this.#buckets) * WAYS;
  }

  /** What the entry at `at` takes of the ring. */
  #entryBytes(at: number): number {
    return PREFIX_BYTES + this.#ring.readUInt16LE(at) + this.#ring.readUInt16LE(at + ROOM_AT);
  }

  /** Room in the ring, in one piece. */
  #take(bytes: number, newest: number): number {
    const ringBytes = this.#ring.length;
    const left = ringBytes - (this.#head % ringBytes);
    const start = left < bytes ? this.#head + left : this.#head;
    this.#head = start + bytes;
    // Written over what was there, or come up to it, which is gone then as well: nobody looks what that was.
    if (this.#head >= 2 * ringBytes) this.#lost(newest);
    return start;
  }

  #lost(revision: number): void {
    if (revision > this.#lostRevision) this.#lostRevision = revision;
  }
}
