import type { LatencyPairs } from "./protocol.js";

const SUB_BITS = 7;
const POWERS = 32;
const HALF = 2 ** SUB_BITS;

/**
 * Latencies in microseconds, in buckets of less than one percent: exact up to 255, then 128 to each power of two. The
 * loaders in Go keep the same, and pairs add up over processes, which a library's histogram would not let us see.
 */
export class Latencies {
  readonly #counts = new Float64Array(POWERS * HALF);
  #total = 0;

  record(micros: number): void {
    this.#add(micros, 1);
  }

  add(pairs: LatencyPairs): void {
    for (const [micros, count] of pairs) this.#add(micros, count);
  }

  reset(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  /** In microseconds; 0 when nothing was recorded. */
  percentile(percent: number): number {
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#total));
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (count > 0 && seen >= rank) return middleOf(bucket);
    }
    return 0;
  }

  pairs(): LatencyPairs {
    const pairs: [number, number][] = [];
    for (const [bucket, count] of this.#counts.entries()) {
      if (count > 0) pairs.push([middleOf(bucket), count]);
    }
    return pairs;
  }

  #add(micros: number, count: number): void {
    const whole = Math.max(0, Math.round(micros));
    const shift = Math.max(0, Math.floor(Math.log2(Math.max(whole, 1))) - SUB_BITS);
    const bucket = Math.min(shift * HALF + Math.floor(whole / 2 ** shift), this.#counts.length - 1);
    this.#counts[bucket] = (this.#counts[bucket] as number) + count;
    this.#total += count;
  }
}

function middleOf(bucket: number): number {
  const shift = Math.floor(bucket / HALF) - 1;
  if (shift <= 0) return bucket;
  return (bucket - shift * HALF) * 2 ** shift + 2 ** shift / 2;
}
