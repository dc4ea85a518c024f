import type { ByteReader } from "./byte-reader.js";
import type { ByteWriter } from "./byte-writer.js";
import { DueQueue } from "./due-queue.js";
import type { Due } from "./due-queue.js";
import { ItemsSamples } from "./items-sample.js";

interface Lease extends Due {
  readonly ttlMs: number;
  /** How many keys are attached. */
  keys: number;
}

/** A lease as `lease list` and `lease ttl` show it. */
export interface LeaseStatus {
  readonly lease: number;
  readonly ttlMs: number;
  /** In log time; 0 when it is due and no clock entry has ended it yet. */
  readonly remainingMs: number;
}

/** The leases that are granted, by their ids: the indexes of the entries that granted them. */
export class Leases {
  /** In ascending order: ids come out of the log. */
  readonly #byId = new Map<number, Lease>();
  readonly #queue = new DueQueue<Lease>();
  readonly #samples = new ItemsSamples(writeLease);

  get size(): number {
    return this.#byId.size;
  }

  /** When the next one falls due. */
  get nextDueMs(): number | null {
    return this.#queue.first()?.dueMs ?? null;
  }

  has(id: number): boolean {
    return this.#byId.has(id);
  }

  grant(id: number, ttlMs: number, logTimeMs: number): void {
    this.#add({ id, ttlMs, dueMs: logTimeMs + ttlMs, keys: 0, gone: false });
  }

  /** How many keys are attached to a lease; 0 when there is no such lease. */
  keysOf(id: number): number {
    return this.#byId.get(id)?.keys ?? 0;
  }

  /** A key was attached (1) or taken off, or deleted (-1). */
  keyChanged(id: number, change: 1 | -1): void {
    const lease = this.#byId.get(id);
    if (lease === undefined) return;
    this.#samples.changing(lease);
    lease.keys += change;
  }

  /** Its time to live in full again. Returns that; 0 when there is no such lease. */
  keepAlive(id: number, logTimeMs: number): number {
    const lease = this.#byId.get(id);
    if (lease === undefined) return 0;
    this.#samples.changing(lease);
    lease.dueMs = Math.max(lease.dueMs, logTimeMs + lease.ttlMs);
    return lease.ttlMs;
  }

  /** The first entry of a term: nobody could keep anything alive while there was no leader (F5). */
  renewAll(logTimeMs: number): void {
    this.#samples.changingAll(this.#byId.values());
    for (const lease of this.#byId.values()) lease.dueMs = Math.max(lease.dueMs, logTimeMs + lease.ttlMs);
  }

  remove(id: number): void {
    const lease = this.#byId.get(id);
    if (lease === undefined) return;
    this.#samples.changing(lease);
    this.#queue.remove(lease);
    this.#byId.delete(id);
  }

  isDue(id: number, logTimeMs: number): boolean {
    const lease = this.#byId.get(id);
    return lease !== undefined && lease.dueMs <= logTimeMs;
  }

  /** Ids of those that are due, in the order in which they fell due. */
  due(logTimeMs: number, countMax: number): number[] {
    return this.#queue.due(logTimeMs, countMax).map((lease) => lease.id);
  }

  status(id: number, logTimeMs: number): LeaseStatus | null {
    const lease = this.#byId.get(id);
    return lease === undefined ? null : statusOf(lease, logTimeMs);
  }

  /** In ascending order. */
  list(logTimeMs: number): LeaseStatus[] {
    return Array.from(this.#byId.values(), (lease) => statusOf(lease, logTimeMs));
  }

  /** As they are at the call: how many, then of each, by id: id, time to live, when it falls due, how many keys. */
  slices(sliceBytes: number): Generator<Uint8Array, void, void> {
    return this.#samples.take(this.#byId.values(), sliceBytes);
  }

  read(reader: ByteReader): void {
    for (let left = reader.varint(); left > 0; left--) {
      const id = reader.varint();
      const ttlMs = reader.varint();
      const dueMs = reader.varint();
      this.#add({ id, ttlMs, dueMs, keys: reader.varint(), gone: false });
    }
  }

  #add(lease: Lease): void {
    this.#byId.set(lease.id, lease);
    this.#queue.add(lease);
  }
}

function writeLease(writer: ByteWriter, { id, ttlMs, dueMs, keys }: Lease): void {
  writer.varint(id);
  writer.varint(ttlMs);
  writer.varint(dueMs);
  writer.varint(keys);
}

function statusOf(lease: Lease, logTimeMs: number): LeaseStatus {
  const { id, ttlMs, dueMs } = lease;
  return { lease: id, ttlMs, remainingMs: Math.max(0, dueMs - logTimeMs) };
}
