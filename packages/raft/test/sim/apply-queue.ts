import type { SnapshotTask } from "../../dist/core/index.js";
import type { Observer } from "./checks/observed.js";
import type { Context } from "./context.js";
import type { SimEntry } from "./entry.js";
import { Machine } from "./machine.js";
import type { Random } from "./random.js";
import type { Requests } from "./requests.js";
import type { SimServer } from "./server.js";

type Work =
  | { readonly kind: "apply"; readonly entries: readonly SimEntry[] }
  | { readonly kind: "install"; readonly index: number; readonly afterWrite: number };

export interface ApplyHost {
  readonly server: SimServer;
  readonly observer: Observer;
  readonly requests: Requests;
  /** Whether this life of the server still is. */
  readonly isAlive: () => boolean;
  /** The machine has moved on. */
  readonly applied: () => void;
}

/** What the state machine of one life of a server has still to do, in order: entries, and snapshots that take its place. */
export class ApplyQueue {
  readonly #context: Context;
  readonly #random: Random;
  readonly #host: ApplyHost;
  readonly #work: Work[] = [];
  #isRunning = false;
  #persisted = 0;

  constructor(context: Context, random: Random, host: ApplyHost) {
    this.#context = context;
    this.#random = random;
    this.#host = host;
  }

  apply(entries: readonly SimEntry[]): void {
    this.#work.push({ kind: "apply", entries });
    this.#next();
  }

  install(task: Extract<SnapshotTask, { kind: "install" }>, afterWrite: number): void {
    this.#work.push({ kind: "install", index: task.base.index, afterWrite });
    this.#next();
  }

  persisted(writeSeq: number): void {
    this.#persisted = writeSeq;
    this.#next();
  }

  #next(): void {
    const [work] = this.#work;
    if (this.#isRunning || work === undefined) return;
    // The store goes live with a snapshot only once the log that begins behind it is on disk (S10).
    if (work.kind === "install" && work.afterWrite > this.#persisted) return;
    this.#isRunning = true;
    this.#context.after(this.#random.magnitude(0.5, 2) * this.#context.parameters.applyMicros, () => {
      if (!this.#host.isAlive()) return;
      this.#isRunning = false;
      this.#work.shift();
      if (work.kind === "apply") this.#apply(work.entries);
      else this.#install(work.index);
      this.#host.applied();
      this.#next();
    });
  }

  #apply(entries: readonly SimEntry[]): void {
    const { observer, requests, server } = this.#host;
    const { machine } = server;
    for (const entry of entries) {
      if (server.isWitness) {
        machine.appliedIndex = entry.index;
        requests.applied(entry, null);
        continue;
      }
      const outcome = machine.apply(entry);
      observer.applied(server, entry, outcome?.isFirst ?? false);
      requests.applied(entry, outcome?.result ?? null);
    }
  }

  #install(index: number): void {
    const { server } = this.#host;
    this.#context.count("snapshotsInstalled");
    if (server.isWitness) {
      server.machine = new Machine(null);
      server.machine.appliedIndex = index;
    } else server.machine = new Machine(server.store.install(index).machine);
  }
}
