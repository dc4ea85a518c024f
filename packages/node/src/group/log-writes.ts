import type { GroupId, LogWriter, StorageWrite } from "raft-ts";
import type { ArrivingWrites } from "./arriving-writes.js";
import type { EntryBodies } from "./entry-bodies.js";

export interface LogWritesOptions {
  readonly group: GroupId;
  readonly log: LogWriter;
  readonly bodies: EntryBodies;
  readonly arriving: ArrivingWrites;
  /** The write, and every one before it, is on disk. */
  readonly onPersisted: (write: StorageWrite) => void;
  /** The log failed: the end of this server (R17, W1). */
  readonly onFailed: (error: unknown) => void;
}

/** What the core wants on disk, on its way there (R1). */
export class LogWrites {
  readonly #options: LogWritesOptions;
  #lastSeq = 0;

  constructor(options: LogWritesOptions) {
    this.#options = options;
  }

  /** The log's number of the last batch that was appended; a barrier waits for it. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  write(write: StorageWrite): void {
    const { arriving, bodies, group, log, onFailed, onPersisted } = this.#options;
    if (write.hardState !== null || write.base !== null || write.entries.length > 0) {
      this.#lastSeq = log.append({
        group,
        hardState: write.hardState,
        base: write.base,
        entries: bodies.collect(write.entries),
      });
    }
    const hasEntries = write.entries.length > 0;
    if (hasEntries) arriving.writing();
    log.durability.wait(this.#lastSeq, (error) => {
      if (hasEntries) arriving.synced();
      if (error === null) onPersisted(write);
      else onFailed(error);
    });
  }
}
