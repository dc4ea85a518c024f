/** Called once, never before the call that it was given to has returned. */
export type Completion = (error: Error | null) => void;

/**
 * One open file. What a batch needs on its way to the disk (`writev`, `datasync`) takes a callback, which costs
 * nothing; the rest are promises. Errors are those of the system, with their `code`.
 */
export interface LogFile {
  /** Writes the buffers one behind the other at `position`. May write less than all of them (W9). */
  writev(
    buffers: readonly Buffer[],
    position: number,
    done: (error: Error | null, bytesWritten: number) => void,
  ): void;
  /** The data written so far, and the size that is needed to read it, are on the disk. */
  datasync(done: Completion): void;
  /** As `datasync`, with all metadata. */
  sync(): Promise<void>;
  /** Fills `target` from `position` on; returns the bytes read, fewer only at the end of the file. */
  read(target: Buffer, position: number): Promise<number>;
  truncate(bytes: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** Held until released, or until the process is gone, however it goes (W6). */
export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * All that the log asks of the operating system: the seam under which tests put a disk that loses what was not
 * synced. Paths are joined with "/".
 */
export interface FileSystem {
  /** `create` makes a new empty file, or empties the one that is there. */
  open(path: string, access: "read" | "write" | "create"): Promise<LogFile>;
  /** Gives the file a second name. Fails with EEXIST when that name is taken (W4). */
  link(path: string, newPath: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** The names in `dir`, in any order. */
  list(dir: string): Promise<string[]>;
  /** Makes `dir` and those above it where missing; their names are durable when the promise resolves. */
  makeDirectory(dir: string): Promise<void>;
  /** Names made, changed and removed in `dir` so far are durable. */
  syncDirectory(dir: string): Promise<void>;
  /** @throws {WalLockedError} another writer holds the directory. */
  lock(dir: string): Promise<DirectoryLock>;
}

/**
 * Writes all of `buffers`, also when the system takes them in pieces: what was not written is written next, in
 * order (W9).
 */
export function writeFully(
  file: LogFile,
  buffers: readonly Buffer[],
  position: number,
  done: Completion,
): void {
  let bytes = 0;
  for (const buffer of buffers) bytes += buffer.length;
  writeRest(file, buffers, bytes, position, done);
}

function writeRest(
  file: LogFile,
  buffers: readonly Buffer[],
  bytes: number,
  position: number,
  done: Completion,
): void {
  file.writev(buffers, position, (error, written) => {
    if (error !== null) done(error);
    else if (written >= bytes) done(null);
    else if (written === 0) done(new Error(`a write of ${bytes} bytes wrote nothing`));
    else writeRest(file, dropFront(buffers, written), bytes - written, position + written, done);
  });
}

function dropFront(buffers: readonly Buffer[], bytes: number): Buffer[] {
  const rest: Buffer[] = [];
  let left = bytes;
  for (const buffer of buffers) {
    if (left < buffer.length) rest.push(left === 0 ? buffer : buffer.subarray(left));
    left = Math.max(0, left - buffer.length);
  }
  return rest;
}

/** `writeFully` for where a promise costs nothing that matters. */
export function writeAll(file: LogFile, buffers: readonly Buffer[], position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    writeFully(file, buffers, position, (error) => (error === null ? resolve() : reject(error)));
  });
}
