import type { Database } from "./database.js";
import { HeaderIndex } from "./header-index.js";
import { ROOT_NUMBERS_MAX, decodeRecord, encodeHeader, headerBytesMax } from "./record.js";
import { latestKey } from "./record-keys.js";
import type { Unsettled } from "./unsettled.js";
import { ValueSlabs } from "./value-slabs.js";
import type { Version } from "./version.js";

/** A header on its way into the index. */
const SCRATCH = Buffer.alloc(headerBytesMax(ROOT_NUMBERS_MAX));
const NO_SLOT = 0;
const NO_PLACE = { slab: 0, start: 0 };

/**
 * The latest version of each key: from memory, else from LevelDB.
 *
 * Memory knows all but the value of as many keys as find room, and the values that were written or read last; both in bytes that the
 * garbage collector does not look into. Only versions that are not settled are objects, which `Unsettled` has: they are found through the index as
 * well, and in their own order where the index had no room for one. So a version is never taken for one before it: what the index has of a key is
 * its latest version, and what it has not got is not unsettled, or is looked for there.
 */
export class LatestVersions {
  readonly #database: Database;
  readonly #unsettled: Unsettled;
  /** What was read for the entry that is to be applied next, whatever else memory holds. */
  readonly #held = new Map<string, Version>();
  readonly #index: HeaderIndex;
  readonly #slabs: ValueSlabs;

  constructor(
    database: Database,
    {
      cacheBytes,
      headerBytesMax: indexBytesMax,
    }: { readonly cacheBytes: number; readonly headerBytesMax: number },
    unsettled: Unsettled,
  ) {
    this.#database = database;
    this.#index = new HeaderIndex(indexBytesMax, database.location);
    this.#slabs = new ValueSlabs(cacheBytes);
    this.#unsettled = unsettled;
  }

  /** Bytes of values that are held in memory, with what stands between them. */
  get bytes(): number {
    return this.#slabs.bytes;
  }

  /** Bytes that versions without their values take. */
  get headerBytes(): number {
    return this.#index.bytes;
  }

  /** The latest version of a key, a deletion included; null when it never had one. `name` is the key in latin1. */
  get(name: string, key: Buffer): Version | null {
    const found = this.peek(name);
    if (found !== null && found.valueStart >= 0) {
      if (found.slot === null && this.#isOld()) this.keep(found);
      return found;
    }
    const held = this.#held.size === 0 ? undefined : this.#held.get(name);
    if (held !== undefined) return held;
    if (found !== null) return found;
    const read = this.#lookUp(name, key);
    if (read !== null) this.keep(read);
    return read;
  }

  /** The same for a change, which puts another version in its place at once and needs no value. */
  before(name: string, key: Buffer): Version | null {
    const found = this.peek(name) ?? (this.#held.size === 0 ? undefined : this.#held.get(name));
    return found ?? this.#lookUp(name, key);
  }

  /**
   * Keeps the latest version of a key until `release`, so that an entry which was loaded looks up nothing in LevelDB. A newer one comes
   * before it, being unsettled, and nothing is applied in between.
   */
  hold(version: Version): void {
    this.#held.set(version.key, version);
  }

  release(): void {
    if (this.#held.size > 0) this.#held.clear();
  }

  /** What memory has of a key: everything that is not settled yet, and of the rest what found room, perhaps without its value. */
  peek(name: string): Version | null {
    const index = this.#index;
    const unsettled = this.#unsettled;
    if (index.find(name))
      return unsettled.at(name, index.modRevision, index.slot) ?? index.version(name, this.#slabs);
    return index.lostRevision > unsettled.settledRevision ? unsettled.find(name) : null;
  }

  /** Room for a record of up to `bytes`, at `slab[used]`. It is taken by the `add` that follows. */
  reserve(bytes: number): { readonly slab: Buffer; readonly used: number } {
    return this.#slabs.reserve(bytes);
  }

  /** Makes `version`, which is unsettled, the latest of its key. Its record lies in the room reserved last, from `from` on, and ends with the value. */
  add(version: Version, from: number, slot: number): void {
    const { source, valueStart, valueEnd, modRevision } = version;
    const slab = this.#slabs.take(source, valueEnd);
    const valueBytes = valueEnd - valueStart;
    this.#index.set(
      { version, header: source, from, to: valueStart, slab, valueStart, valueBytes, slot },
      modRevision,
    );
  }

  /** Keeps what is the latest version of its key and is settled, with its value when it has that. */
  keep(version: Version): void {
    const { source, valueStart: from, valueEnd } = version;
    const valueBytes = from < 0 ? 0 : valueEnd - from;
    const { slab, start } = valueBytes === 0 ? NO_PLACE : this.#slabs.copy(source, from, valueEnd);
    const to = encodeHeader(version, SCRATCH, 0);
    const entry = {
      version,
      header: SCRATCH,
      from: 0,
      to,
      slab,
      valueStart: start,
      valueBytes,
      slot: NO_SLOT,
    };
    this.#index.set(entry, this.#unsettled.newest);
  }

  /** Of what `peek` found last: its value goes soon. */
  #isOld(): boolean {
    const { slab } = this.#index;
    return slab !== 0 && this.#slabs.isOld(slab);
  }

  #lookUp(name: string, key: Buffer): Version | null {
    const bytes = this.#database.getSync(latestKey(key));
    return bytes === undefined ? null : decodeRecord(name, bytes, this.#database.location);
  }
}
