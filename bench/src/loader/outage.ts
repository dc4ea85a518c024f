import type { Outage } from "./protocol.js";

/** A node that was told to die may still answer for this long what was begun after the mark. */
const GRACE_MICROS = 5_000;

/** Watches when acknowledgements come, around the moment at which the benchmark harmed a node (the mark). */
export class OutageWatch {
  readonly #last: number[];
  readonly #gaps: number[];
  #lastOfAll: number;
  #gapOfAll = 0;
  #mark: number | null = null;
  #first: number | null = null;
  readonly #onRecovered: (at: number) => void;

  constructor(clients: number, onRecovered: (at: number) => void) {
    const now = epochMicros();
    this.#last = Array.from({ length: clients }, () => now);
    this.#gaps = Array.from({ length: clients }, () => 0);
    this.#lastOfAll = now;
    this.#onRecovered = onRecovered;
  }

  /** In microseconds since 1970, the clock that all processes of this machine share. */
  setMark(at: number): void {
    this.#mark = at;
  }

  acknowledged(client: number, begin: number): void {
    const now = epochMicros();
    if (this.#mark !== null) {
      this.#gaps[client] = Math.max(this.#gaps[client] as number, now - (this.#last[client] as number));
    }
    this.#last[client] = now;
    this.#anybody(begin, now);
  }

  /** A probe is nobody's: it tells only that a write goes through again. */
  probed(begin: number): void {
    this.#anybody(begin, epochMicros());
  }

  #anybody(begin: number, now: number): void {
    if (this.#mark !== null) {
      this.#gapOfAll = Math.max(this.#gapOfAll, now - this.#lastOfAll);
      if (this.#first === null && begin > this.#mark + GRACE_MICROS) {
        this.#first = now;
        this.#onRecovered(now);
      }
    }
    this.#lastOfAll = now;
  }

  /** A client that has no answer yet is in its gap still. */
  result(): Outage {
    const mark = this.#mark ?? 0;
    const now = epochMicros();
    const gaps = this.#gaps.map((gap, client) => {
      const last = this.#last[client] as number;
      return last < mark ? now - last : gap;
    });
    return {
      firstAckMicros: this.#first === null ? -1 : Math.round(this.#first - mark),
      gapMicros: Math.round(Math.max(this.#gapOfAll, now - this.#lastOfAll)),
      clientGapMicros: Math.round(Math.max(...gaps)),
    };
  }
}

export function epochMicros(): number {
  return (performance.timeOrigin + performance.now()) * 1000;
}
