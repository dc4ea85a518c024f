import { connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { RaftKvError } from "@raftkv/client";

const TURN_MS = 2;
const VALUE_BYTES = 256;
const IN_FLIGHT_MAX = 4_096;
const READS_AT_ONCE = 512;

/** The key and the value of the put with this number. */
export function keyOf(number: number): string {
  return `n/${number.toString().padStart(9, "0")}`;
}

export function valueOf(number: number): string {
  return `${number}`.padEnd(VALUE_BYTES, ".");
}

/** Latencies of the puts that were acknowledged in one stretch of time, in milliseconds. */
export interface Stretch {
  readonly puts: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Puts of ever new keys; remembers which of them were acknowledged. */
export class PutLoad {
  readonly #client: Client;
  #issued = 0;
  #inFlight = 0;
  readonly #acknowledged: number[] = [];
  readonly errors = new Map<string, number>();
  #latencies: number[] = [];
  #sinceMs = performance.now();
  #timer: NodeJS.Timeout | null = null;
  #wake: (() => void) | null = null;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async connect(endpoints: readonly string[]): Promise<PutLoad> {
    return new PutLoad(await connect({ endpoints: [...endpoints], timeoutMs: 30_000 }));
  }

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  /** Puts `count` keys as fast as they are taken, so many at a time. Returns how many a second. */
  async blast(count: number, atOnce: number): Promise<number> {
    const startMs = performance.now();
    const last = this.#issued + count;
    const caller = async (): Promise<void> => {
      while (this.#issued < last) await this.#put(performance.now());
    };
    await Promise.all(Array.from({ length: atOnce }, caller));
    return (count * 1000) / (performance.now() - startMs);
  }

  /** From now on so many puts a second, whatever the answers; a latency counts from when the put was due. */
  pace(perSecond: number): void {
    const startMs = performance.now();
    const first = this.#issued;
    this.#timer = setInterval(() => {
      const due = first + Math.floor(((performance.now() - startMs) * perSecond) / 1000);
      while (this.#issued < due && this.#inFlight < IN_FLIGHT_MAX) {
        void this.#put(startMs + ((this.#issued - first) * 1000) / perSecond);
      }
    }, TURN_MS);
  }

  /** What was acknowledged since the last call. */
  stretch(): Stretch {
    const latencies = this.#latencies.sort((a, b) => a - b);
    const nowMs = performance.now();
    const at = (part: number): number => latencies[Math.floor(latencies.length * part)] ?? 0;
    const result = {
      puts: latencies.length,
      seconds: (nowMs - this.#sinceMs) / 1000,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
    };
    this.#latencies = [];
    this.#sinceMs = nowMs;
    return result;
  }

  /** Ends the pace, and waits for the last answer. */
  async rest(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    while (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async close(): Promise<void> {
    await this.rest();
    await this.#client.close();
  }

  /** Keys of acknowledged puts that this node itself does not show. */
  async missingOn(endpoint: string): Promise<string[]> {
    const client = await connect({ endpoints: [endpoint] });
    const missing: string[] = [];
    try {
      for (let at = 0; at < this.#acknowledged.length; at += READS_AT_ONCE) {
        const numbers = this.#acknowledged.slice(at, at + READS_AT_ONCE);
        await Promise.all(
          numbers.map(async (number) => {
            const found = await client.get(keyOf(number), { consistency: "serializable" });
            if (found?.text() !== valueOf(number)) missing.push(keyOf(number));
          }),
        );
      }
    } finally {
      await client.close();
    }
    return missing;
  }

  async #put(dueMs: number): Promise<void> {
    const number = this.#issued;
    this.#issued += 1;
    this.#inFlight += 1;
    try {
      await this.#client.put(keyOf(number), valueOf(number));
      this.#acknowledged.push(number);
      this.#latencies.push(performance.now() - dueMs);
    } catch (error) {
      if (!(error instanceof RaftKvError)) throw error;
      this.errors.set(error.code, (this.errors.get(error.code) ?? 0) + 1);
    } finally {
      this.#inFlight -= 1;
      if (this.#inFlight === 0) this.#wake?.();
    }
  }
}
