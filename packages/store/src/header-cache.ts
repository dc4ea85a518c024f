import {
  ROOT_NUMBERS_MAX,
  decodeRecord,
  encodeHeader,
  headerBytesMax,
  markValueElsewhere,
} from "./record.js";
import type { Version } from "./version.js";

/** Places that a key can have: where two thirds of all are taken, not one key in a hundred finds its own all taken. */
const WAYS = 16;
/** Longer ones are not kept: there are few, and each would push out many. */
const KEY_BYTES_MAX = 1_024;
/** Bytes for which there is one place: half as many places again as entries that the ring holds, with keys of 16 bytes. */
const BYTES_PER_PLACE = 40;
/** The lower bits of a hash are the index's, see HeaderIndex. */
const BUCKET_BITS_FROM = 9;
const PLACE_BYTES = Uint32Array.BYTES_PER_ELEMENT + Float64Array.BYTES_PER_ELEMENT;
/** Before the key stand its length, the header's, and the room behind the key. */
const HEADER_BYTES_AT = 2;
const ROOM_AT = 4;
const PREFIX_BYTES = 6;
/** A later header of the key may be longer by this much and still take the place of the one before. */
const SPARE_BYTES = 6;
/** A header on its way into the ring. */
const SCRATCH = Buffer.alloc(headerBytesMax(ROOT_NUMBERS_MAX));

/**
 * What a put must know of the version before it, without the value, for some of the keys; a part of HeaderIndex, which hashes the keys.
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

  /** The next `set` may come to the end of the ring for the first time: the last moment for `resized`. */
  isAboutToTurn(version: Version): boolean {
    if (version.key.length > KEY_BYTES_MAX) return false;
    const ringBytes = this.#ring.length;
    const bytes = PREFIX_BYTES + version.key.length + headerBytesMax(version.roots.length) + SPARE_BYTES;
    return this.#head <= 2 * ringBytes && this.#head + bytes > 2 * ringBytes;
  }

  /** At least half of the ring is of no use. */
  get isHalfDead(): boolean {
    return 2 * this.#deadBytes >= this.#ring.length;
  }

  /** Another one with the same entries: of more bytes, or of as many where this one is half dead. */
  resized(bytes: number): HeaderCache {
    const other = new HeaderCache(bytes, this.#directory);
    const ring = this.#ring;
    for (let place = 0; place < this.#starts.length; place++) {
      const start = this.#starts[place] ?? 0;
      if (start === 0) continue;
      const at = start % ring.length;
      const entryBytes = this.#entryBytes(at);
      const to = other.#take(entryBytes);
      ring.copy(other.#ring, to % other.#ring.length, at, at + entryBytes);
      other.#claim(this.#hashes[place] ?? 0, to);
    }
    return other;
  }

  /** What the last `set` of this key put here, if it is still here: all of the version but its value. */
  get(name: string, hash: number): Version | null {
    const place = this.#find(name, hash);
    if (place < 0) return null;
    const ring = this.#ring;
    const at = (this.#starts[place] ?? 0) % ring.length;
    const from = at + PREFIX_BYTES + name.length;
    return decodeRecord(name, ring, this.#directory, from, from + ring.readUInt16LE(at + HEADER_BYTES_AT));
  }

  /** Keeps what `version` is but its value. */
  set(version: Version, hash: number): void {
    const { key } = version;
    const ring = this.#ring;
    const place = this.#find(key, hash);
    const headerBytes = encodeHeader(version, SCRATCH, 0);
    if (version.version > 0) markValueElsewhere(SCRATCH, 0);
    if (place >= 0) {
      const at = (this.#starts[place] ?? 0) % ring.length;
      if (headerBytes <= ring.readUInt16LE(at + ROOM_AT)) {
        this.#putHeader(at, key.length, headerBytes);
        return;
      }
      this.#deadBytes += this.#entryBytes(at);
      this.#starts[place] = 0;
    }
    const bytes = PREFIX_BYTES + key.length + headerBytes + SPARE_BYTES;
    if (key.length > KEY_BYTES_MAX || bytes > ring.length) return;
    const start = this.#take(bytes);
    this.#claim(hash, start);
    const at = start % ring.length;
    ring.writeUInt16LE(key.length, at);
    ring.writeUInt16LE(headerBytes + SPARE_BYTES, at + ROOM_AT);
    for (let i = 0; i < key.length; i++) ring[at + PREFIX_BYTES + i] = key.charCodeAt(i);
    this.#putHeader(at, key.length, headerBytes);
  }

  #putHeader(at: number, keyBytes: number, headerBytes: number): void {
    const ring = this.#ring;
    ring.writeUInt16LE(headerBytes, at + HEADER_BYTES_AT);
    const to = at + PREFIX_BYTES + keyBytes;
    for (let i = 0; i < headerBytes; i++) ring[to + i] = SCRATCH[i] ?? 0;
  }

  /** The place of a key; -1 when it has none. */
  #find(name: string, hash: number): number {
    const first = this.#firstPlace(hash);
    for (let place = first; place < first + WAYS; place++) {
      if (this.#hashes[place] === hash && this.#isAt(this.#starts[place] ?? 0, name)) return place;
    }
    return -1;
  }

  #isAt(start: number, name: string): boolean {
    const ring = this.#ring;
    if (this.#head - start >= ring.length) return false;
    const at = start % ring.length;
    if (ring.readUInt16LE(at) !== name.length) return false;
    for (let i = 0; i < name.length; i++)
      if (ring[at + PREFIX_BYTES + i] !== name.charCodeAt(i)) return false;
    return true;
  }

  /** Leads to what begins at `start`: from a free place, or from the one whose entry would go first. */
  #claim(hash: number, start: number): void {
    const first = this.#firstPlace(hash);
    let oldest = first;
    for (let place = first + 1; place < first + WAYS; place++) {
      if ((this.#starts[place] ?? 0) < (this.#starts[oldest] ?? 0)) oldest = place;
    }
    const before = this.#starts[oldest] ?? 0;
    if (before > 0) this.#deadBytes += this.#entryBytes(before % this.#ring.length);
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
  #take(bytes: number): number {
    const ringBytes = this.#ring.length;
    const left = ringBytes - (this.#head % ringBytes);
    const start = left < bytes ? this.#head + left : this.#head;
    this.#head = start + bytes;
    return start;
  }
}
