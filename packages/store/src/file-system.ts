import { mkdir, open, readFile, readdir, rename, rm } from "node:fs/promises";
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
