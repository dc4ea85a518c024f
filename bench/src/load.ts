import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { RaftKvError, connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { build } from "hdr-histogram-js";
import type { Histogram } from "hdr-histogram-js";

export interface LoadShape {
  readonly endpoints: readonly string[];
  readonly clients: number;
  readonly connections: number;
  readonly valueBytes: number;
  readonly keys: number;
}

const LATENCY_MAX_MICROS = 60_000_000;
/** A caller that was refused lets go for a moment, so that a cluster that is down is not asked a million times. */
const AFTER_ERROR_MS = 20;
const COUNTER_BYTES = 8;

/** Puts by callers that each wait for one answer before they ask again. */
export class Load {
  readonly #shape: LoadShape;
  readonly #connections: readonly Client[];
  #isStopping = false;
  #callers: Promise<void[]> = Promise.resolve([]);

  /** Of the present phase. In microseconds. */
  latencies: Histogram = newHistogram();
  readonly errors = new Map<string, number>();
  puts = 0;

  private constructor(shape: LoadShape, connections: readonly Client[]) {
    this.#shape = shape;
    this.#connections = connections;
  }

  /** Connects. @throws {RaftKvError} UNAVAILABLE: no endpoint answers. */
  static async connect(shape: LoadShape): Promise<Load> {
    const connecting = Array.from({ length: shape.connections }, () =>
      connect({ endpoints: shape.endpoints }),
    );
    const results = await Promise.allSettled(connecting);
    const connections = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const failure = results.find((result) => result.status === "rejected");
    if (failure === undefined) return new Load(shape, connections);
    await Promise.all(connections.map((connection) => connection.close()));
    throw failure.reason;
  }

  start(): void {
    const callers = Array.from({ length: this.#shape.clients }, (_, index) => {
      return this.#call(this.#connections[index % this.#connections.length] as Client, index);
    });
    this.#callers = Promise.all(callers);
  }

  /** Begins a new phase: what was counted so far is forgotten. */
  reset(): void {
    this.latencies = newHistogram();
    this.errors.clear();
    this.puts = 0;
  }

  /** Lets every caller have its last answer, and closes the connections. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#callers;
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }

  async #call(connection: Client, index: number): Promise<void> {
    const { valueBytes, keys } = this.#shape;
    const value = randomBytes(valueBytes);
    for (let count = 0; !this.#isStopping; count += 1) {
      // Every value differs, so that nothing between here and the disk can make one of two.
      if (valueBytes >= COUNTER_BYTES) value.writeDoubleLE(count + index / 65_536);
      const key = `bench/${Math.floor(Math.random() * keys)}`;
      const begin = performance.now();
      try {
        await connection.put(key, value);
        this.puts += 1;
        this.latencies.recordValue(
          Math.min(Math.round((performance.now() - begin) * 1000), LATENCY_MAX_MICROS),
        );
      } catch (error) {
        if (!(error instanceof RaftKvError)) throw error;
        this.errors.set(error.code, (this.errors.get(error.code) ?? 0) + 1);
        await delay(AFTER_ERROR_MS);
      }
    }
  }
}

function newHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_MAX_MICROS,
    numberOfSignificantValueDigits: 3,
  });
}
