import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { readDataJournal } from "./journal.js";
import type { DataChange } from "./journal.js";
import type { Random } from "./random.js";

export interface DataFate {
  /** Null: every unsynced byte is lost. */
  readonly random: Random | null;
  /** No file has grown by what was written after this time. */
  readonly grownUntil: number;
}

/** What a disk writes as a whole, and what the page cache does. */
const UNITS = [512, 4096] as const;

/**
 * Takes back what a file did not have synced, or, with random numbers, some of it: any prefix of its changes, or of every
 * sector or page that they touched any version, and any size that the file had. Returns the unsynced changes.
 */
export function restoreData(path: string, journal: string, { grownUntil, random }: DataFate): number {
  const changes = readDataJournal(journal);
  if (changes.length === 0) return 0;
  const file = openSync(path, "r+");
  try {
    const { size } = fstatSync(file);
    if (random === null || random.chance(0.2)) undo(file, changes);
    else if (random.chance(0.3)) undo(file, changes.slice(random.below(changes.length + 1)));
    else mix(file, changes, random);
    const sizeMax = sizeBeforeGrowth(changes, size, grownUntil);
    if (fstatSync(file).size > sizeMax) ftruncateSync(file, sizeMax);
  } finally {
    closeSync(file);
  }
  return changes.length;
}

/** The largest size that the file had, or has, without the changes that came later and made it grow. */
function sizeBeforeGrowth(changes: readonly DataChange[], size: number, grownUntil: number): number {
  const sizes = [...changes.map(({ sizeBefore }) => sizeBefore), size];
  const grew = changes.findIndex(
    ({ sizeBefore, time }, i) => time > grownUntil && (sizes[i + 1] ?? 0) > sizeBefore,
  );
  return Math.max(...(grew < 0 ? sizes : sizes.slice(0, grew + 1)));
}

/** Leads back from the state behind the last of these changes to the one before the first. */
function undo(file: number, changes: readonly DataChange[]): void {
  for (const { before, offset, sizeBefore } of changes.toReversed()) {
    writeAt(file, before, offset);
    ftruncateSync(file, sizeBefore);
  }
}

/** Every unit that a change touched gets a version of its own, from the durable one to the newest. */
function mix(file: number, changes: readonly DataChange[], random: Random): void {
  const unit = random.pick(UNITS);
  const { size } = fstatSync(file);
  const versions = new UnitVersions(file, unit);
  for (const change of changes.toReversed()) versions.goBack(change);
  const keeps = random.pick([0.1, 0.5, 0.9]);
  for (const [offset, contents] of versions.all()) {
    // Newest first.
    const chosen = random.chance(keeps) ? 0 : random.between(1, contents.length - 1);
    const bytes = contents[chosen];
    if (bytes !== undefined) writeAt(file, bytes, offset);
  }
  ftruncateSync(file, sizeAfter([...changes.map(({ sizeBefore }) => sizeBefore), size], unit, random));
}

/** A size that the file had, or one on the way. */
function sizeAfter(sizes: readonly number[], unit: number, random: Random): number {
  if (random.chance(0.5)) return sizes.at(-1) ?? 0;
  if (random.chance(0.5)) return random.pick(sizes);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  return Math.max(least, random.between(Math.floor(least / unit), Math.floor(most / unit)) * unit);
}

/** The versions of the units that changes touched, found by going back through these. */
class UnitVersions {
  readonly #file: number;
  readonly #unit: number;
  /** By offset; newest first, the one as it is now at the end while going back. */
  readonly #versions = new Map<number, Buffer[]>();

  constructor(file: number, unit: number) {
    this.#file = file;
    this.#unit = unit;
  }

  goBack({ before, length, offset, sizeBefore }: DataChange): void {
    const end = offset + length;
    const unit = this.#unit;
    for (let at = Math.floor(offset / unit) * unit; at < end; at += unit) {
      const versions = this.#at(at);
      const older = Buffer.from(versions.at(-1) ?? Buffer.alloc(unit));
      // Of this unit: what stood there before, then zeros where the file ended.
      const from = Math.max(offset, at);
      const to = Math.min(end, at + unit);
      older.fill(0, from - at, to - at);
      if (from - offset < before.length) before.copy(older, from - at, from - offset, to - offset);
      if (sizeBefore < at + unit) older.fill(0, Math.max(0, sizeBefore - at));
      versions.push(older);
    }
  }

  all(): Iterable<[number, readonly Buffer[]]> {
    return this.#versions;
  }

  #at(offset: number): Buffer[] {
    const found = this.#versions.get(offset);
    if (found !== undefined) return found;
    const now = Buffer.alloc(this.#unit);
    readSync(this.#file, now, 0, this.#unit, offset);
    const versions = [now];
    this.#versions.set(offset, versions);
    return versions;
  }
}

function writeAt(file: number, bytes: Buffer, offset: number): void {
  for (let done = 0; done < bytes.length;)
    done += writeSync(file, bytes, done, bytes.length - done, offset + done);
}
