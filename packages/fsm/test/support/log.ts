import { NO_SESSION, StateMachine, bootstrapCatalog, encodeInto, encodedSize } from "@raftkv/fsm";
import type { Command, CommandResult, Envelope } from "@raftkv/fsm";
import { Store } from "@raftkv/store";
import { makeDirectory } from "./machine.js";

/** What stands around a command; what is absent is nothing, and the stamp and the term of the entry before. */
export type Around = Partial<Envelope> & { readonly stampMs?: number; readonly term?: number };

/** A state machine with a log that is written entry by entry, for tests of one rule at a time. */
export class TestLog {
  readonly directory: string;
  store: Store;
  machine: StateMachine;
  #stampMs = 0;
  #term = 1;

  private constructor(directory: string, store: Store) {
    this.directory = directory;
    this.store = store;
    this.machine = new StateMachine(store);
  }

  static async open(): Promise<TestLog> {
    const directory = await makeDirectory();
    const store = await Store.open(directory);
    await bootstrapCatalog(store);
    return new TestLog(directory, store);
  }

  /** Applies one command as the next entry. */
  async apply(command: Command, around: Around = {}): Promise<CommandResult> {
    const { stampMs = this.#stampMs, term = this.#term, ...given } = around;
    this.#stampMs = stampMs;
    this.#term = term;
    const envelope = { ...NO_SESSION, ...given };
    const body = new Uint8Array(encodedSize(command, envelope));
    encodeInto(command, envelope, stampMs, body, 0);
    const index = this.store.applied.index + 1;
    const [result] = await this.machine.apply([{ index, term, kind: "command", body }]);
    if (result === undefined || result === null) throw new Error("a command has a result");
    return result;
  }

  /** The first entry of the next term. */
  async nextTerm(): Promise<void> {
    this.#term += 1;
    const index = this.store.applied.index + 1;
    await this.machine.apply([{ index, term: this.#term, kind: "noop", body: new Uint8Array() }]);
  }

  /** The index of the entry, which is the session. */
  async openSession(ttlMs = 10_000): Promise<number> {
    await this.apply({ kind: "sessionOpen", ttlMs });
    return this.store.applied.index;
  }

  async grantLease(ttlMs = 10_000): Promise<number> {
    await this.apply({ kind: "leaseGrant", ttlMs });
    return this.store.applied.index;
  }

  /** Closes the store behind a checkpoint and opens it again. */
  async restart(): Promise<void> {
    await this.store.close({ checkpoint: () => Promise.resolve() });
    this.store = await Store.open(this.directory);
    this.machine = new StateMachine(this.store);
  }

  close(): Promise<void> {
    return this.store.close();
  }
}
