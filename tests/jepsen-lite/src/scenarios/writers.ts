import { HistoryRecorder } from "@raftkv/checker";
import type { KvOperation } from "@raftkv/checker";
import { RaftKvError, connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { until } from "../harness/until.js";

export interface WritersOptions {
  readonly endpoints: readonly string[];
  /** Writers at the same time; each writes one key after the other. */
  readonly writers: number;
  /** Puts in all; Infinity goes on until `stop()`. */
  readonly puts: number;
  readonly timeoutMs: number;
}

/**
 * Clients that put and remember what they were told. Every key is written once with a value of its own, and beside it each
 * writer keeps rewriting and reading a few shared keys, so that the history says something about order too.
 */
export class Writers {
  readonly #options: WritersOptions;
  readonly #recorder = new HistoryRecorder();
  readonly #acknowledged = new Map<string, string>();
  readonly #errors = new Map<string, number>();
  #clients: Client[] = [];
  #running: Promise<void>[] = [];
  #stopped = false;
  #issued = 0;
  #lastAckMs = 0;
  #longestStallMs = 0;
  #endedMs: number | null = null;

  constructor(options: WritersOptions) {
    this.#options = options;
  }

  /** What was acknowledged: key to value. */
  get acknowledged(): ReadonlyMap<string, string> {
    return this.#acknowledged;
  }

  get errors(): ReadonlyMap<string, number> {
    return this.#errors;
  }

  /** The longest time without an acknowledgement, over all writers; one that still lasts counts as far as it got. */
  get longestStallMs(): number {
    return Math.max(this.#longestStallMs, (this.#endedMs ?? performance.now()) - this.#lastAckMs);
  }

  history(): KvOperation[] {
    return this.#recorder.history() as KvOperation[];
  }

  async start(): Promise<void> {
    const { endpoints, timeoutMs, writers } = this.#options;
    this.#clients = await Promise.all(
      Array.from({ length: writers }, () => connect({ endpoints: [...endpoints], timeoutMs })),
    );
    this.#lastAckMs = performance.now();
    this.#running = this.#clients.map((client, writer) => this.#write(client, writer));
  }

  /** Resolves when this many puts were acknowledged in all. @throws nothing is acknowledged any more. */
  async untilAcknowledged(count: number): Promise<void> {
    await until(
      `${count} puts are acknowledged, ${this.#acknowledged.size} are, errors ${JSON.stringify(Object.fromEntries(this.#errors))}`,
      async () => (this.#acknowledged.size >= count ? true : null),
      { limitMs: 60_000, everyMs: 2 },
    );
  }

  /** Waits for the writers to have put all that they were to put. */
  async finished(): Promise<void> {
    await Promise.all(this.#running);
    this.#endedMs = performance.now();
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.finished();
  }

  async #write(client: Client, writer: number): Promise<void> {
    while (!this.#stopped && this.#issued < this.#options.puts) {
      this.#issued += 1;
      const number = this.#issued;
      const value = `${writer}/${number}`;
      if (await this.#put(client, writer, `unique/${number}`, value)) {
        this.#acknowledged.set(`unique/${number}`, value);
        this.#progressed();
      }
      const shared = `shared/${number % 4}`;
      if (number % 5 === 0) await this.#put(client, writer, shared, value);
      if (number % 11 === 0) await this.#delete(client, writer, shared);
      if (number % 7 === 0) await this.#get(client, writer, shared);
    }
  }

  async #put(client: Client, process: number, key: string, value: string): Promise<boolean> {
    const id = this.#recorder.call(process, { op: "put", key, value });
    try {
      const { revision } = await client.put(key, value);
      this.#recorder.ok(id, { revision });
      return true;
    } catch (error) {
      this.#failed(id, error);
      return false;
    }
  }

  async #delete(client: Client, process: number, key: string): Promise<void> {
    const id = this.#recorder.call(process, { op: "delete", key });
    try {
      const { revision, deleted } = await client.delete(key);
      this.#recorder.ok(id, { deleted: deleted === 1, revision });
    } catch (error) {
      this.#failed(id, error);
    }
  }

  async #get(client: Client, process: number, key: string): Promise<void> {
    const id = this.#recorder.call(process, { op: "get", key });
    try {
      const found = await client.get(key);
      const { modRevision, createRevision, version } = found ?? {
        modRevision: null,
        createRevision: null,
        version: null,
      };
      this.#recorder.ok(id, { value: found?.text() ?? null, modRevision, createRevision, version });
    } catch (error) {
      this.#failed(id, error);
    }
  }

  #failed(id: number, error: unknown): void {
    if (!(error instanceof RaftKvError)) throw error;
    this.#errors.set(error.code, (this.#errors.get(error.code) ?? 0) + 1);
    // Only what certainly did nothing is a failure; the rest stays open to the end of the history (C1).
    if (error.outcomeKnown) this.#recorder.fail(id);
    else this.#recorder.unknown(id);
  }

  #progressed(): void {
    const now = performance.now();
    this.#longestStallMs = Math.max(this.#longestStallMs, now - this.#lastAckMs);
    this.#lastAckMs = now;
  }
}
