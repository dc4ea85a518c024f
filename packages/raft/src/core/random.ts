/** Source of the randomised election timeouts. The core has no randomness of its own: everything follows from the seed. */
export interface Random {
  /** A whole number in [0, bound). */
  below(bound: number): number;
}

/** Mixes the seed before use, so that neighbouring seeds give unrelated sequences (Steele et al., SplitMix). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  return { below: (bound) => Math.floor((next() / 2 ** 32) * bound) };
}
