import type { KeyRange, KeyValue } from "@raftkv/store";

/** Keys and values as they stand: a plain map by the keys' characters (latin1), nothing clever. */
export class ModelKeys {
  readonly #entries: Map<string, KeyValue>;
  /** Something changed at the revision that is being made. */
  changed = false;

  constructor(entries: ReadonlyMap<string, KeyValue> = new Map()) {
    this.#entries = new Map(entries);
  }

  copy(): ModelKeys {
    return new ModelKeys(this.#entries);
  }

  get(key: Uint8Array): KeyValue | null {
    return this.#entries.get(nameOf(key)) ?? null;
  }

  put(key: Uint8Array, value: Uint8Array, lease: number, revision: number): void {
    const before = this.get(key);
    this.changed = true;
    this.#entries.set(nameOf(key), {
      key: Buffer.from(key),
      value: Buffer.from(value),
      createRevision: before?.createRevision ?? revision,
      modRevision: revision,
      version: (before?.version ?? 0) + 1,
      lease,
    });
  }

  delete(key: Uint8Array): boolean {
    if (!this.#entries.delete(nameOf(key))) return false;
    this.changed = true;
    return true;
  }

  /** In the order of the keys. */
  in(range: KeyRange): KeyValue[] {
    return this.all().filter(({ key }) => contains(range, key));
  }

  ofLease(lease: number): KeyValue[] {
    return this.all().filter((entry) => entry.lease === lease);
  }

  all(): KeyValue[] {
    return [...this.#entries.values()].sort((a, b) => Buffer.compare(a.key, b.key));
  }
}

export function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString("latin1");
}

export function contains(range: KeyRange, key: Uint8Array): boolean {
  return Buffer.compare(key, range.start) >= 0 && (range.end === null || Buffer.compare(key, range.end) < 0);
}

/** Whether a range is that of one key: there is none between `start` and `start` with a zero behind it. */
export function isOne(range: KeyRange): boolean {
  return range.end !== null && Buffer.concat([range.start, Buffer.of(0)]).equals(range.end);
}

/** Whether two ranges share a key that could be. */
export function intersect(a: KeyRange, b: KeyRange): boolean {
  const start = Buffer.compare(a.start, b.start) >= 0 ? a.start : b.start;
  return contains(a, start) && contains(b, start);
}
