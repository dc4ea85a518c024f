/** A seeded source of randomness for tests: the same seed gives the same numbers. */
export class Random {
  #state: bigint;

  constructor(seed: number) {
    this.#state = BigInt(seed) * 2n + 1n;
  }

  /** An integer in [0, limit). */
  below(limit: number): number {
    this.#state =
      (this.#state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) & 0xffff_ffff_ffff_ffffn;
    return Number((this.#state >> 33n) % BigInt(limit));
  }

  chance(probability: number): boolean {
    return this.below(1_000_000) < probability * 1_000_000;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

/** The seed to begin with: `RAFTKV_SEED`, or one that differs from run to run. */
export function firstSeed(): number {
  const given = process.env["RAFTKV_SEED"];
  return given === undefined ? Math.floor(Math.random() * 1_000_000_000) : Number(given);
}

/** What to paste to see one failure again. */
export function replayLine(seed: number, grep: string): string {
  return `RAFTKV_SEED=${seed} npx mocha 'packages/checker/dist-test/**/*.test.js' -g '${grep}'`;
}
