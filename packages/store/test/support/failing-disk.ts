import { basename } from "node:path";
import { openDatabase } from "../../dist/database.js";
import type { Database } from "../../dist/database.js";
import { nodeFileSystem } from "../../dist/file-system.js";
import type { FileSystem } from "../../dist/file-system.js";
import type { StoreDisk } from "../../dist/options.js";

/**
 * A real disk that breaks off at a step once it is told to: the step `failAt` (from 0) and every one behind it fails,
 * either before it takes effect or, `late`, after it did.
 */
export class FailingDisk implements StoreDisk {
  failAt = Number.POSITIVE_INFINITY;
  late = false;
  /** The steps that were asked for since `reset`, in order. */
  steps: string[] = [];

  reset(failAt: number, late: boolean): void {
    this.steps = [];
    this.failAt = failAt;
    this.late = late;
  }

  async #step(name: string, effect: () => Promise<void>): Promise<void> {
    const number = this.steps.push(name) - 1;
    const fails = number >= this.failAt;
    if (!fails || (number === this.failAt && this.late)) await effect();
    if (fails) throw new Error(`${name} failed`);
  }

  readonly fileSystem: FileSystem = {
    ...nodeFileSystem,
    writeFile: (path, bytes) =>
      this.#step(`write ${basename(path)}`, () => nodeFileSystem.writeFile(path, bytes)),
    rename: (from, to) =>
      this.#step(`rename ${basename(from)} ${basename(to)}`, () => nodeFileSystem.rename(from, to)),
    syncDirectory: (path) => this.#step(`sync ${basename(path)}`, () => nodeFileSystem.syncDirectory(path)),
  };

  readonly openDatabase: StoreDisk["openDatabase"] = async (location, options) => {
    this.steps.push(`open ${basename(location)}`);
    const database = await openDatabase(location, options);
    const failing: Database = {
      location,
      batch: () => {
        const batch = database.batch();
        return {
          put: (key, value) => batch.put(key, value),
          del: (key) => batch.del(key),
          write: (writeOptions) =>
            this.#step(`batch sync: ${writeOptions.sync}`, () => batch.write(writeOptions)),
          close: () => batch.close(),
        };
      },
      getSync: (key) => database.getSync(key),
      getMany: (keys) => database.getMany(keys),
      iterator: (range) => database.iterator(range),
      approximateSize: (start, end) => database.approximateSize(start, end),
      // LevelDB keeps the errors of a flush to itself, so this one does not fail either: it does nothing.
      flushChanges: () => this.#step("flush", () => database.flushChanges()).catch(() => undefined),
      flushLatest: () => this.#step("flush latest", () => database.flushLatest()),
      close: () => database.close(),
    };
    return failing;
  };
}
