import { randomBytes } from "node:crypto";
import { HeaderCache } from "./header-cache.js";
import type { Entry } from "./header-cache.js";
import type { ValueSlabs } from "./value-slabs.js";
import type { Version } from "./version.js";

/** A part is rebuilt in one turn when it grows: with 10,000,000 keys 20,000 entries, two milliseconds (C5). */
const PARTS_MAX = 512;
const PART_BYTES_MIN = 16 * 1024;
/** A part that is full has so many times its size then. */
const GROWTH = 1.5;

/**
 * The latest versions of keys as far as memory has them: all that a put must know of the version before it, where the value lies, and the
 * slot of one that is not settled. 70 to 120 bytes a key with keys of 16 bytes, where a look-up in LevelDB takes 3 to 10 µs and this one or less.
 *
 * It takes memory as keys come, up to a limit; from there on the keys that came last stay, and one that is put again keeps its place among them.
 * The keys are divided over parts by their hash, and each part grows by itself, so that no turn of the event loop copies everything.
 */
export class HeaderIndex {
  readonly #parts: HeaderCache[];
  readonly #partBytesMax: number;
  readonly #seed = randomBytes(4).readUInt32LE(0);
  #bytes: number;
  /** What the last `find` was about. */
  #name: string | null = null;
  #hash = 0;
  #part: HeaderCache;

  /** `directory` is named when an entry is damaged. */
  constructor(bytesMax: number, directory: string) {
    let parts = 1;
    while (parts < PARTS_MAX && bytesMax / (2 * parts) >= PART_BYTES_MIN) parts *= 2;
    this.#partBytesMax = Math.floor(bytesMax / parts);
    const bytes = Math.min(this.#partBytesMax, PART_BYTES_MIN);
    this.#part = new HeaderCache(bytes, directory);
    this.#parts = [this.#part];
    while (this.#parts.length < parts) this.#parts.push(new HeaderCache(bytes, directory));
    this.#bytes = parts * bytes;
  }

  /** What was taken so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a key is known. It is what the next four are about, until `set`. */
  find(name: string): boolean {
    const hash = this.#hashOf(name);
    const part = this.#parts[hash & (this.#parts.length - 1)] as HeaderCache;
    this.#name = name;
    this.#hash = hash;
    this.#part = part;
    return part.find(name, hash);
  }

  /** Of a key that was not found: a version of it above this one was never set. */
  get lostRevision(): number {
    return this.#part.lostRevision;
  }

  get modRevision(): number {
    return this.#part.modRevision;
  }

  get slot(): number {
    return this.#part.slot;
  }

  get slab(): number {
    return this.#part.slab;
  }

  /** What the last `set` of the key put here, with its value while `slabs` has that. `name` is the one that was found. */
  version(name: string, slabs: ValueSlabs): Version {
    return this.#part.version(name, slabs);
  }

  /** Keeps what is said of a key's latest version. `newest` is the newest revision that was set of any key, this one included. */
  set(entry: Entry, newest: number): void {
    const { key } = entry.version;
    if (this.#name !== key) this.find(key);
    if (this.#part.isAboutToTurn(entry)) this.#renew(key, newest);
    this.#part.set(entry, this.#hash, newest);
    this.#name = null;
  }

  /** The part that was found: without what is of no use in it, or with more room; as it is where neither can be. */
  #renew(key: string, newest: number): void {
    const part = this.#part;
    const bytes = part.isHalfDead ? part.bytes : Math.min(Math.ceil(GROWTH * part.bytes), this.#partBytesMax);
    if (bytes === part.bytes && !part.isHalfDead) return;
    const renewed = part.resized(bytes, newest);
    this.#parts[this.#hash & (this.#parts.length - 1)] = renewed;
    this.#bytes += bytes - part.bytes;
    this.#part = renewed;
    renewed.find(key, this.#hash);
  }

  #hashOf(name: string): number {
    let hash = this.#seed;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
    return (hash ^ (hash >>> 15)) >>> 0;
  }
}
