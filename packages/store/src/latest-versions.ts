import type { Database } from "./database.js";
import { HeaderIndex } from "./header-index.js";
import { decodeRecord } from "./record.js";
import { latestKey } from "./record-keys.js";
import type { Unsettled } from "./unsettled.js";
import type { Version } from "./version.js";

const SLAB_BYTES = 64 * 1024;
/** A larger record gets a buffer of its own, so that at most this much of a slab is left unused. */
const SHARED_RECORD_BYTES_MAX = SLAB_BYTES / 8;
/** A version, its key's string, and its place in the map, roughly: what it takes beside its record's bytes. */
const OVERHEAD_BYTES = 300;
const EMPTY_SLAB = Buffer.alloc(0);
const NOBODY = [][Symbol.iterator]();

/** Bytes of records, written once each; space that an overwritten version leaves is freed with the whole. */
class Generation {
  readonly versions = new Map<string, Version>();
  bytes = 0;
  /** The highest revision that was put here. */
  newest = 0;
  slab: Buffer = EMPTY_SLAB;
  used = 0;
}

/**
 * The latest version of each key: from memory, else from LevelDB.
 *
 * Memory is two generations. What is written or hit goes into the young one; when that has its half of the bytes, the
 * old one goes as a whole and the young one takes its place. So it costs nothing to evict, memory is bounded in bytes
 * with dead space counted, and what is used stays. Versions that are not settled are nowhere else to be found by their key: a
 * generation that holds one of them stays until it is, and the limit on unsettled bytes bounds that.
 *
 * Of each version in a generation that goes, all but the value stays: a put needs no more of the version before it. That is
 * done little by little while the young one grows. A header in there is shadowed by every later version of its key: such a one is in one
 * of the generations, and when that goes its header takes the place of the one before.
 */
export class LatestVersions {
  readonly #database: Database;
  readonly #generationBytesMax: number;
  readonly #unsettled: Unsettled;
  /** What was read for the entry that is to be applied next, whatever the cache holds. */
  readonly #held = new Map<string, Version>();
  readonly #headers: HeaderIndex;
  #young = new Generation();
  #old = new Generation();
  /** Those of the old generation whose headers are not kept yet. */
  #leaving: Iterator<Version> = NOBODY;

  constructor(
    database: Database,
    { cacheBytes, headerBytesMax }: { readonly cacheBytes: number; readonly headerBytesMax: number },
    unsettled: Unsettled,
  ) {
    this.#database = database;
    this.#headers = new HeaderIndex(headerBytesMax, database.location);
    this.#generationBytesMax = Math.floor(cacheBytes / 2);
    this.#unsettled = unsettled;
  }

  /** Bytes that are held in memory, overhead included, beside those of `headerBytes`. */
  get bytes(): number {
    return this.#young.bytes + this.#old.bytes;
  }

  /** Bytes that versions without their values take. */
  get headerBytes(): number {
    return this.#headers.bytes;
  }

  /** The latest version of a key, a deletion included; null when it never had one. `name` is the key in latin1. */
  get(name: string, key: Buffer): Version | null {
    const hot = this.#young.versions.get(name);
    if (hot !== undefined) return hot;
    const warm = this.#old.versions.get(name);
    if (warm !== undefined) return this.keep(warm);
    const held = this.#held.size === 0 ? undefined : this.#held.get(name);
    if (held !== undefined) return held;
    const known = this.#headers.get(name) ?? this.#lookUp(name, key);
    return known === null ? null : this.keep(known);
  }

  /** The same for a change, which puts another version in its place at once. */
  before(name: string, key: Buffer): Version | null {
    const found = this.peek(name) ?? (this.#held.size === 0 ? undefined : this.#held.get(name));
    return found ?? this.#headers.get(name) ?? this.#lookUp(name, key);
  }

  /**
   * Keeps the latest version of a key until `release`, so that an entry which was loaded looks up nothing in LevelDB. A newer one comes
   * before it, being in memory until it is settled, and nothing is applied in between.
   */
  hold(version: Version): void {
    this.#held.set(version.key, version);
  }

  release(): void {
    if (this.#held.size > 0) this.#held.clear();
  }

  /** What memory has of a key: everything that is not settled yet, and some of the rest. */
  peek(name: string): Version | null {
    return this.#young.versions.get(name) ?? this.#old.versions.get(name) ?? null;
  }

  /** Room for a record of up to `bytes`, at `slab[used]`. It is taken by the `add` that follows. */
  reserve(bytes: number): { readonly slab: Buffer; readonly used: number } {
    if (bytes > SHARED_RECORD_BYTES_MAX) return { slab: Buffer.allocUnsafeSlow(bytes), used: 0 };
    const young = this.#young;
    if (young.used + bytes > young.slab.length) {
      young.slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      young.used = 0;
    }
    return young;
  }

  /** Makes `version` the latest of its key. Its value lies in the room reserved last, which ends with the value. */
  add(version: Version, recordBytes: number): void {
    const young = this.#young;
    const { size } = young.versions;
    young.versions.set(version.key, version);
    if (young.versions.size > size) young.bytes += OVERHEAD_BYTES + version.key.length;
    young.bytes += recordBytes;
    if (version.modRevision > young.newest) young.newest = version.modRevision;
    if (version.source === young.slab) young.used = version.valueEnd;
    this.#keepHeaders(2 + Math.floor((version.key.length + recordBytes) / OVERHEAD_BYTES));
    if (young.bytes > this.#generationBytesMax) this.#turn();
  }

  /** Copies what is the latest version into the young generation, so that it does not hold on to memory of its own. */
  keep(version: Version): Version {
    const valueBytes = version.valueStart < 0 ? 0 : version.valueEnd - version.valueStart;
    const { slab, used } = this.reserve(valueBytes);
    if (valueBytes > 0) version.source.copy(slab, used, version.valueStart, version.valueEnd);
    const kept: Version = {
      key: version.key,
      modRevision: version.modRevision,
      sub: version.sub,
      createRevision: version.createRevision,
      version: version.version,
      lease: version.lease,
      previous: version.previous,
      rank: version.rank,
      roots: version.roots,
      bases: version.bases,
      source: slab,
      valueStart: version.valueStart < 0 ? -1 : used,
      valueEnd: used + valueBytes,
      slot: version.slot,
    };
    this.add(kept, valueBytes);
    return kept;
  }

  #turn(): void {
    if (this.#old.newest > this.#unsettled.settledRevision) return;
    this.#keepHeaders(Number.POSITIVE_INFINITY);
    this.#old = this.#young;
    this.#young = new Generation();
    this.#leaving = this.#old.versions.values();
  }

  /** Of so many versions of the old generation: as many as grow into the young one, so that all are done when that is full. */
  #keepHeaders(count: number): void {
    for (let i = 0; i < count; i++) {
      const { done, value } = this.#leaving.next();
      if (done === true) return;
      this.#headers.set(value);
    }
  }

  #lookUp(name: string, key: Buffer): Version | null {
    const bytes = this.#database.getSync(latestKey(key));
    return bytes === undefined ? null : decodeRecord(name, bytes, this.#database.location);
  }
}
