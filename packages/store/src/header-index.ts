import { randomBytes } from "node:crypto";
import { HeaderCache } from "./header-cache.js";
import type { Version } from "./version.js";

/** A part is rebuilt in one turn when it grows: with 10,000,000 keys 20,000 entries, two milliseconds (C5). */
const PARTS_MAX = 512;
const PART_BYTES_MIN = 16 * 1024;
/** A part that is full has so many times its size then. */
const GROWTH = 1.5;

/**
 * What a put must know of the version before it, without the value, for keys whose versions are no longer held in memory as
 * objects: 50 to 100 bytes a key with keys of 16 bytes, where a look-up in LevelDB takes 3 to 10 µs and this one or less.
 *
 * It takes memory as keys come, up to a limit; from there on the keys that were put last stay. The keys are divided over parts by their hash, and
 * each part grows by itself, so that no turn of the event loop copies everything.
 */
export class HeaderIndex {
  readonly #parts: HeaderCache[];
  readonly #partBytesMax: number;
  readonly #seed = randomBytes(4).readUInt32LE(0);
  #bytes: number;

  /** `directory` is named when an entry is damaged. */
  constructor(bytesMax: number, directory: string) {
    let parts = 1;
    while (parts < PARTS_MAX && bytesMax / (2 * parts) >= PART_BYTES_MIN) parts *= 2;
    this.#partBytesMax = Math.floor(bytesMax / parts);
    const bytes = Math.min(this.#partBytesMax, PART_BYTES_MIN);
    this.#parts = Array.from({ length: parts }, () => new HeaderCache(bytes, directory));
    this.#bytes = parts * bytes;
  }

  /** What was taken so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What the last `set` of this key put here, if it is still here: all of the version but its value. */
  get(name: string): Version | null {
    const hash = this.#hash(name);
    return this.#parts[hash & (this.#parts.length - 1)]?.get(name, hash) ?? null;
  }

  /** Keeps what `version` is but its value. */
  set(version: Version): void {
    const hash = this.#hash(version.key);
    const at = hash & (this.#parts.length - 1);
    const part = this.#parts[at];
    if (part === undefined) return;
    if (part.isAboutToTurn(version)) this.#renew(at, part);
    this.#parts[at]?.set(version, hash);
  }

  /** Without what is of no use in it, or with more room; as it is where neither can be. */
  #renew(at: number, part: HeaderCache): void {
    const bytes = part.isHalfDead ? part.bytes : Math.min(Math.ceil(GROWTH * part.bytes), this.#partBytesMax);
    if (bytes === part.bytes && !part.isHalfDead) return;
    this.#parts[at] = part.resized(bytes);
    this.#bytes += bytes - part.bytes;
  }

  #hash(name: string): number {
    let hash = this.#seed;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
    return (hash ^ (hash >>> 15)) >>> 0;
  }
}
