import { readSync } from "node:fs";
import { mkdir, open, readFile, readdir, rename, rm, statfs } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

/** What the checkpoint asks of the disk; the tests break it off at every step. */
export interface FileSystem {
  /** Null when there is none. */
  readFile(path: string): Promise<Buffer | null>;
  /** Creates or replaces the file and syncs its bytes; its name is durable only after `syncDirectory`. */
  writeFile(path: string, bytes: Buffer): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): Promise<void>;
  list(path: string): Promise<string[]>;
  /** Removes a file or a directory with all that is in it, if it is there. */
  remove(path: string): Promise<void>;
  /** Creates a directory and those above it, durably. */
  makeDirectory(path: string): Promise<void>;
  /** Creates a file, or empties the one that is there, to be written from its beginning on. */
  createFile(path: string): Promise<WritableFile>;
  /** Opens a file that nobody writes any more. */
  openFile(path: string): Promise<ReadableFile>;
  /** Bytes that are free where the path is. */
  freeBytes(path: string): Promise<number>;
}

export interface WritableFile {
  /** Writes behind what was written before. One at a time; `bytes` are not to be changed until it resolves. */
  write(bytes: Buffer): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface ReadableFile {
  /** Its length. */
  readonly bytes: number;
  /** Fills `target` with what stands at `position`. @throws when the file ends before that. */
  readSync(target: Buffer, position: number): void;
  read(target: Buffer, position: number): Promise<void>;
  close(): Promise<void>;
}

export const nodeFileSystem: FileSystem = {
  async readFile(path) {
    try {
      return await readFile(path);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
      throw error;
    }
  },

  async writeFile(path, bytes) {
    const file = await open(path, "w");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  },

  rename,

  async createFile(path) {
    return new NodeWritableFile(await open(path, "w"));
  },

  async openFile(path) {
    const file = await open(path, "r");
    try {
      return new NodeReadableFile(file, path, (await file.stat()).size);
    } catch (error) {
      await file.close();
      throw error;
    }
  },

  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },

  async syncDirectory(path) {
    const directory = await open(path, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },

  list(path) {
    return readdir(path);
  },

  async remove(path) {
    await rm(path, { recursive: true, force: true });
  },

  async makeDirectory(path) {
    const first = await mkdir(path, { recursive: true });
    if (first === undefined) return;
    // A new directory's name is in the one above it: every one that got a new name is synced.
    let parent = dirname(path);
    await nodeFileSystem.syncDirectory(parent);
    while (parent !== dirname(first)) {
      parent = dirname(parent);
      await nodeFileSystem.syncDirectory(parent);
    }
  },
};

class NodeWritableFile implements WritableFile {
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async write(bytes: Buffer): Promise<void> {
    // A write may be short.
    for (let written = 0; written < bytes.length;)
      written += (await this.#file.write(bytes, written, bytes.length - written)).bytesWritten;
  }

  sync(): Promise<void> {
    return this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

class NodeReadableFile implements ReadableFile {
  readonly bytes: number;
  readonly #file: FileHandle;
  readonly #path: string;

  constructor(file: FileHandle, path: string, bytes: number) {
    this.#file = file;
    this.#path = path;
    this.bytes = bytes;
  }

  readSync(target: Buffer, position: number): void {
    for (let read = 0; read < target.length;)
      read += this.#more(readSync(this.#file.fd, target, read, target.length - read, position + read));
  }

  async read(target: Buffer, position: number): Promise<void> {
    for (let read = 0; read < target.length;) {
      const { bytesRead } = await this.#file.read(target, read, target.length - read, position + read);
      read += this.#more(bytesRead);
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #more(bytes: number): number {
    if (bytes === 0) throw new Error(`${this.#path} ends too early`);
    return bytes;
  }
}
