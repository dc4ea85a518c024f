/**
 * The configurations that a search has been in, so that it enters none twice: which finished operations are placed, the
 * state they led to, and how many open operations of each class were used up on the way.
 *
 * A configuration that used up no more open operations than another, all else equal, can do all that the other can: so
 * one that was left without success rules out every one that used the same or more.
 */
export class Configurations {
  readonly #used = new Map<string, Uint32Array[]>();
  readonly #words: Uint32Array;
  #size = 0;

  constructor(operations: number) {
    this.#words = new Uint32Array((operations >>> 5) + 1);
  }

  get size(): number {
    return this.#size;
  }

  place(operation: number): void {
    this.#words[operation >>> 5] = (this.#words[operation >>> 5] as number) | (1 << (operation & 31));
  }

  displace(operation: number): void {
    this.#words[operation >>> 5] = (this.#words[operation >>> 5] as number) & ~(1 << (operation & 31));
  }

  /**
   * Enters the present configuration. Everything before operation `first` is placed and nothing after operation `last` (-1: nothing is).
   * `used` is kept and must not change afterwards.
   * @returns whether it was new.
   */
  enter(first: number, last: number, state: number, used: Uint32Array): boolean {
    const key = this.#key(first, last, state);
    const known = this.#used.get(key);
    if (known === undefined) {
      this.#used.set(key, [used]);
      this.#size += 1;
      return true;
    }
    for (const other of known) if (isAtMost(other, used)) return false;
    const kept = known.filter((other) => !isAtMost(used, other));
    kept.push(used);
    this.#size += kept.length - known.length;
    this.#used.set(key, kept);
    return true;
  }

  /** Exact, not a hash: a collision would be a wrong verdict. Two characters a word. */
  #key(first: number, last: number, state: number): string {
    let key = String.fromCharCode(first >>> 16, first & 0xffff, state >>> 16, state & 0xffff);
    for (let word = first >>> 5; word * 32 <= last; word += 1) {
      const bits = this.#words[word] as number;
      key += String.fromCharCode(bits >>> 16, bits & 0xffff);
    }
    return key;
  }
}

function isAtMost(a: Uint32Array, b: Uint32Array): boolean {
  if (a === b) return true;
  for (let index = 0; index < a.length; index += 1)
    if ((a[index] as number) > (b[index] as number)) return false;
  return true;
}
