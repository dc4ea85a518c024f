import { nameOf } from "./bytes.js";
import type { Put } from "./command.js";
import { rangeContains } from "./key-range.js";
import type { KeyRange, KeyValue } from "@raftkv/store";
import type { MutationBatch } from "@raftkv/store";

interface Written {
  readonly key: Uint8Array;
  /** The last put of it; null: it is deleted. */
  put: Put | null;
  /** Puts since the key was deleted in the transaction, or since its start. */
  puts: number;
  /** What was there before is gone. */
  deleted: boolean;
}

/**
 * The keys as a transaction sees them: what was there before, and its own writes so far, which reach the batch only when
 * the whole of it is known to pass.
 */
export class TxnView {
  readonly #batch: MutationBatch;
  readonly #written = new Map<string, Written>();
  /** In order, for `commit`; null deletes. */
  readonly #writes: { readonly key: Uint8Array; readonly put: Put | null }[] = [];

  constructor(batch: MutationBatch) {
    this.#batch = batch;
  }

  get(key: Uint8Array): KeyValue | null {
    const written = this.#written.size === 0 ? undefined : this.#written.get(nameOf(key));
    return written === undefined ? this.#batch.get(key) : this.#afterWrites(written);
  }

  /** The same without the value. */
  peek(key: Uint8Array): KeyValue | null {
    const written = this.#written.size === 0 ? undefined : this.#written.get(nameOf(key));
    return written === undefined ? this.#batch.peek(key) : this.#afterWrites(written);
  }

  /** Leases to which it puts keys, and at most how many each gains: those that are attached to it already count too. */
  leasePuts(): ReadonlyMap<number, number> {
    const puts = new Map<number, number>();
    for (const { put } of this.#written.values()) {
      if (put !== null && put.lease !== 0) puts.set(put.lease, (puts.get(put.lease) ?? 0) + 1);
    }
    return puts;
  }

  /** How many keys a lease gains by all of it; fewer than none when it loses some. */
  leaseGain(lease: number): number {
    let gain = 0;
    for (const { key, put } of this.#written.values()) {
      if (put?.lease === lease) gain += 1;
      if (this.#batch.peek(key)?.lease === lease) gain -= 1;
    }
    return gain;
  }

  put(put: Put): void {
    const written = this.#writtenAt(put.key);
    written.put = put;
    written.puts += 1;
    this.#writes.push({ key: put.key, put });
  }

  /** The key is there. */
  delete(key: Uint8Array): void {
    const written = this.#writtenAt(key);
    written.put = null;
    written.puts = 0;
    written.deleted = true;
    this.#writes.push({ key, put: null });
  }

  /** Keys of a range, in order, of which `before` were there before the transaction. Deleted ones are left out. */
  keys(range: KeyRange, before: readonly KeyValue[]): Uint8Array[] {
    const keys = new Map<string, Uint8Array>();
    for (const { key } of before) keys.set(nameOf(key), key);
    for (const [name, { key, put }] of this.#written) {
      if (!rangeContains(range, key)) continue;
      if (put === null) keys.delete(name);
      else keys.set(name, key);
    }
    return [...keys].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, key]) => key);
  }

  /** Hands the writes to the batch, where they share a revision. */
  commit(): void {
    for (const { key, put } of this.#writes) {
      if (put === null) this.#batch.delete(key);
      else this.#batch.put(key, put.value, put.lease);
    }
  }

  #writtenAt(key: Uint8Array): Written {
    const name = nameOf(key);
    let written = this.#written.get(name);
    if (written === undefined) {
      written = { key, put: null, puts: 0, deleted: false };
      this.#written.set(name, written);
    }
    return written;
  }

  #afterWrites({ key, put, puts, deleted }: Written): KeyValue | null {
    if (put === null) return null;
    const before = deleted ? null : this.#batch.peek(key);
    const modRevision = this.#batch.revision + 1;
    return {
      key,
      value: Uint8Array.from(put.value),
      createRevision: before?.createRevision ?? modRevision,
      modRevision,
      version: (before?.version ?? 0) + puts,
      lease: put.lease,
    };
  }
}
