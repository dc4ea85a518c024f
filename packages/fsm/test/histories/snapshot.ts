import { StateMachine, bootstrapCatalog } from "@raftkv/fsm";
import { Store, receiveSnapshot } from "@raftkv/store";
import type { SnapshotReader, SnapshotWriter } from "@raftkv/store";
import type { ReplicaSpec, Step } from "./history.js";
import type { Told } from "./resolve.js";

export type SnapshotStep = Step & { readonly kind: "snapshot" };

export function openStore(directory: string, spec: ReplicaSpec): Promise<Store> {
  const { mode, cacheBytes, unwrittenBytesMax } = spec;
  return Store.open(directory, { mode, cacheBytes, headerBytesMax: cacheBytes, unwrittenBytesMax });
}

/** The leader of whom a replica gets a snapshot: it goes on while that is read. */
export class Sender {
  readonly #store: Store;
  readonly #machine: StateMachine;
  readonly #told: Told;
  readonly reader: SnapshotReader;

  private constructor(store: Store, machine: StateMachine, told: Told, reader: SnapshotReader) {
    this.#store = store;
    this.#machine = machine;
    this.#told = told;
    this.reader = reader;
  }

  /** With a store of its own in `directory`, which has applied the log up to `index`. */
  static async open(directory: string, spec: ReplicaSpec, told: Told, index: number): Promise<Sender> {
    const store = await openStore(directory, spec);
    await bootstrapCatalog(store);
    const machine = new StateMachine(store, { sliceBytes: spec.sliceBytes });
    await machine.apply(told.entries.slice(0, index));
    const opening = store.openSnapshot();
    // The small state is of the moment of the call, whatever is applied before it is encoded.
    const applying = machine.apply(told.entries.slice(store.applied.index, index + 1));
    const reader = await opening;
    await applying;
    return new Sender(store, machine, told, reader);
  }

  async apply(count: number): Promise<void> {
    const { index } = this.#store.applied;
    await this.#machine.apply(this.#told.entries.slice(index, index + count));
  }

  /** The chunks from `from` on, at most `count` of them; they are released as a sender does when they have come. */
  async send(writer: SnapshotWriter, count: number): Promise<void> {
    for (let sent = 0; sent < count && !writer.complete; sent += 1) {
      const chunk = await this.reader.chunk(writer.next);
      if (chunk === null) return;
      await writer.add(chunk);
      this.reader.release(writer.next);
    }
  }

  async close(): Promise<void> {
    await this.reader.close();
    await this.#store.close();
  }
}

export function receive(directory: string, { mode, cacheBytes }: ReplicaSpec): Promise<SnapshotWriter> {
  return receiveSnapshot(directory, { mode, cacheBytes, headerBytesMax: cacheBytes });
}
