import { rest } from "../rest.js";

/** What is read from clients in one go, before those who send most have to wait for the next: about half a millisecond of work. */
const TURN_BYTES = 512 * 1024;
/** Who has sent no more than this in a turn is not held up, whatever the others send. */
const SMALL_BYTES = 32 * 1024;
/** So much comes at a time from one that sends as fast as it can. */
const CHUNK_BYTES = 64 * 1024;

/** One whose bytes are counted. */
export interface Reader {
  /** In this turn. The turns' own. */
  turn: number;
  turnBytes: number;
  /** Nothing is read from it until it may be again. */
  hold(isHeld: boolean): void;
}

/**
 * libuv reads up to two megabytes from each socket before it looks at the next: with some hundred clients that send as
 * fast as they can, a turn of the event loop would take seconds (C5). So they are read by turns of their own.
 */
export class ReadTurns {
  #turn = 1;
  #bytes = 0;
  #held: Reader[] = [];
  #isScheduled = false;

  came(reader: Reader, bytes: number): void {
    this.#bytes += bytes;
    if (reader.turn !== this.#turn) {
      reader.turn = this.#turn;
      reader.turnBytes = 0;
    }
    reader.turnBytes += bytes;
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      rest(() => this.#next());
    }
    if (this.#bytes <= TURN_BYTES || reader.turnBytes <= SMALL_BYTES) return;
    this.#held.push(reader);
    reader.hold(true);
  }

  #next(): void {
    this.#turn += 1;
    this.#bytes = 0;
    this.#isScheduled = false;
    if (this.#held.length === 0) return;
    const next = this.#held.splice(0, TURN_BYTES / CHUNK_BYTES);
    for (const reader of next) reader.hold(false);
    if (this.#held.length === 0) return;
    this.#isScheduled = true;
    rest(() => this.#next());
  }
}
