/** A small seeded generator, so that a failing run can be run again. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed % 2 ** 32;
  }

  /** A whole number in [0, below). */
  below(below: number): number {
    // mulberry32
    this.#state = (this.#state + 0x6d2b79f5) % 2 ** 32;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

/** The seed of a random test: `RAFTKV_SEED`, or a new one. */
export function seedOf(): number {
  const given = process.env["RAFTKV_SEED"];
  return given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given);
}

/** Runs a random test; when it fails, the error says how to run it again. */
export function withSeed(run: (random: Random) => void): void {
  const seed = seedOf();
  try {
    run(new Random(seed));
  } catch (error) {
    const replay = `RAFTKV_SEED=${seed} npx mocha 'packages/protocol/dist-test/**/*.test.js'`;
    throw new Error(`seed ${seed}: ${(error as Error).message}\nrun again with: ${replay}`, { cause: error });
  }
}
