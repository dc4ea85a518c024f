import { expect } from "chai";
import { StateMachine, bootstrapCatalog } from "@raftkv/fsm";
import type { CommandResult, OpResult } from "@raftkv/fsm";
import { installSnapshot, settleSnapshot } from "@raftkv/store";
import type { KeyValue, SnapshotWriter, Store } from "@raftkv/store";
import { plain } from "../model/model.js";
import type { Summary } from "../model/model.js";
import type { ReplicaSpec, Step } from "./history.js";
import type { Told } from "./resolve.js";
import { Sender, openStore, receive } from "./snapshot.js";
import type { SnapshotStep } from "./snapshot.js";

const durableNow = (): Promise<void> => Promise.resolve();

/** A state machine over a store on disk, which lives through a history as its specification says. */
export class Replica {
  readonly #directory: string;
  readonly #spec: ReplicaSpec;
  readonly #told: Told;
  #store: Store;
  #machine: StateMachine;
  #senders = 0;

  private constructor(directory: string, spec: ReplicaSpec, told: Told, store: Store) {
    this.#directory = directory;
    this.#spec = spec;
    this.#told = told;
    this.#store = store;
    this.#machine = new StateMachine(store, { sliceBytes: spec.sliceBytes });
  }

  static async open(directory: string, spec: ReplicaSpec, told: Told): Promise<Replica> {
    const store = await openStore(directory, spec);
    await bootstrapCatalog(store);
    return new Replica(directory, spec, told, store);
  }

  /** The hash at the end of the log; what came before was as the model says. */
  async live(): Promise<string> {
    try {
      for (const step of this.#spec.steps) await this.#take(step);
      await this.#apply(this.#told.entries.length);
      await this.#compare();
      const { hash } = await this.#store.hashState();
      // Returned to its last checkpoint D, and given (D, N] again, it is the same.
      await this.#store.close();
      await this.#reopen();
      await this.#apply(this.#told.entries.length);
      await this.#compare();
      expect((await this.#store.hashState()).hash).to.equal(hash);
      return hash;
    } finally {
      await this.#store.close();
    }
  }

  async #take(step: Step): Promise<void> {
    switch (step.kind) {
      case "apply":
        await this.#apply(this.#store.applied.index + step.entries);
        return;
      case "checkpoint":
        await this.#store.checkpoint(durableNow);
        return;
      case "checkpoint meanwhile": {
        const made = this.#store.checkpoint(durableNow);
        await this.#apply(this.#store.applied.index + step.entries);
        await made;
        return;
      }
      case "snapshot":
        await this.#getSnapshot(step);
        return;
      case "checkpoint that the log does not cover":
        await this.#store.checkpoint(() => Promise.reject(new Error("not durable"))).catch(() => undefined);
        return;
      case "yield":
        await new Promise((resolve) => setImmediate(resolve));
        return;
      case "compare":
        await this.#compare();
        return;
      case "close":
        await this.#store.close({ checkpoint: durableNow });
        await this.#reopen();
        return;
      case "kill":
        await this.#store.close();
        await this.#reopen();
        return;
    }
  }

  /** Of a replica that is further; it comes in beside the store, which goes on, and replaces it (S10). */
  async #getSnapshot({ ahead, checkpoint, chunks, ends, entries }: SnapshotStep): Promise<void> {
    const { length } = this.#told.entries;
    const wanted = Math.min(length, this.#store.applied.index + entries + 1 + ahead);
    this.#senders += 1;
    const directory = `${this.#directory}-sender-${this.#senders}`;
    const sender = await Sender.open(directory, this.#spec, this.#told, wanted);
    const { index, term } = sender.reader.position;
    const writer = await receive(this.#directory, this.#spec);
    try {
      await sender.send(writer, chunks);
      await sender.apply(entries);
      // Never as far as the snapshot: a log that has got there itself needs none.
      await this.#apply(Math.min(index - 1, this.#store.applied.index + entries));
      if (checkpoint) await this.#store.checkpoint(durableNow);
      await sender.send(writer, ends === "cut" ? 1 : Number.POSITIVE_INFINITY);
      if (ends === "cut" || index <= this.#store.applied.index) await writer.abort();
      else await this.#install(writer, ends === "killed before the log" ? null : { index, term }, ends);
    } finally {
      await sender.close();
    }
  }

  /** With the base that the log has by then. */
  async #install(
    writer: SnapshotWriter,
    base: { readonly index: number; readonly term: number } | null,
    ends: SnapshotStep["ends"],
  ): Promise<void> {
    await writer.finish();
    await this.#store.close();
    if (ends === "installed") await installSnapshot(this.#directory);
    else expect(await settleSnapshot(this.#directory, base)).to.equal(base !== null);
    await this.#reopen();
    if (base !== null) expect(this.#store.applied).to.deep.equal(base);
  }

  /** In one call, so what is one for this replica are several for the other. */
  async #apply(to: number): Promise<void> {
    const { entries, results } = this.#told;
    const from = this.#store.applied.index;
    if (to <= from) return;
    const answered = await this.#machine.apply(entries.slice(from, to));
    for (const [i, result] of answered.entries()) {
      const index = from + i + 1;
      const told = results[index - 1] ?? null;
      expect(plainResult(result), `the result of entry ${index}`).to.deep.equal(plainResult(told));
    }
  }

  async #compare(): Promise<void> {
    const { summaries } = this.#told;
    const { index } = this.#store.applied;
    expect(await this.#summary(), `after entry ${index}`).to.deep.equal(summaries[index]);
  }

  async #summary(): Promise<Summary> {
    const machine = this.#machine;
    const store = this.#store;
    const { entries } = await store.range({ range: { start: new Uint8Array(), end: null } });
    return {
      index: store.applied.index,
      revision: store.revision,
      floor: store.compactionFloor,
      keys: entries.map(plain),
      logTimeMs: machine.logTimeMs,
      nextDueMs: machine.nextDueMs,
      leases: machine.leases(),
      sessionsCount: machine.sessionsCount,
      settings: machine.settings,
      catalog: {
        ...machine.catalog,
        routes: machine.catalog.routes.map((route) => ({
          ...route,
          start: Buffer.from(route.start),
          end: route.end === null ? null : Buffer.from(route.end),
        })),
      },
    };
  }

  async #reopen(): Promise<void> {
    this.#store = await openStore(this.#directory, this.#spec);
    this.#machine = new StateMachine(this.#store, { sliceBytes: this.#spec.sliceBytes });
    await this.#compare();
  }
}

/** With keys and values as hex digits, whatever kind of bytes they are. */
function plainResult(result: CommandResult | OpResult | null): unknown {
  switch (result?.kind) {
    case "put":
      return { ...result, previous: plainOrNull(result.previous) };
    case "delete":
      return { ...result, previous: result.previous.map(plain) };
    case "get":
      return { ...result, entries: result.entries.map(plain) };
    case "txn":
      return { ...result, results: result.results.map(plainResult) };
    default:
      return result;
  }
}

function plainOrNull(entry: KeyValue | null): unknown {
  return entry === null ? null : plain(entry);
}
