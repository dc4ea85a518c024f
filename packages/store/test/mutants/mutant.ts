/** One way to break a rule: a snippet of the store's source, and what to put in its place. */
export interface Mutant {
  readonly rule: string;
  /** What is wrong then. */
  readonly says: string;
  /** Within `src`. */
  readonly file: string;
  /** Must stand in the file exactly once. */
  readonly original: string;
  readonly replacement: string;
}

type Change = readonly [original: string, replacement: string];

export function mutant(rule: string, says: string, file: string, [original, replacement]: Change): Mutant {
  return { rule, says, file, original, replacement };
}
