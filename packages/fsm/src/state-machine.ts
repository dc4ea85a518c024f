import type { MutationBatch, Store } from "@raftkv/store";
import { CATALOG_STATE } from "./catalog.js";
import { decodeCommand } from "./command.js";
import type { Command } from "./command.js";

/** A committed entry, as the log has it. */
export interface CommittedEntry {
  readonly index: number;
  readonly term: number;
  readonly kind: "command" | "noop" | "configuration";
  readonly body: Uint8Array;
}

export type CommandResult =
  /** `revision` is that of the put. */
  | { readonly kind: "put"; readonly revision: number }
  /** `revision` is that of the delete, or the current one when nothing was there to delete. */
  | { readonly kind: "delete"; readonly revision: number; readonly deleted: 0 | 1 };

/**
 * Turns committed entries into the store's contents. The same entries give the same contents and the same results on
 * every replica, however they are split over calls (F1): time, order and limits come out of the log, nothing is read
 * but the store as the entries before left it.
 */
export class StateMachine {
  readonly #store: Store;

  /** Attaches itself to the store, which refuses direct writes from here on (S6). */
  constructor(store: Store) {
    const catalog = store.state(CATALOG_STATE);
    const state: ReadonlyMap<string, Uint8Array> =
      catalog === null ? new Map() : new Map([[CATALOG_STATE, catalog]]);
    store.attachGroup({ smallState: () => state });
    this.#store = store;
  }

  /**
   * Applies a whole commit advance as one batch: entries in order, without gaps, behind `store.applied`. One result an
   * entry, null for those that are no command; they move the applied index as well (F2). What is applied can be read
   * when this returns; the promise resolves when the results may be told, see `Store.applyMutationsRaft`.
   *
   * An exception in here is not the entry's failure but ours: the store fails with it and the node must stop, or its
   * replica would differ from the others (F4).
   */
  async apply(entries: readonly CommittedEntry[]): Promise<(CommandResult | null)[]> {
    const batch = this.#store.beginBatch();
    const results: (CommandResult | null)[] = [];
    try {
      for (const entry of entries) {
        batch.beginEntry(entry.index, entry.term);
        results.push(entry.kind === "command" ? evaluate(batch, entry.body) : null);
      }
    } catch (error) {
      this.#store.fail(error);
      throw error;
    }
    await this.#store.applyMutationsRaft(batch);
    return results;
  }
}

function evaluate(batch: MutationBatch, body: Uint8Array): CommandResult {
  const command = decodeCommand(body);
  if (command.kind === "put") return { kind: "put", revision: batch.put(command.key, command.value) };
  return evaluateDelete(batch, command);
}

function evaluateDelete(batch: MutationBatch, command: Command & { kind: "delete" }): CommandResult {
  const deleted = batch.delete(command.key) ? 1 : 0;
  return { kind: "delete", revision: batch.revision, deleted };
}
