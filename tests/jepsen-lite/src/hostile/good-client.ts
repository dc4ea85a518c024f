import { connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";

const EVERY_MS = 4;
const VALUE = "v".repeat(64);

export interface Latencies {
  readonly samples: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Somebody who minds their own business: a put and a get by turns, at a pace of their own; a latency counts from when it was due. */
export class GoodClient {
  readonly #client: Client;
  readonly #timer: NodeJS.Timeout;
  readonly errors: string[] = [];
  #latencies: number[] = [];
  #issued = 0;
  #inFlight = 0;
  #wake: (() => void) | null = null;

  private constructor(client: Client) {
    this.#client = client;
    const startMs = performance.now();
    this.#timer = setInterval(() => {
      while (startMs + this.#issued * EVERY_MS <= performance.now()) {
        void this.#one(this.#issued, startMs + this.#issued * EVERY_MS);
        this.#issued += 1;
      }
    }, 1);
  }

  static async connect(endpoints: readonly string[]): Promise<GoodClient> {
    const client = await connect({ endpoints: [...endpoints], timeoutMs: 30_000 });
    await client.put("good/0", VALUE);
    return new GoodClient(client);
  }

  /** Of all that was answered since the last call. */
  take(): number[] {
    const taken = this.#latencies;
    this.#latencies = [];
    return taken;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    while (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    await this.#client.close();
  }

  async #one(number: number, dueMs: number): Promise<void> {
    const key = `good/${number % 1_000}`;
    this.#inFlight += 1;
    try {
      if (number % 2 === 0) await this.#client.put(key, VALUE);
      else await this.#client.get(key);
      this.#latencies.push(performance.now() - dueMs);
    } catch (error) {
      this.errors.push((error as Error).message);
    }
    this.#inFlight -= 1;
    if (this.#inFlight === 0) this.#wake?.();
  }
}

export function latenciesOf(all: readonly number[]): Latencies {
  const sorted = all.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? 0;
  return { samples: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99) };
}
