import type { GroupId } from "../core/types.js";
import type { SegmentUse } from "./appender.js";
import type { WalEventHandler } from "./events.js";
import type { FileSystem } from "./file-system.js";
import { SEGMENT_HEADER_BYTES } from "./segment.js";
import type { WrittenGroup } from "./written-group.js";

export interface CompactionOptions {
  readonly fileSystem: FileSystem;
  readonly dir: string;
  /** By number. What is deleted here is taken out; the appender adds to it. */
  readonly segments: SegmentUse[];
  readonly groups: ReadonlyMap<GroupId, WrittenGroup>;
  readonly onEvent: WalEventHandler;
}

/** What a compaction has given back. */
export interface DeletedSegments {
  readonly segments: number;
  /** Bytes that were in use in them. */
  readonly bytes: number;
}

/** The oldest segment that must stay; `group` is the one that needs entries in it, null when none does. */
export interface Pin {
  readonly segment: number;
  readonly group: GroupId | null;
}

/**
 * Deletes whole segments that no group needs any more (W5). What decides is what is on disk: a group needs every segment
 * from the one with its first entry above the base on. Term, vote, base and configuration need none but the last: each
 * segment begins with those of every group, so they are written again before an old one goes (W10).
 */
export class Compaction {
  readonly #options: CompactionOptions;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: CompactionOptions) {
    this.#options = options;
  }

  /** Which segment, and which group, keeps the log from becoming shorter. */
  pin(): Pin {
    const { groups, segments } = this.#options;
    // A segment whose first batch is not durable yet holds nothing that could stand in for an older one.
    const last = segments.findLast((segment) => segment.bytes > SEGMENT_HEADER_BYTES);
    let pin: Pin = { segment: last?.number ?? 0, group: null };
    for (const group of groups.values()) {
      const segment = group.firstSegment;
      if (segment !== null && segment < pin.segment) pin = { segment, group: group.group };
    }
    return pin;
  }

  /**
   * Deletes what is older than the pin, oldest first, and each name's end is durable before the next goes: so a crash
   * leaves the newer ones without a gap between them. Stops early once `stopped` says so. One call runs at a time.
   */
  run(stopped: () => boolean): Promise<DeletedSegments> {
    const run = this.#running.then(() => this.#delete(stopped));
    this.#running = run.catch(() => undefined);
    return run;
  }

  /** Resolves when no deletion is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #delete(stopped: () => boolean): Promise<DeletedSegments> {
    const { dir, fileSystem, onEvent, segments } = this.#options;
    let count = 0;
    let bytes = 0;
    for (let oldest = segments[0]; oldest !== undefined && !stopped(); [oldest] = segments) {
      if (oldest.number >= this.pin().segment) break;
      await fileSystem.unlink(oldest.path);
      await fileSystem.syncDirectory(dir);
      segments.shift();
      count += 1;
      bytes += oldest.bytes;
      onEvent({ kind: "segment-deleted", file: oldest.path, number: oldest.number, bytes: oldest.bytes });
    }
    return { segments: count, bytes };
  }
}
