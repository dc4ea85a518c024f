/** The pause behind the first try to hand leadership over; it doubles with each, so that two full nodes do not play ball. */
const PAUSE_MS = { first: 1_000, last: 60_000 };

/** Who hands over: a group, as far as this is concerned. */
export interface Leads {
  readonly leads: boolean;
  /** To whoever is best placed (§3.10). */
  handOver(): void;
}

/** A leader whose disk is full hands leadership to another member, which may have room (W12). */
export class HandOver {
  readonly #group: Leads;
  #pauseMs = PAUSE_MS.first;
  #nextMs = 0;

  constructor(group: Leads) {
    this.#group = group;
  }

  tick(nowMs: number, hasRoom: boolean): void {
    if (hasRoom) {
      this.#pauseMs = PAUSE_MS.first;
      this.#nextMs = 0;
      return;
    }
    if (nowMs < this.#nextMs || !this.#group.leads) return;
    this.#nextMs = nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS.last);
    this.#group.handOver();
  }
}
