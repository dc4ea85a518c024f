import { logIndex } from "../../../dist/core/index.js";
import type {
  Configuration,
  EntryKind,
  EntryShapes,
  HardState,
  LogBase,
  LogIndex,
  RaftRestart,
  StorageWrite,
  Term,
  TermRun,
} from "../../../dist/core/index.js";

/** One entry with its body, which the core never sees. */
export interface Entry {
  readonly index: LogIndex;
  readonly term: Term;
  readonly kind: EntryKind;
  readonly text: string;
  readonly bytes: number;
  readonly configuration: Configuration | null;
}

/** A write on its way to the disk, with the bodies as they were when it was handed out. */
export interface PendingWrite {
  readonly write: StorageWrite;
  readonly entries: readonly Entry[];
  /** What an installed snapshot holds; of no meaning in a write without a base. */
  readonly machine: readonly Entry[];
}

/** What survives a crash: only what a completed write brought here. */
export class Disk {
  hardState: HardState;
  base: LogBase;
  entries: Entry[];
  /** The checkpoint: applied, and durable with all its effects. */
  appliedIndex: LogIndex;
  /** What the state machine held at the checkpoint. */
  machine: readonly Entry[] = [];

  constructor(restart: { hardState: HardState; base: LogBase; entries: readonly Entry[] }) {
    this.hardState = restart.hardState;
    this.base = restart.base;
    this.entries = [...restart.entries];
    this.appliedIndex = restart.base.index;
  }

  complete({ write, entries, machine }: PendingWrite): void {
    if (write.hardState !== null) this.hardState = write.hardState;
    if (write.base !== null) {
      this.base = write.base;
      this.entries = [];
      this.appliedIndex = write.base.index;
      this.machine = machine;
    }
    const first = entries[0];
    if (first === undefined) return;
    this.entries = this.entries.filter((entry) => entry.index < first.index);
    this.entries.push(...entries);
  }

  /** A checkpoint, and the log in front of it let go (§5.1). */
  compact(base: LogBase, machine: readonly Entry[]): void {
    this.base = base;
    this.entries = this.entries.filter((entry) => entry.index > base.index);
    this.appliedIndex = base.index;
    this.machine = machine;
  }

  restart(): RaftRestart {
    return {
      hardState: this.hardState,
      base: this.base,
      entries: shapesOf(this.entries, logIndex(this.base.index + 1)),
      appliedIndex: this.appliedIndex,
    };
  }
}

/** The shape of consecutive entries that begin at `from`. */
export function shapesOf(entries: readonly Entry[], from: LogIndex): EntryShapes {
  const runs: TermRun[] = [];
  for (const entry of entries) {
    const last = runs.at(-1);
    const to = logIndex(entry.index + 1);
    if (last !== undefined && last.term === entry.term) runs[runs.length - 1] = { ...last, to };
    else runs.push({ term: entry.term, from: entry.index, to });
  }
  return {
    from,
    to: logIndex(from + entries.length),
    runs,
    sizes: entries.map((entry) => entry.bytes),
    configurations: entries.flatMap(({ index, configuration }) =>
      configuration === null ? [] : [{ index, configuration }],
    ),
  };
}
