import { SimulationFailure } from "./failure.js";
import type { Snapshot } from "./packet.js";

/** What a server keeps durably beside its log: the checkpoint, and snapshots whose data arrived (S2, S10). */
export class Store {
  #checkpoint: Snapshot;
  readonly #kept = new Map<number, Snapshot>();

  constructor(checkpoint: Snapshot) {
    this.#checkpoint = checkpoint;
  }

  get checkpoint(): Snapshot {
    return this.#checkpoint;
  }

  set checkpoint(snapshot: Snapshot) {
    if (snapshot.base.index > this.#checkpoint.base.index) this.#checkpoint = snapshot;
  }

  keep(snapshot: Snapshot): void {
    this.#kept.set(snapshot.base.index, snapshot);
  }

  /** The hash over what a received snapshot covers. */
  keptChain(index: number): number | null {
    return this.#kept.get(index)?.chain ?? null;
  }

  /** Makes received data the checkpoint. The log that begins behind it is on disk by now. */
  install(index: number): Snapshot {
    const snapshot = this.#kept.get(index);
    if (snapshot === undefined) {
      throw new SimulationFailure(
        "only a snapshot whose data arrived is installed (R23)",
        `there is none of ${index}`,
      );
    }
    this.#checkpoint = snapshot;
    for (const kept of this.#kept.keys()) if (kept <= index) this.#kept.delete(kept);
    return snapshot;
  }

  /** After a crash: the log says whether an installation had begun; if so it is completed (S10). */
  recover(baseIndex: number): void {
    if (baseIndex > this.#checkpoint.base.index) this.install(baseIndex);
    else this.#kept.clear();
  }
}
