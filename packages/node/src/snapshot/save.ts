import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { encodeAbout } from "@raftkv/store";
import type { SnapshotAbout, SnapshotReader } from "@raftkv/store";
import type { Bandwidth } from "./bandwidth.js";

export interface SaveOptions {
  readonly about: SnapshotAbout;
  readonly reader: SnapshotReader;
  readonly bandwidth: Bandwidth;
  /** How long a receiver may take nothing before it is cut: LevelDB keeps disk space for it. */
  readonly idleMs: number;
}

/** Streams a snapshot as the file that `raftkv snapshot save` keeps: what is cut off lacks the last chunk, which tells. */
export async function sendSaved(options: SaveOptions, response: ServerResponse): Promise<void> {
  const { about, bandwidth, idleMs, reader } = options;
  response.writeHead(200, { "content-type": "application/octet-stream" });
  const idle = new Idle(response, idleMs);
  try {
    response.write(encodeAbout(about));
    for (let number = 0; !response.destroyed; number += 1) {
      const bytes = await reader.chunk(number);
      if (bytes === null) {
        response.end();
        return;
      }
      reader.release(number + 1);
      const waitMs = bandwidth.take(bytes.length, performance.now());
      if (waitMs > 0) await pause(waitMs, undefined, { ref: false });
      if (response.destroyed || response.write(bytes)) continue;
      idle.begin();
      await drained(response);
      idle.end();
    }
  } catch (error) {
    // The status is sent already: what is missing at the end says that it failed.
    response.destroy(error as Error);
  } finally {
    idle.end();
    await reader.close().catch(() => undefined);
  }
}

/** Or closed. Nothing listens to it any more then: a large snapshot waits for its reader some hundred thousand times. */
async function drained(response: ServerResponse): Promise<void> {
  const ended = new AbortController();
  const { signal } = ended;
  const waits = [once(response, "drain", { signal }), once(response, "close", { signal })];
  try {
    await Promise.race(waits);
  } finally {
    ended.abort();
    await Promise.allSettled(waits);
  }
}

class Idle {
  readonly #response: ServerResponse;
  readonly #ms: number;
  #timer: NodeJS.Timeout | null = null;

  constructor(response: ServerResponse, ms: number) {
    this.#response = response;
    this.#ms = ms;
  }

  begin(): void {
    this.#timer = setTimeout(() => this.#response.destroy(), this.#ms);
  }

  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
