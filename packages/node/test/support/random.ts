/** Numbers that RAFTKV_SEED repeats; a failure shows `replay`. */
export function seededRandom(): { readonly below: (limit: number) => number; readonly replay: string } {
  const seed = Number(process.env["RAFTKV_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  let state = (seed >>> 0) + 1;
  return {
    replay: `RAFTKV_SEED=${seed}`,
    below: (limit) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    },
  };
}
