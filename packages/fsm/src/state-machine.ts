import type { Catalog } from "./catalog.js";
import type { Command } from "./command.js";
import { CommandReader } from "./command-codec.js";
import { evaluate, evaluatePut } from "./evaluate.js";
import { SLICE_BYTES } from "./items-sample.js";
import type { LeaseStatus } from "./leases.js";
import { LOG_FORMAT } from "./log-format.js";
import { load, mustLoad } from "./loading.js";
import type { Loaded } from "./loading.js";
import { MachineState } from "./machine-state.js";
import type { MutationBatch, SmallStateSlices, Store } from "@raftkv/store";
import { HAS_LEASE, WANT_PREVIOUS } from "./operation-codec.js";
import { resultBytes } from "./result-codec.js";
import type { CommandResult } from "./result.js";
import type { Settings } from "./settings.js";

/** A committed entry, as the log has it. */
export interface CommittedEntry {
  readonly index: number;
  readonly term: number;
  readonly kind: "command" | "noop" | "configuration";
  readonly body: Uint8Array;
}

export interface StateMachineOptions {
  /** The group that it is the state machine of, by default 1. */
  readonly groupId?: number;
  /** Bytes of leases and sessions that a checkpoint or a snapshot encodes in one turn of the event loop. */
  readonly sliceBytes?: number;
  /** The newest format of the log that it is to understand, by default the newest that this version does. */
  readonly logFormat?: number;
}

/** The point in the log at which replicas are to be equal. */
export interface HashPoint {
  readonly index: number;
  readonly revision: number;
  /** The compaction floor. */
  readonly floor: number;
  /** The small state: to be asked for before anything follows, or never, and to be taken to the end then. */
  readonly state: () => SmallStateSlices;
}

/**
 * Turns committed entries into the store's contents. The same entries give the same contents and the same results on
 * every replica, however they are split over calls (F1): time, order and limits come out of the log, nothing is read
 * but the store as the entries before left it.
 */
export class StateMachine {
  readonly #store: Store;
  readonly #state: MachineState;
  /** Of the entry that is being applied. */
  readonly #reader: CommandReader;
  readonly #sliceBytes: number;
  #term: number;
  /** Told where a `hashCheck` stands, in the middle of a batch: entries behind it may follow at once. Nothing comes of what it does (F1). */
  onHashCheck: ((point: HashPoint) => void) | null = null;

  /**
   * Attaches itself to the store, which refuses direct writes from here on (S6), and takes up the small state of its
   * checkpoint.
   * @throws {CatalogFormatError | SmallStateFormatError} that is none. @throws {NewerFormatError} a newer version wrote it.
   */
  constructor(
    store: Store,
    { groupId = 1, logFormat = LOG_FORMAT, sliceBytes = SLICE_BYTES }: StateMachineOptions = {},
  ) {
    this.#store = store;
    this.#reader = new CommandReader(logFormat);
    const state = new MachineState(groupId, (name) => store.state(name), logFormat);
    this.#state = state;
    this.#term = store.applied.term;
    this.#sliceBytes = sliceBytes;
    store.attachGroup({
      smallState: () => state.encode(sliceBytes),
      leaseKey: (lease, change) => state.leases.keyChanged(lease, change),
    });
  }

  get catalog(): Catalog {
    return this.#state.catalog;
  }

  get settings(): Settings {
    return this.#state.settings;
  }

  /** The largest stamp that was applied, in ms (F5). */
  get logTimeMs(): number {
    return this.#state.logTimeMs;
  }

  /**
   * When the next lease or session falls due, in log time; null when there is none. The leader proposes `clock` then,
   * and again as long as this is not later than its log time.
   */
  get nextDueMs(): number | null {
    return this.#state.nextDueMs;
  }

  get sessionsCount(): number {
    return this.#state.sessions.size;
  }

  get leasesCount(): number {
    return this.#state.leases.size;
  }

  /** All leases, by their ids. `logTimeMs` is the leader's, by default that of the last entry. */
  leases(logTimeMs: number = this.#state.logTimeMs): LeaseStatus[] {
    return this.#state.leases.list(logTimeMs);
  }

  /** Null when there is no such lease. The store lists the keys that are attached to it: `Store.loadLease`. */
  lease(id: number, logTimeMs: number = this.#state.logTimeMs): LeaseStatus | null {
    return this.#state.leases.status(id, logTimeMs);
  }

