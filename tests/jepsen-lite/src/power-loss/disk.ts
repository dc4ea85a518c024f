import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Random } from "./random.js";
import { restoreData } from "./restore-data.js";
import type { DataFate } from "./restore-data.js";
import { restoreNames } from "./restore-names.js";

/** What a cut took away. */
export interface Loss {
  /** Files with unsynced changes of their bytes. */
  readonly files: number;
  /** Unsynced changes of names that were undone. */
  readonly names: number;
}

export interface CutOptions {
  /**
   * A file's size is metadata as names are, and file systems with a journal keep their order: a file has not grown by what was
   * written after the first change of a name that is lost. True by default; without it sizes survive for themselves.
   */
  readonly ordered?: boolean;
}

/** The processes did what the shim cannot follow, or none of them ran under it. */
export class PowerLossError extends Error {
  override readonly name = "PowerLossError";
}

/**
 * A directory that loses, when the power is cut, what was not synced. Processes that run with `env` change it as they like;
 * what takes the changes back is kept beside it, in `<directory>.power-loss`.
 */
export class PowerLossDisk {
  readonly directory: string;
  readonly #shadow: string;
  readonly #shim: string;

  /** `shim` is the compiled library, see `compileShim`. What is in the directory counts as synced. */
  constructor(directory: string, shim: string) {
    this.directory = resolve(directory);
    this.#shadow = `${this.directory}.power-loss`;
    this.#shim = resolve(shim);
    mkdirSync(this.directory, { recursive: true });
  }

  /** Where files that were removed keep a second name, if `env` was asked for that. */
  get aside(): string {
    return join(this.#shadow, "aside");
  }

  /** What a process must have in its environment to be followed. Files with a name that ends in `aside` are put aside when removed. */
  env(aside: string | null = null): NodeJS.ProcessEnv {
    return {
      LD_PRELOAD: this.#shim,
      POWER_LOSS_DIR: this.directory,
      POWER_LOSS_SHADOW: this.#shadow,
      // A ring would write past the shim, which refuses one: node then does without, but says so.
      UV_USE_IO_URING: "0",
      ...(aside === null ? {} : { POWER_LOSS_ASIDE: aside }),
    };
  }

  /**
   * The power is gone: takes away what was not synced. All processes must have been killed (SIGKILL, so that none of them
   * tidies up), and seen to be gone. Without `random` all of it is lost; with it a random part survives.
   * @throws {PowerLossError} there is nothing to go by.
   */
  cut(random: Random | null, { ordered = true }: CutOptions = {}): Loss {
    this.#expectSound();
    const fate = (unsynced: number): number => {
      if (random === null || random.chance(0.25)) return 0;
      return random.chance(0.3) ? unsynced : random.below(unsynced + 1);
    };
    const lost = restoreNames(this.directory, this.#shadow, fate);
    const grownUntil = ordered ? lost.reduce((least, time) => Math.min(least, time), Infinity) : Infinity;
    const files = this.#restoreFiles(this.directory, { random, grownUntil }, new Set());
    // What survived is on the disk now.
    for (const folder of ["data", "names", "kept"]) {
      rmSync(join(this.#shadow, folder), { recursive: true, force: true });
    }
    return { files, names: lost.length };
  }

  /** Takes the directory away with all that belongs to it. */
  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
    rmSync(this.#shadow, { recursive: true, force: true });
  }

  #expectSound(): void {
    const refused = join(this.#shadow, "refused");
    if (existsSync(refused)) throw new PowerLossError(readFileSync(refused, "utf8").trim());
    if (!existsSync(join(this.#shadow, "loaded"))) {
      throw new PowerLossError(
        `no process has loaded the shim for ${this.directory}: is the program linked statically?`,
      );
    }
  }

  #restoreFiles(directory: string, fate: DataFate, seen: Set<number>): number {
    let count = 0;
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) count += this.#restoreFiles(path, fate, seen);
      else if (entry.isFile()) {
        const { ino } = lstatSync(path);
        // A file with two names is restored once.
        if (seen.has(ino)) continue;
        seen.add(ino);
        count += restoreData(path, join(this.#shadow, "data", String(ino)), fate) > 0 ? 1 : 0;
      }
    }
    return count;
  }
}
