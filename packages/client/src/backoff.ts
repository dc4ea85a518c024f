/**
 * Milliseconds to wait before try number `tries` + 1: doubling from `first` to `last`, of which the upper half is
 * random, so that clients that lost the same node do not come back in step.
 */
export function backoffMs(tries: number, range: { readonly first: number; readonly last: number }): number {
  const full = Math.min(range.last, range.first * 2 ** Math.min(tries, 20));
  return Math.ceil(full / 2 + (Math.random() * full) / 2);
}
