import type { LeaderHint } from "@raftkv/protocol";
import { ByteBudget } from "../byte-budget.js";
import type { ClientProposal, WriteOrigin } from "../group/client-proposal.js";
import type { Group } from "../group/group.js";
import type { RequestRefusal } from "../group/log-proposal.js";
import { STOPPING, noSpace, notLeader, overloaded } from "../group/refusals.js";

/** What may wait beside as much again as may be in flight: so that a small budget still has a queue. */
const WAITING_BYTES = 16 * 1024 * 1024;

export interface WriteAdmissionOptions {
  /** Bytes that may be in flight over the whole node; at least the largest single write (C2). */
  readonly limitBytes: number;
  /** The group that takes the writes; null while there is none. */
  readonly group: () => Group | null;
  readonly space: () => WriteSpace;
}

/** The disk's room, as far as a client's write needs it (W12). */
export interface WriteSpace {
  readonly admits: boolean;
  readonly freeBytes: number;
  readonly neededBytes: number;
  spend(bytes: number): void;
}

/**
 * The door through which a client's write comes in: it holds a permit for its bytes from here to its answer, whichever
 * that is (C2). Reads, and what replication brings, never pass here.
 */
export class WriteAdmission {
  readonly budget: ByteBudget<ClientProposal>;
  readonly #group: () => Group | null;
  readonly #space: () => WriteSpace;
  #closed = false;
  #proposed = 0;

  constructor({ limitBytes, group, space }: WriteAdmissionOptions) {
    this.#group = group;
    this.#space = space;
    this.budget = new ByteBudget<ClientProposal>({
      limitBytes,
      waitingBytesMax: limitBytes + WAITING_BYTES,
      onGranted: (proposal) => this.#propose(proposal),
    });
  }

  /** Writes that were given to the group since the start. */
  get proposed(): number {
    return this.#proposed;
  }

  admit(proposal: ClientProposal): void {
    const group = this.#group();
    if (this.#closed || group === null) {
      proposal.refused(STOPPING);
      return;
    }
    // Nobody waits here for what another node has to give.
    if (!group.leads) {
      proposal.refused(notLeader(group.leader));
      return;
    }
    const space = this.#space();
    if (!space.admits) {
      proposal.refused(noSpace(space.freeBytes, space.neededBytes));
      return;
    }
    space.spend(proposal.bytes);
    const answer = this.budget.take(proposal);
    if (answer === "granted") this.#propose(proposal);
    else if (answer === "waiting") proposal.keepBytes();
    else proposal.refused(full(this.budget));
  }

  /** Those whose deadline passed while they waited: nothing was done, and they may come again. */
  expire(nowMs: number): void {
    for (const proposal of this.budget.expire(nowMs)) proposal.refused(full(this.budget));
  }

  /** Another node leads, or none: whoever waits goes there. What is in the log already waits for its fate there. */
  leadershipLost(leader: LeaderHint | null): void {
    for (const proposal of this.budget.remove(() => true)) proposal.refused(notLeader(leader));
  }

  /** The disk became full: who waits would wait for room there next (W12). */
  spaceLost(): void {
    const { freeBytes, neededBytes } = this.#space();
    for (const proposal of this.budget.remove(() => true)) proposal.refused(noSpace(freeBytes, neededBytes));
  }

  /** The connection is gone: what waits was not begun. What is in the log keeps its permit until it is decided. */
  disconnected(origin: WriteOrigin): void {
    for (const proposal of this.budget.remove((waiting) => waiting.origin === origin)) {
      proposal.refused(STOPPING);
    }
  }

  /** The node stops: nothing of what waits was done (C4). */
  close(): void {
    this.#closed = true;
    for (const proposal of this.budget.remove(() => true)) proposal.refused(STOPPING);
  }

  #propose(proposal: ClientProposal): void {
    const group = this.#group();
    if (this.#closed || group === null) proposal.refused(STOPPING);
    else {
      this.#proposed += 1;
      group.propose(proposal);
    }
  }
}

function full({ inflightBytes, limitBytes, waiting }: ByteBudget<ClientProposal>): RequestRefusal {
  return overloaded(
    `${inflightBytes} of ${limitBytes} bytes of writes are in flight, and ${waiting} writes wait`,
  );
}
