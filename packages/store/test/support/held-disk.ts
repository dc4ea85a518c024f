import { latestKey } from "../../dist/record-keys.js";
import { RecordingDisk } from "./recording-disk.js";

const FIRST_LATEST = latestKey(Buffer.alloc(0));

/** A disk on which scans of all latest versions, lookups of several keys, or writes come to a halt while it is told to hold them. */
export class HeldDisk extends RecordingDisk {
  #scans: Promise<void> = Promise.resolve();
  #writes: Promise<void> = Promise.resolve();
  #lookups: Promise<void> = Promise.resolve();
  /** Lookups that were asked for. */
  lookups = 0;
  /** Writes that came to a halt. */
  writesHeld = 0;
  #holdsWrites = false;

  /** Returns what lets them go on. */
  holdScans(): () => void {
    let release = (): void => undefined;
    this.#scans = new Promise((resolve) => (release = resolve));
    return release;
  }

  /** What they find is of the moment at which they were asked for. */
  holdLookups(): () => void {
    let release = (): void => undefined;
    this.#lookups = new Promise((resolve) => (release = resolve));
    return release;
  }

  holdWrites(): () => void {
    let release = (): void => undefined;
    this.#writes = new Promise((resolve) => (release = resolve));
    this.#holdsWrites = true;
    return () => {
      this.#holdsWrites = false;
      release();
    };
  }

  override readonly openDatabase: RecordingDisk["openDatabase"] = async (location, options) => {
    const database = await this.openRecorded(location, options);
    return {
      ...database,
      getMany: async (keys) => {
        const found = await database.getMany(keys);
        this.lookups += 1;
        await this.#lookups;
        return found;
      },
      batch: () => {
        const batch = database.batch();
        return {
          ...batch,
          write: async (writeOptions) => {
            if (this.#holdsWrites) this.writesHeld += 1;
            await this.#writes;
            await batch.write(writeOptions);
          },
        };
      },
      iterator: (range) => {
        const iterator = database.iterator(range);
        const isHeld = range.gte.equals(FIRST_LATEST);
        return {
          nextv: async (count) => {
            if (isHeld) await this.#scans;
            return iterator.nextv(count);
          },
          close: () => iterator.close(),
        };
      },
    };
  };
}
