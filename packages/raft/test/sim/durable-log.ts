import type { HardState, Message } from "../../dist/core/index.js";
import type { EntryLog, SimBase, SimEntry } from "./entry.js";

/** One atomic batch for the log (W3). */
export interface LogWrite {
  /** The core's number of it; 0 for a compaction, which is the shell's own. */
  readonly writeSeq: number;
  readonly hardState: HardState | null;
  /** `installed`: all that was there is gone. `compacted`: what it covers is gone. */
  readonly base: (SimBase & { readonly kind: "installed" | "compacted" }) | null;
  /** Ascending and without gaps; they replace what stood there and everything behind. */
  readonly entries: readonly SimEntry[];
  /** May leave once this write, and all before it, are durable (R1). */
  readonly thenSend: readonly Message[];
}

/** What a process finds when it opens its log. */
export interface Recovered {
  readonly hardState: HardState;
  readonly entries: EntryLog;
}

/** What a process does with its log; what happens to the disk under it is in `crash`. */
export interface DurableLog {
  /** What is on the disk beyond any power loss: what an acknowledgement may promise. */
  readonly durable: Recovered;
  /** Times slower than usual. */
  slowness: number;
  /** Whether there is anything that the next power loss may take (W11). */
  readonly hasUnsynced: boolean;
  /**
   * Hands a write over. Writes reach the disk in order. `completed` is called with all that one fsync made durable.
   * A write that fails is never tried again (W1): `failed` of `open` is called, and nothing after it.
   */
  append(write: LogWrite): void;
  /** Reads what is there, makes sure that it lasts (W11), and calls `opened`; or `failed`, and it is to be opened anew. */
  open(callbacks: LogCallbacks): void;
  /** The process is gone, or the whole machine. Callbacks of this opening are not called any more. */
  crash(kind: "kill" | "powerLoss"): void;
}

export interface LogCallbacks {
  readonly opened: (recovered: Recovered) => void;
  readonly completed: (writes: readonly LogWrite[]) => void;
  /** The process cannot go on, or the machine it runs on: it is to `crash` in that way, and to be started again. */
  readonly failed: (end: "kill" | "powerLoss") => void;
}
