import { writtenToDisks } from "./disks.js";
import { readProcessUse, residentBytes } from "./processes.js";
import type { ProcessUse } from "./processes.js";
import type { RunningSide, ServerCounters } from "../sides/side.js";

const MEMORY_EVERY_MS = 200;

/** What the servers of one side used while one workload was measured. */
export interface ServerUse {
  /** User and system, of all servers together. */
  readonly cpuSeconds: number;
  /** Largest VmRSS that was seen in any of them. */
  readonly peakResidentBytes: number;
  /** Of the whole machine: see `writtenToDisks`. */
  readonly writtenBytes: number;
  /** By server, from its own counter; null when it has none. */
  readonly fsyncs: readonly number[] | null;
  /** The longest that the event loop of any of them was late; null where there is none. */
  readonly lagMicros: number | null;
}

/** Reads what the servers have used before and after, and looks at their memory in between. */
export class ServerMeter {
  readonly #side: RunningSide;
  readonly #before: ReadonlyMap<string, ProcessUse | null>;
  readonly #writtenBefore = writtenToDisks();
  readonly #countersBefore: Promise<ServerCounters | null>;
  readonly #timer: NodeJS.Timeout;
  #peak = 0;

  constructor(side: RunningSide) {
    this.#side = side;
    this.#before = this.#readUses();
    this.#countersBefore = side.counters();
    // It is awaited at the end; an error of before must not go unhandled until then.
    this.#countersBefore.catch(() => undefined);
    this.#timer = setInterval(() => this.#look(), MEMORY_EVERY_MS);
  }

  async read(): Promise<ServerUse> {
    clearInterval(this.#timer);
    this.#look();
    const after = this.#readUses();
    const writtenBytes = writtenToDisks() - this.#writtenBefore;
    let cpuSeconds = 0;
    for (const [name, use] of after) {
      cpuSeconds += (use?.cpuSeconds ?? 0) - (this.#before.get(name)?.cpuSeconds ?? 0);
    }
    const countersBefore = await this.#countersBefore;
    const countersAfter = await this.#side.counters();
    return {
      cpuSeconds,
      writtenBytes,
      peakResidentBytes: this.#peak,
      fsyncs:
        countersBefore === null || countersAfter === null
          ? null
          : countersAfter.fsyncs.map((count, index) => count - (countersBefore.fsyncs[index] ?? 0)),
      lagMicros: countersAfter?.lagMicros ?? null,
    };
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const pid of this.#side.pids().values()) this.#peak = Math.max(this.#peak, residentBytes(pid));
  }

  #readUses(): Map<string, ProcessUse | null> {
    return new Map([...this.#side.pids()].map(([name, pid]) => [name, readProcessUse(pid)]));
  }
}
