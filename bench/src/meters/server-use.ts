import { readProcessUse, residentBytes } from "./processes.js";
import type { ProcessUse } from "./processes.js";
import type { RunningSide } from "../sides/side.js";

const MEMORY_EVERY_MS = 200;

/** What the servers of one side used while one workload was measured. */
export interface ServerUse {
  /** User and system, of all servers together. */
  readonly cpuSeconds: number;
  /** Largest VmRSS that was seen in any of them. */
  readonly peakResidentBytes: number;
  readonly writtenBytes: number;
  /** By server, from its own counter; null when it has none. */
  readonly fsyncs: readonly number[] | null;
}

/** Reads what the servers have used before and after, and looks at their memory in between. */
export class ServerMeter {
  readonly #side: RunningSide;
  readonly #before: ReadonlyMap<string, ProcessUse | null>;
  readonly #fsyncsBefore: Promise<readonly number[] | null>;
  readonly #timer: NodeJS.Timeout;
  #peak = 0;

  constructor(side: RunningSide) {
    this.#side = side;
    this.#before = this.#readUses();
    this.#fsyncsBefore = side.fsyncs();
    // It is awaited at the end; an error of before must not go unhandled until then.
    this.#fsyncsBefore.catch(() => undefined);
    this.#timer = setInterval(() => this.#look(), MEMORY_EVERY_MS);
  }

  async read(): Promise<ServerUse> {
    clearInterval(this.#timer);
    this.#look();
    const after = this.#readUses();
    const differenceOf = (field: "cpuSeconds" | "writtenBytes"): number => {
      let sum = 0;
      for (const [name, use] of after) sum += (use?.[field] ?? 0) - (this.#before.get(name)?.[field] ?? 0);
      return sum;
    };
    const fsyncsBefore = await this.#fsyncsBefore;
    const fsyncsAfter = await this.#side.fsyncs();
    return {
      cpuSeconds: differenceOf("cpuSeconds"),
      writtenBytes: differenceOf("writtenBytes"),
      peakResidentBytes: this.#peak,
      fsyncs:
        fsyncsBefore === null || fsyncsAfter === null
          ? null
          : fsyncsAfter.map((count, index) => count - (fsyncsBefore[index] ?? 0)),
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
