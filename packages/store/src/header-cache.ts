import { randomBytes } from "node:crypto";
import {
  ROOT_NUMBERS_MAX,
  decodeRecord,
  encodeHeader,
  headerBytesMax,
  markValueElsewhere,
} from "./record.js";
import type { Version } from "./version.js";

/** Places that a key can have. */
const WAYS = 8;
/** Longer ones are not kept: there are few, and each would push out many. */
const KEY_BYTES_MAX = 1_024;
/** Bytes for which there is one place: a fifth more places than entries that the ring holds, with keys of 16 bytes. */
const BYTES_PER_PLACE = 50;
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
 * What a put must know of the version before it, without the value, for keys whose versions are no longer held in memory as
 * objects: about 50 bytes a key with keys of 16 bytes, where a look-up in LevelDB takes 3 to 10 µs and this 0.3.
 *
 * A ring of bytes, in which the oldest entry is overwritten, and a table of places in it. A key has a choice of eight places by its hash, so
 * nobody who chooses keys makes a look-up slow. Nothing in here is known to the garbage collector one by one.
 */
export class HeaderCache {
  readonly #ring: Buffer;
  /** The hash that belongs to each place. */
  readonly #hashes: Uint32Array;
  /** Where in the ring an entry begins, as if the ring had no end; what is a whole ring behind `#head` is gone. */
  readonly #starts: Float64Array;
  readonly #buckets: number;
  readonly #directory: string;
  readonly #seed = randomBytes(4).readUInt32LE(0);
  #head: number;

  /** `directory` is named when an entry is damaged. */
  constructor(bytes: number, directory: string) {
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

  /** What the last `set` of this key put here, if it is still here: all of the version but its value. */
  get(name: string): Version | null {
    const place = this.#find(name, this.#hash(name));
    if (place < 0) return null;
    const ring = this.#ring;
    const at = (this.#starts[place] ?? 0) % ring.length;
    const from = at + PREFIX_BYTES + name.length;
    return decodeRecord(name, ring, this.#directory, from, from + ring.readUInt16LE(at + HEADER_BYTES_AT));
  }

  /** Keeps what `version` is but its value. */
  set(version: Version): void {
    const { key } = version;
    const ring = this.#ring;
    const hash = this.#hash(key);
    let place = this.#find(key, hash);
    const headerBytes = encodeHeader(version, SCRATCH, 0);
    if (version.version > 0) markValueElsewhere(SCRATCH, 0);
    if (place >= 0) {
      const at = (this.#starts[place] ?? 0) % ring.length;
      if (headerBytes <= ring.readUInt16LE(at + ROOM_AT)) {
        this.#putHeader(at, key.length, headerBytes);
        return;
      }
    }
    const bytes = PREFIX_BYTES + key.length + headerBytes + SPARE_BYTES;
    if (key.length > KEY_BYTES_MAX || bytes > ring.length) {
      if (place >= 0) this.#starts[place] = 0;
      return;
    }
    if (place < 0) place = this.#oldest(hash);
    const start = this.#take(bytes);
    this.#hashes[place] = hash;
    this.#starts[place] = start;
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
    const first = (hash % this.#buckets) * WAYS;
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

  /** Of the places that a key can have the one whose entry goes first. */
  #oldest(hash: number): number {
    const first = (hash % this.#buckets) * WAYS;
    let oldest = first;
    for (let place = first + 1; place < first + WAYS; place++) {
      if ((this.#starts[place] ?? 0) < (this.#starts[oldest] ?? 0)) oldest = place;
    }
    return oldest;
  }

  /** Room in the ring, in one piece. */
  #take(bytes: number): number {
    const ringBytes = this.#ring.length;
    const left = ringBytes - (this.#head % ringBytes);
    const start = left < bytes ? this.#head + left : this.#head;
    this.#head = start + bytes;
    return start;
  }

  #hash(name: string): number {
    let hash = this.#seed;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
    return (hash ^ (hash >>> 15)) >>> 0;
  }
}
