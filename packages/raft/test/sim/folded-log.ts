import type { HardState } from "../../dist/core/index.js";
import type { LogWrite, Recovered } from "./durable-log.js";
import { EntryLog } from "./entry.js";
import type { SimBase } from "./entry.js";

/** Called for each write as it becomes durable, before it takes effect on `durable`. */
export type FoldObserver = (durable: Recovered, write: LogWrite) => void;

/** What a log holds in which every write up to some point has taken effect. */
export class FoldedLog implements Recovered {
  readonly entries: EntryLog;
  #hardState: HardState;
  readonly #observe: FoldObserver;

  constructor(start: SimBase, observe: FoldObserver) {
    this.entries = new EntryLog(start);
    this.#hardState = { currentTerm: start.base.term, votedFor: null };
    this.#observe = observe;
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  fold(write: LogWrite): void {
    this.#observe(this, write);
    if (write.hardState !== null) this.#hardState = write.hardState;
    if (write.base?.kind === "installed") this.entries.reset(write.base);
    else if (write.base !== null) this.entries.compact(write.base);
    this.entries.replace(write.entries);
  }
}
