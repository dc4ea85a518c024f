import { StateMachine, bootstrapCatalog } from "@raftkv/fsm";
import { Store, installSnapshot, settleSnapshot } from "@raftkv/store";
import type { HashPoint } from "@raftkv/fsm";
import type { LogBegin, SnapshotReader, StoreOptions, WhenDurable } from "@raftkv/store";
import { logIndex } from "raft-ts";
import type { LogIndex } from "raft-ts";

/** The data of one group on this node: the store that is live and its state machine, and what takes their place (S10). */
export class Replica {
  readonly directory: string;
  readonly storeOptions: Partial<StoreOptions>;
  #store: Store;
  #machine: StateMachine;
  /** While the store is being exchanged. */
  #exchanging: Promise<void> | null = null;
  /** See `StateMachine.onHashCheck`; of whichever is live. */
  onHashCheck: (point: HashPoint) => void = () => undefined;

  readonly #logFormat: number;

  private constructor(
    directory: string,
    storeOptions: Partial<StoreOptions>,
    store: Store,
    logFormat: number,
  ) {
    this.directory = directory;
    this.#logFormat = logFormat;
    this.storeOptions = storeOptions;
    this.#store = store;
    this.#machine = this.#machineOf(store);
  }

  /**
   * Opens the store at its last checkpoint (S3), or at the snapshot that the log says was being installed. A new store gets
   * its first catalog.
   * @param logBase what the group's log begins behind; null when there is none yet.
   * @param logFormat the newest format of the log that is understood.
   * @throws {NewerFormatError} a newer version wrote what it holds.
   */
  static async open(
    directory: string,
    storeOptions: Partial<StoreOptions>,
    logBase: LogBegin | null,
    logFormat: number,
  ): Promise<Replica> {
    await settleSnapshot(directory, logBase);
    const store = await Store.open(directory, storeOptions);
    try {
      await bootstrapCatalog(store);
      return new Replica(directory, storeOptions, store, logFormat);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** The store that serves; null for the moment of an exchange. */
  get store(): Store | null {
    return this.#exchanging === null ? this.#store : null;
  }

  get machine(): StateMachine {
    return this.#machine;
  }

  get appliedIndex(): LogIndex {
    return logIndex(this.#store.applied.index);
  }

  async checkpoint(whenDurable: WhenDurable): Promise<LogIndex> {
    await this.#exchanging;
    return logIndex((await this.#store.checkpoint(whenDurable)).index);
  }

  async openSnapshot(): Promise<SnapshotReader> {
    await this.#exchanging;
    return this.#store.openSnapshot();
  }

  /**
   * Closes the store and opens the one that was received beside it. Nothing is applied meanwhile. It cannot be given up once it
   * was begun: a failure is the end of this server, and the next start completes it.
   */
  async exchange(): Promise<void> {
    this.#exchanging = this.#exchange();
    await this.#exchanging;
    this.#exchanging = null;
  }

  async #exchange(): Promise<void> {
    await this.#store.close();
    await installSnapshot(this.directory);
    this.#store = await Store.open(this.directory, this.storeOptions);
    this.#machine = this.#machineOf(this.#store);
  }

  #machineOf(store: Store): StateMachine {
    const machine = new StateMachine(store, { logFormat: this.#logFormat });
    machine.onHashCheck = (point) => this.onHashCheck(point);
    return machine;
  }

  /** With `checkpoint` it makes one first, unless the store has failed. */
  async close(options: { readonly checkpoint: WhenDurable | null }): Promise<void> {
    await this.#exchanging?.catch(() => undefined);
    await this.#store.close(options);
  }
}
