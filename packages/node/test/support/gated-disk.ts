import { nodeFileSystem } from "raft-ts";
import type { Completion, FileSystem, LogFile } from "raft-ts";

/** The real file system, save that its syncs wait, or fail, when they are told to. */
export class GatedDisk {
  /** While true, syncs of batches do not begin. */
  holding = false;
  /** What the next syncs fail with. */
  failure: Error | null = null;
  /** Syncs of batches that are done. */
  synced = 0;
  #held: (() => void)[] = [];
  readonly fileSystem: FileSystem = {
    ...nodeFileSystem,
    open: async (path, access) => this.#gated(await nodeFileSystem.open(path, access)),
  };

  get held(): number {
    return this.#held.length;
  }

  release(): void {
    this.holding = false;
    for (const sync of this.#held.splice(0)) sync();
  }

  #gated(file: LogFile): LogFile {
    return {
      writev: (buffers, position, done) => file.writev(buffers, position, done),
      datasync: (done) => this.#datasync(file, done),
      sync: () => file.sync(),
      read: (target, position) => file.read(target, position),
      truncate: (bytes) => file.truncate(bytes),
      size: () => file.size(),
      close: () => file.close(),
    };
  }

  #datasync(file: LogFile, done: Completion): void {
    const sync = (): void => {
      if (this.failure !== null) {
        const { failure } = this;
        setImmediate(() => done(failure));
        return;
      }
      file.datasync((error) => {
        this.synced += 1;
        done(error);
      });
    };
    if (this.holding) this.#held.push(sync);
    else sync();
  }
}
