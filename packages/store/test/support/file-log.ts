import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { nodeFileSystem } from "../../dist/file-system.js";
import type { FileSystem } from "../../dist/file-system.js";
import type { Random } from "./random.js";

/** What reached the disk of one directory, in order. A file is named by a number of its own: a name may be given again. */
export type FileEvent =
  | { readonly kind: "create"; readonly name: string; readonly file: number }
  | { readonly kind: "write"; readonly file: number; readonly bytes: Buffer }
  | { readonly kind: "sync"; readonly file: number }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "syncDirectory" };

/** The real disk, with everything that reaches it written down; it breaks off at the event `failAt` and fails from then on. */
export class FileLog {
  readonly events: FileEvent[] = [];
  failAt = Number.POSITIVE_INFINITY;
  #files = 0;

  async #step<Result>(event: FileEvent, effect: () => Promise<Result>): Promise<Result> {
    if (this.events.length >= this.failAt) throw new Error(`${event.kind} failed`);
    this.events.push(event);
    return effect();
  }

  readonly fileSystem: FileSystem = {
    ...nodeFileSystem,
    writeFile: async (path, bytes) => {
      const file = await this.fileSystem.createFile(path);
      try {
        await file.write(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
    },
    createFile: async (path) => {
      const number = this.#files++;
      const real = await this.#step({ kind: "create", name: basename(path), file: number }, () =>
        nodeFileSystem.createFile(path),
      );
      return {
        write: (bytes) =>
          this.#step({ kind: "write", file: number, bytes: Buffer.from(bytes) }, () => real.write(bytes)),
        sync: () => this.#step({ kind: "sync", file: number }, () => real.sync()),
        close: () => real.close(),
      };
    },
    rename: (from, to) =>
      this.#step({ kind: "rename", from: basename(from), to: basename(to) }, () =>
        nodeFileSystem.rename(from, to),
      ),
    remove: (path) => this.#step({ kind: "remove", name: basename(path) }, () => nodeFileSystem.remove(path)),
    syncDirectory: (path) => this.#step({ kind: "syncDirectory" }, () => nodeFileSystem.syncDirectory(path)),
  };

  /**
   * What a power loss after the first `length` events may leave: of each file what was synced and any part of what was written behind
   * that; of names all up to the last sync of the directory, and those of any number of operations behind it, in their order.
   */
  powerLoss(length: number, random: Random): Map<string, Buffer> {
    const before = this.events.slice(0, length);
    const written = new Map<number, { bytes: Buffer; synced: number }>();
    for (const event of before) {
      if (event.kind === "create") written.set(event.file, { bytes: Buffer.alloc(0), synced: 0 });
      if (event.kind !== "write" && event.kind !== "sync") continue;
      const file = written.get(event.file) ?? { bytes: Buffer.alloc(0), synced: 0 };
      if (event.kind === "write") file.bytes = Buffer.concat([file.bytes, event.bytes]);
      else file.synced = file.bytes.length;
      written.set(event.file, file);
    }
    const lastSync = before.findLastIndex(({ kind }) => kind === "syncDirectory");
    const names = new Map<string, number>();
    for (const [i, event] of before.entries()) {
      if (i > lastSync && random.chance(0.3)) break;
      if (event.kind === "create") names.set(event.name, event.file);
      if (event.kind === "remove") names.delete(event.name);
      if (event.kind !== "rename") continue;
      const file = names.get(event.from);
      names.delete(event.from);
      if (file !== undefined) names.set(event.to, file);
    }
    const left = new Map<string, Buffer>();
    for (const [name, number] of names) {
      const file = written.get(number) ?? { bytes: Buffer.alloc(0), synced: 0 };
      const more = Math.floor(random.below(file.bytes.length - file.synced + 1));
      const bytes = Buffer.from(file.bytes.subarray(0, file.synced + more));
      // Room that the file system gave, and never filled.
      if (random.chance(0.5)) bytes.fill(0, file.synced);
      left.set(name, bytes);
    }
    return left;
  }
}

export async function layOutFiles(files: ReadonlyMap<string, Buffer>, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [name, bytes] of files) await writeFile(join(directory, name), bytes);
}
