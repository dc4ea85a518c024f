import type { LogIndex, ReadGrant } from "raft-ts";

/** The leave to read. */
export interface ReadLeave {
  /**
   * Whether what was read since may be answered: to be asked behind every reading, in the turn of the answer. A lease may have
   * ended meanwhile, while this process stood still (R19); the read is then asked for again, by majority.
   */
  holds(): boolean;
}

/** Of what a majority has confirmed, and of what may be stale. */
export const LASTING_LEAVE: ReadLeave = { holds: () => true };

/** A read that waits for its turn. It is told exactly once how it went. */
export interface ReadRequest {
  /** The state may be read now: it shows every write that was acknowledged before the read came. */
  granted(leave: ReadLeave): void;
  refused(): void;
}

/** The reads of one turn, each kind by an id of its own; null: there are none. */
export interface TurnOfReads {
  readonly readId: number | null;
  readonly byMajorityId: number | null;
}

const NO_READS: TurnOfReads = { readId: null, byMajorityId: null };

export interface PendingReadsOptions {
  /** See `Raft.leaseHolds`. */
  readonly leaseHolds: (grant: ReadGrant) => boolean;
}

/** Linearizable reads: those of one turn share one read id, and all that wait share one confirmation round (R18). */
export class PendingReads {
  readonly #leaseHolds: (grant: ReadGrant) => boolean;
  #arriving: ReadRequest[] = [];
  /** Reads that no lease may grant. */
  #arrivingByMajority: ReadRequest[] = [];
  #lastReadId = 0;
  readonly #asked = new Map<number, ReadRequest[]>();
  /** Granted, but their index is not applied yet. Few: one for each turn. */
  #waiting: { readonly grant: ReadGrant; readonly reads: ReadRequest[] }[] = [];
  #byLease = 0;
  #leaseEnded = 0;

  constructor({ leaseHolds }: PendingReadsOptions) {
    this.#leaseHolds = leaseHolds;
  }

  add(read: ReadRequest): void {
    this.#arriving.push(read);
  }

  addByMajority(read: ReadRequest): void {
    this.#arrivingByMajority.push(read);
  }

  get size(): number {
    let size = this.#arriving.length + this.#arrivingByMajority.length;
    for (const reads of this.#asked.values()) size += reads.length;
    for (const { reads } of this.#waiting) size += reads.length;
    return size;
  }

  /** Reads that a lease granted, and how often it was found to have ended before the answer. Since the start. */
  get leases(): { readonly granted: number; readonly ended: number } {
    return { granted: this.#byLease, ended: this.#leaseEnded };
  }

  /** The read ids for everything that came in this turn. */
  takeTurn(): TurnOfReads {
    if (this.#arriving.length === 0 && this.#arrivingByMajority.length === 0) return NO_READS;
    const turn = { readId: this.#take(this.#arriving), byMajorityId: this.#take(this.#arrivingByMajority) };
    this.#arriving = [];
    this.#arrivingByMajority = [];
    return turn;
  }

  granted(grant: ReadGrant, appliedIndex: LogIndex): void {
    const reads = this.#asked.get(grant.readId);
    if (reads === undefined) return;
    this.#asked.delete(grant.readId);
    if (grant.leaseEndMicros !== null) this.#byLease += reads.length;
    if (grant.index <= appliedIndex) this.#grant(grant, reads);
    else this.#waiting.push({ grant, reads });
  }

  rejected(readId: number): void {
    const reads = this.#asked.get(readId) ?? [];
    this.#asked.delete(readId);
    for (const read of reads) read.refused();
  }

  applied(index: LogIndex): void {
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter(({ grant }) => grant.index <= index);
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.filter(({ grant }) => grant.index > index);
    for (const { grant, reads } of ready) this.#grant(grant, reads);
  }

  /** The node stops. */
  abandon(): void {
    const all = [
      this.#arriving,
      this.#arrivingByMajority,
      ...this.#asked.values(),
      ...this.#waiting.map((waiting) => waiting.reads),
    ];
    this.#arriving = [];
    this.#arrivingByMajority = [];
    this.#asked.clear();
    this.#waiting = [];
    for (const reads of all) for (const read of reads) read.refused();
  }

  #take(reads: ReadRequest[]): number | null {
    if (reads.length === 0) return null;
    this.#lastReadId += 1;
    this.#asked.set(this.#lastReadId, reads);
    return this.#lastReadId;
  }

  #grant(grant: ReadGrant, reads: readonly ReadRequest[]): void {
    const leave = grant.leaseEndMicros === null ? LASTING_LEAVE : this.#leaveOf(grant);
    for (const read of reads) read.granted(leave);
  }

  #leaveOf(grant: ReadGrant): ReadLeave {
    return {
      holds: () => {
        const holds = this.#leaseHolds(grant);
        if (!holds) this.#leaseEnded += 1;
        return holds;
      },
    };
  }
}
