import { CompactedError } from "@raftkv/store";
import type { Change, KeyValue, Store } from "@raftkv/store";

/** What may be kept for other watches of the same change. */
const KEPT_BYTES = 1024 * 1024;

/** Reads what stood before a change, once for all who watch it. Lives for one turn: it knows the store. */
export class PreviousValues {
  readonly #store: Pick<Store, "get">;
  readonly #kept = new Map<Change, KeyValue | null>();
  #keptBytes = 0;

  constructor(store: Pick<Store, "get">) {
    this.#store = store;
  }

  /** Null when the key was not there, or when that was compacted. */
  before(change: Change): KeyValue | null {
    if (change.previousRevision === 0) return null;
    const known = this.#kept.get(change);
    if (known !== undefined) return known;
    const previous = this.#read(change);
    this.#keptBytes += previous === null ? 0 : previous.value.length;
    if (this.#keptBytes > KEPT_BYTES) {
      this.#kept.clear();
      this.#keptBytes = 0;
    }
    this.#kept.set(change, previous);
    return previous;
  }

  #read({ key, previousRevision }: Change): KeyValue | null {
    try {
      return this.#store.get(key, { revision: previousRevision });
    } catch (error) {
      if (error instanceof CompactedError) return null;
      throw error;
    }
  }
}
