import {
  close,
  constants,
  fdatasync,
  fstat,
  fsync,
  ftruncate,
  open as openFd,
  read as readFd,
  writev,
} from "node:fs";
import { link, mkdir, open, readdir, unlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";
import { lockDirectory } from "./directory-lock.js";
import type { Completion, DirectoryLock, FileSystem, LogFile } from "./file-system.js";

const openFile = promisify(openFd);
const closeFile = promisify(close);
const readFile = promisify(readFd);
const syncFile = promisify(fsync);
const truncateFile = promisify(ftruncate);
const statFile = promisify(fstat);

const FLAGS = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
} as const;

/** A file descriptor of the operating system. */
class NodeFile implements LogFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  writev(
    buffers: readonly Buffer[],
    position: number,
    done: (error: Error | null, bytesWritten: number) => void,
  ): void {
    writev(this.#fd, buffers, position, done);
  }

  datasync(done: Completion): void {
    fdatasync(this.#fd, done);
  }

  sync(): Promise<void> {
    return syncFile(this.#fd);
  }

  async read(target: Buffer, position: number): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      const { bytesRead } = await readFile(
        this.#fd,
        target,
        filled,
        target.length - filled,
        position + filled,
      );
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }

  truncate(bytes: number): Promise<void> {
    return truncateFile(this.#fd, bytes);
  }

  async size(): Promise<number> {
    return (await statFile(this.#fd)).size;
  }

  close(): Promise<void> {
    return closeFile(this.#fd);
  }
}

/** The real file system, over node:fs. Needs hard links and directories that can be synced (Linux, macOS). */
export const nodeFileSystem: FileSystem = {
  async open(path: string, access: "read" | "write" | "create"): Promise<LogFile> {
    return new NodeFile(await openFile(path, FLAGS[access], 0o640));
  },
  link,
  unlink,
  list(dir: string): Promise<string[]> {
    return readdir(dir);
  },
  async makeDirectory(dir: string): Promise<void> {
    const first = await mkdir(dir, { recursive: true, mode: 0o750 });
    if (first === undefined) return;
    // Each new name stands in the directory above it, and is durable only once that one is synced.
    const top = dirname(resolve(first));
    for (let path = dirname(resolve(dir)); ; path = dirname(path)) {
      await syncDirectory(path);
      if (path === top) break;
    }
  },
  syncDirectory,
  lock(dir: string): Promise<DirectoryLock> {
    return lockDirectory(dir);
  },
};

async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
