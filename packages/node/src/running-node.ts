import type { FileSystem } from "raft-ts";
import type { FileSystemSpace } from "./disk-space.js";
import type { NodeStatus } from "./status.js";

/** A node that runs in this process. */
export interface RunningNode {
  readonly name: string;
  /** Where clients and HTTP connect, `HOST:PORT`. */
  readonly endpoint: string;
  status(): Promise<NodeStatus>;
  /** Stops cleanly: answers what waits, makes a checkpoint, frees the directory. Can be called again. */
  close(): Promise<void>;
  /**
   * Ends as abruptly as this process can end a part of itself: nobody is answered, nothing is handed over, no checkpoint is made.
   * Resolves when the directory can be opened again.
   */
  kill(): Promise<void>;
  /** Settles when the node has ended: resolves after `close()` and `kill()`, rejects when it failed and must not serve. */
  readonly ended: Promise<void>;
}

/** What a node stands on, for those who put something else in its place. */
export interface NodeParts {
  /** Where the log is written; the operating system's by default. */
  readonly fileSystem?: FileSystem;
  /** The newest format of the log that it understands; this version's by default. */
  readonly logFormat?: number;
  /** Tells how much room the data directory has; `fs.statfs` by default. */
  readonly statfs?: (path: string) => Promise<FileSystemSpace>;
}
