import { settle } from "./settle.js";
import type { Settleable } from "./settle.js";

const NOTHING_ELSE = Promise.resolve();

export interface SettlerSource extends Settleable {
  /** Latest versions beyond so many bytes are settled without waiting for a checkpoint. */
  readonly unsettledBytesMax: number;
  readonly onFailure: (error: Error) => void;
}

/** Settles latest versions for each checkpoint, and in between when there are many: once at a time, while writes go on. */
export class Settler {
  readonly #source: SettlerSource;
  #last: Promise<unknown> = Promise.resolve();
  /** One that was asked for by `relieve` and has not ended. */
  #relief: Promise<void> | null = null;

  constructor(source: SettlerSource) {
    this.#source = source;
  }

  /**
   * Settles what is there when its turn comes. `begin` is called in the turn in which that is frozen; when it gives null nothing
   * is done, otherwise what it gives is handed on. Rejects when a step failed: nobody knows what LevelDB holds then, so the store fails (S9).
   */
  settle<Result>(begin: () => Promise<Result> | null): Promise<Result | null> {
    const settled = this.#last.then(() => this.#settle(begin));
    this.#last = settled.catch(() => undefined);
    return settled;
  }

  /**
   * To be called after every batch: settles when there is enough. Returns null when the caller may go on at once, else a promise
   * of room in memory, which rejects when the store failed.
   */
  relieve(): Promise<void> | null {
    const { unsettled, unsettledBytesMax } = this.#source;
    if (unsettled.upperBytes <= unsettledBytesMax) return null;
    if (this.#relief === null) {
      this.#relief = this.settle(() => NOTHING_ELSE).then(
        () => void (this.#relief = null),
        (error: unknown) => {
          this.#relief = null;
          throw error;
        },
      );
      // The store failed already, whether anybody waits or not.
      this.#relief.catch(() => undefined);
    }
    return unsettled.bytes > 2 * unsettledBytesMax ? this.#relief : null;
  }

  /** Resolves when nothing is being settled. */
  async idle(): Promise<void> {
    await this.#last;
  }

  async #settle<Result>(begin: () => Promise<Result> | null): Promise<Result | null> {
    const begun = begin();
    if (begun === null) return null;
    this.#source.unsettled.freeze();
    try {
      const [result] = await Promise.all([begun, settle(this.#source)]);
      return result;
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      this.#source.onFailure(failure);
      throw failure;
    }
  }
}
