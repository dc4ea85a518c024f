import type { LogBase, LogIndex } from "../../dist/core/index.js";
import type { Context } from "./context.js";
import type { Observer } from "./checks/observed.js";
import type { SimBase } from "./entry.js";
import { Machine } from "./machine.js";
import type { Random } from "./random.js";
import type { SimServer } from "./server.js";

/** The checkpoints of one life of a server, and the compaction of its log behind them (S2, S4, W5). */
export class Checkpoints {
  readonly #context: Context;
  readonly #observer: Observer;
  readonly #random: Random;
  readonly #server: SimServer;
  /** How far compaction was asked for. */
  #compactingTo = 0;

  constructor(context: Context, observer: Observer, random: Random, server: SimServer) {
    this.#context = context;
    this.#observer = observer;
    this.#random = random;
    this.#server = server;
  }

  /** Goes on for as long as this life does. */
  run(isAlive: () => boolean): void {
    this.#context.after(this.#random.wait(this.#context.parameters.checkpointMicros), () => {
      if (!isAlive()) return;
      if (!this.#server.isWitness) this.#take();
      this.run(isAlive);
    });
  }

  /** Writes the new base; what it covers goes once that is on disk (W5). */
  compact(index: number): void {
    const { log, memory } = this.#server;
    if (index <= memory.baseIndex || index <= this.#compactingTo) return;
    const base = this.#durableAt(index);
    if (base === null) return;
    this.#compactingTo = index;
    this.#context.count("compactions");
    log.append({
      writeSeq: 0,
      hardState: null,
      base: { kind: "compacted", ...base },
      entries: [],
      thenSend: [],
    });
  }

  #take(): void {
    const { machine, store } = this.#server;
    const base = this.#durableAt(machine.appliedIndex);
    if (base === null) return;
    store.checkpoint = { ...base, machine: new Machine(machine) };
    const { compactionTailEntries } = this.#context.parameters;
    // Some of what the checkpoint covers stays in the log, for followers that are only a little behind.
    if (compactionTailEntries !== null) this.compact(store.checkpoint.base.index - compactionTailEntries);
  }

  /** What stands at `index`; null unless it is in this server's own durable log, however far the others have it (S2). */
  #durableAt(index: number): SimBase | null {
    const { core, durable, memory } = this.#server;
    const base: LogBase | null = core?.baseAt(index as LogIndex) ?? null;
    const chain = memory.chainAt(index);
    if (base === null || chain === null || durable.entries.chainAt(index) !== chain) return null;
    this.#observer.named(this.#server, base);
    return { base, chain };
  }
}
