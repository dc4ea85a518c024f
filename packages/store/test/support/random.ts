import { randomInt } from "node:crypto";

/** A small generator (mulberry32) whose whole state is its seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number in [0, below). */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error("there is nothing to pick from");
    return item;
  }
}

/**
 * Runs `body` with `count` seeds; with the one in RAFTKV_TEST_SEED alone when that is set. A failure names the seed and
 * the line that runs it again.
 */
export async function withSeeds(
  count: number,
  body: (random: Random, seed: number) => Promise<void> | void,
): Promise<void> {
  const given = process.env["RAFTKV_TEST_SEED"];
  const seeds =
    given === undefined ? Array.from({ length: count }, () => randomInt(2 ** 31)) : [Number(given)];
  for (const seed of seeds) {
    try {
      await body(new Random(seed), seed);
    } catch (error) {
      const again = `RAFTKV_TEST_SEED=${seed} npx mocha 'packages/store/dist-test/**/*.test.js'`;
      throw new Error(`seed ${seed} failed; again: ${again}`, { cause: error });
    }
  }
}
