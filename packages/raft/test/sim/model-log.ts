import type { Context } from "./context.js";
import type { DurableLog, LogCallbacks, LogWrite, Recovered } from "./durable-log.js";
import type { SimBase } from "./entry.js";
import { FoldedLog } from "./folded-log.js";
import type { FoldObserver } from "./folded-log.js";
import type { Random } from "./random.js";

/**
 * Stands for the log on disk: a sequence of writes of which a prefix is synced. One fsync at a time covers everything
 * that was handed over when it began; a crash keeps any number of the writes that it covered, in order.
 */
export class ModelLog implements DurableLog {
  readonly #context: Context;
  readonly #random: Random;
  readonly #folded: FoldedLog;
  /** Handed over and not synced. */
  #pending: LogWrite[] = [];
  /** How many of `#pending` the running fsync covers; 0: none runs. */
  #syncing = 0;
  /** What belongs to an earlier opening is ignored. */
  #opening = 0;
  #callbacks: LogCallbacks | null = null;
  slowness = 1;

  constructor(context: Context, name: string, start: SimBase, observe: FoldObserver) {
    this.#context = context;
    this.#random = context.random(`disk ${name}`);
    this.#folded = new FoldedLog(start, observe);
  }

  get durable(): Recovered {
    return this.#folded;
  }

  append(write: LogWrite): void {
    this.#pending.push(write);
    if (this.#syncing === 0) this.#sync();
  }

  open(callbacks: LogCallbacks): void {
    this.#opening += 1;
    const opening = this.#opening;
    this.#callbacks = callbacks;
    // Found, but perhaps in the page cache only: it is written again and synced before anything is promised (W11).
    this.#context.after(this.#latency(), () => {
      if (opening !== this.#opening) return;
      this.#fold(this.#pending.length);
      callbacks.opened({ hardState: this.#folded.hardState, entries: this.#folded.entries.clone() });
    });
  }

  crash(kind: "kill" | "powerLoss"): void {
    this.#opening += 1;
    this.#callbacks = null;
    const reached = this.#syncing > 0 ? this.#syncing : this.#pending.length;
    // The next write waits for the fsync of the one before it (W3), so what is behind it never left the process.
    const kept = reached === 0 || this.#random.chance(0.4) ? 0 : this.#random.between(1, reached);
    const lost = this.#pending.length - kept;
    this.#syncing = 0;
    this.#pending.length = kept;
    if (kind === "powerLoss") {
      this.#fold(kept);
      this.#context.count("lostWrite", lost);
    }
  }

  get hasUnsynced(): boolean {
    return this.#pending.length > 0;
  }

  #sync(): void {
    this.#syncing = this.#pending.length;
    const opening = this.#opening;
    this.#context.after(this.#latency(), () => {
      if (opening !== this.#opening) return;
      if (this.#random.chance(this.#context.faultNow("syncFailure"))) {
        this.#context.count("syncFailure");
        this.#callbacks?.failed("kill");
        return;
      }
      const done = this.#pending.slice(0, this.#syncing);
      this.#fold(this.#syncing);
      this.#syncing = 0;
      this.#callbacks?.completed(done);
      if (opening === this.#opening && this.#syncing === 0 && this.#pending.length > 0) this.#sync();
    });
  }

  /** The first `count` pending writes are on the disk for good. */
  #fold(count: number): void {
    for (const write of this.#pending.splice(0, count)) this.#folded.fold(write);
  }

  #latency(): number {
    return this.#random.magnitude(0.5, 4) * this.#context.parameters.diskMicros * this.slowness;
  }
}
