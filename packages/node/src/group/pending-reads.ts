import type { LogIndex, ReadGrant } from "raft-ts";

/** A read that waits for its turn. It is told exactly once how it went. */
export interface ReadRequest {
  /** The state may be read now: it shows every write that was acknowledged before the read came. */
  granted(): void;
  refused(): void;
}

/** Linearizable reads: those of one turn share one read id, and all that wait share one confirmation round (R18). */
export class PendingReads {
  #arriving: ReadRequest[] = [];
  #lastReadId = 0;
  readonly #asked = new Map<number, ReadRequest[]>();
  /** Granted, but their index is not applied yet. Few: one for each turn. */
  #waiting: { readonly index: LogIndex; readonly reads: ReadRequest[] }[] = [];

  add(read: ReadRequest): void {
    this.#arriving.push(read);
  }

  get size(): number {
    let size = this.#arriving.length;
    for (const reads of this.#asked.values()) size += reads.length;
    for (const { reads } of this.#waiting) size += reads.length;
    return size;
  }

  /** The read id for everything that came in this turn, or null when nothing did. */
  takeTurn(): number | null {
    if (this.#arriving.length === 0) return null;
    this.#lastReadId += 1;
    this.#asked.set(this.#lastReadId, this.#arriving);
    this.#arriving = [];
    return this.#lastReadId;
  }

  granted(grant: ReadGrant, appliedIndex: LogIndex): void {
    const reads = this.#asked.get(grant.readId);
    if (reads === undefined) return;
    this.#asked.delete(grant.readId);
    if (grant.index <= appliedIndex) for (const read of reads) read.granted();
    else this.#waiting.push({ index: grant.index, reads });
  }

  rejected(readId: number): void {
    const reads = this.#asked.get(readId) ?? [];
    this.#asked.delete(readId);
    for (const read of reads) read.refused();
  }

  applied(index: LogIndex): void {
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter((waiting) => waiting.index <= index);
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.filter((waiting) => waiting.index > index);
    for (const { reads } of ready) for (const read of reads) read.granted();
  }

  /** The node stops. */
  abandon(): void {
    const all = [this.#arriving, ...this.#asked.values(), ...this.#waiting.map((waiting) => waiting.reads)];
    this.#arriving = [];
    this.#asked.clear();
    this.#waiting = [];
    for (const reads of all) for (const read of reads) read.refused();
  }
}