  /**
   * Applies a whole commit advance: entries in order, without gaps, behind `store.applied`. One result an entry, null
   * for those that are no command; they move the applied index as well (F2). It is one batch, unless an entry reads more
   * than single keys: what is before that is handed over then, and what it needs is read, since an entry is carried out
   * in one turn. What is applied can be read at once; the promise resolves when the results may be told, see
   * `Store.applyMutationsRaft`. One call at a time. It stops behind the entry with which the answers take `answerBytesMax`:
   * there are fewer results than entries then, and the rest is for the next call.
   *
   * An exception in here is not the entry's failure but ours: the store fails with it and the node must stop, or its
   * replica would differ from the others (F4).
   */
  async apply(
    entries: readonly CommittedEntry[],
    answerBytesMax = Number.POSITIVE_INFINITY,
  ): Promise<(CommandResult | null)[]> {
    const results: (CommandResult | null)[] = [];
    let answerBytes = 0;
    try {
      let batch = this.#store.beginBatch();
      for (const entry of entries) {
        if (entry.kind !== "command") {
          this.#begin(batch, entry);
          results.push(null);
          continue;
        }
        const reader = this.#reader;
        reader.open(entry.body);
        const command = reader.kind === "put" ? null : reader.command();
        let loaded: Loaded | null = null;
        if (command !== null && this.#mustLoad(command)) {
          await this.#store.applyMutationsRaft(batch);
          loaded = await load(command, this.#store, this.#state, this.#logTimeAfter(reader));
          batch = this.#store.beginBatch();
        }
        const result = this.#carryOut(batch, entry, command, loaded);
        results.push(result);
        answerBytes += resultBytes(result);
        if (answerBytes >= answerBytesMax) break;
      }
      await this.#store.applyMutationsRaft(batch);
    } catch (error) {
      this.#store.fail(error);
      throw error;
    }
    return results;
  }

  /** A command that is answered without being carried out reads nothing. */
  #mustLoad(command: Command): boolean {
    const { sessions, settings } = this.#state;
    const reader = this.#reader;
    if (!mustLoad(command, this.#state, this.#logTimeAfter(reader))) return false;
    return (
      reader.session === 0 || sessions.answerTo(sessions.find(reader.session), reader, settings) === null
    );
  }

  #logTimeAfter({ stampMs }: { readonly stampMs: number }): number {
    return Math.max(this.#state.logTimeMs, stampMs);
  }

  /** Every entry moves the applied index (F2); the first of a term renews leases and sessions (F5). */
  #begin(batch: MutationBatch, entry: CommittedEntry): void {
    batch.beginEntry(entry.index, entry.term);
    if (entry.term === this.#term) return;
    this.#term = entry.term;
    this.#state.renewAll();
  }

  /** In one turn: the keys, the small state and the applied index change together, and a checkpoint sees all or nothing. */
  #carryOut(
    batch: MutationBatch,
    entry: CommittedEntry,
    command: Command | null,
    loaded: Loaded | null,
  ): CommandResult {
    const state = this.#state;
    const reader = this.#reader;
    this.#begin(batch, entry);
    if (reader.stampMs > state.logTimeMs) state.logTimeMs = reader.stampMs;
    if (reader.session === 0) return this.#evaluate(batch, entry.index, command, loaded);
    const { sessions, settings } = state;
    const session = sessions.find(reader.session);
    const answer = sessions.answerTo(session, reader, settings);
    if (session !== null) sessions.heard(session, reader.answeredBelow, state.logTimeMs);
    if (answer !== null) return answer;
    const result =
      (session === null ? null : sessions.refusalBehind(session, reader.predecessor)) ??
      this.#evaluate(batch, entry.index, command, loaded);
    if (session !== null) sessions.record(session, reader.number, result, batch.revision, settings);
    return result;
  }

  #evaluate(
    batch: MutationBatch,
    index: number,
    command: Command | null,
    loaded: Loaded | null,
  ): CommandResult {
    const state = this.#state;
    if (command?.kind === "hashCheck") this.#tellHashPoint(index, batch.revision);
    if (command !== null) {
      const context = { index, session: this.#reader.session, batch, state };
      return evaluate(command, { ...context, compactionFloor: this.#store.compactionFloor }, loaded);
    }
    const reader = this.#reader;
    const flags = reader.byte();
    const lease = (flags & HAS_LEASE) === 0 ? 0 : reader.varint();
    const key = reader.blob();
    const value = reader.blob();
    reader.end();
    return evaluatePut(batch, state, key, value, lease, (flags & WANT_PREVIOUS) !== 0);
  }

  #tellHashPoint(index: number, revision: number): void {
    const { compactionFloor: floor } = this.#store;
    this.onHashCheck?.({ index, revision, floor, state: () => this.#state.encode(this.#sliceBytes) });
  }
}
