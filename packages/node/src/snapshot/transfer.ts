import { setTimeout as pause } from "node:timers/promises";
import type { SnapshotBody } from "@raftkv/protocol";
import type { SnapshotReader } from "@raftkv/store";
import type { InstallSnapshot, LogBase } from "raft-ts";
import type { Bandwidth } from "./bandwidth.js";

/** Chunks that are out and not acknowledged: enough to keep a connection busy, and what a cut one costs in memory. */
const WINDOW_CHUNKS = 8;

export interface TransferOptions {
  /** Given to each stream that is opened; never twice. */
  readonly id: number;
  readonly announced: InstallSnapshot;
  readonly reader: SnapshotReader;
  /** What the reader's stream covers. */
  readonly base: LogBase;
  readonly bandwidth: Bandwidth;
  readonly send: (body: SnapshotBody) => void;
  readonly onSent: (bytes: number) => void;
  /** The stream cannot be read any more. */
  readonly onFailed: (error: unknown) => void;
}

/** One stream on its way to one follower, as fast as the window and the bandwidth allow. */
export class Transfer {
  readonly #options: TransferOptions;
  #acknowledged = 0;
  #next = 0;
  #sending = false;
  #closed = false;

  constructor(options: TransferOptions) {
    this.#options = options;
  }

  get id(): number {
    return this.#options.id;
  }

  get base(): LogBase {
    return this.#options.base;
  }

  /** Nothing of it was taken in yet: a follower that knows nothing of it can begin with it. */
  get isFresh(): boolean {
    return this.#acknowledged === 0;
  }

  /** Names the stream, and sends it from the start. */
  begin(): void {
    this.#options.send({ kind: "begin", base: this.#options.base });
    this.#next = 0;
    this.#send();
  }

  /** The follower has everything before `next`. */
  acknowledged(next: number): void {
    if (next <= this.#acknowledged) return;
    this.#acknowledged = Math.min(next, this.#next);
    this.#options.reader.release(this.#acknowledged);
    this.#send();
  }

  /** What is behind `next` may have been lost: it is sent again, out of memory (S10). */
  resume(next: number): void {
    this.acknowledged(next);
    this.#next = this.#acknowledged;
    this.#send();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#options.reader.close();
  }

  #send(): void {
    if (this.#sending || this.#closed) return;
    this.#sending = true;
    this.#sendWindow()
      .catch((error: unknown) => {
        if (!this.#closed) this.#options.onFailed(error);
      })
      .finally(() => {
        this.#sending = false;
      });
  }

  async #sendWindow(): Promise<void> {
    const { bandwidth, onSent, reader, send } = this.#options;
    while (!this.#closed && this.#next < this.#acknowledged + WINDOW_CHUNKS) {
      const number = this.#next;
      const bytes = await reader.chunk(number);
      if (bytes === null) return;
      const waitMs = bandwidth.take(bytes.length, performance.now());
      if (waitMs > 0) await pause(waitMs, undefined, { ref: false });
      if (this.#closed) return;
      // Meanwhile the follower may have asked for an earlier one.
      if (this.#next !== number) continue;
      this.#next += 1;
      send({ kind: "chunk", number, bytes });
      onSent(bytes.length);
    }
  }
}
