/** One way to break a rule: a replacement in a source file of the core. */
export interface Mutant {
  /** Unique and short: rule and what is wrong. */
  readonly name: string;
  readonly rule: string;
  /** Within `src/core`. */
  readonly file: string;
  /** Must stand in the file exactly once. */
  readonly original: string;
  readonly replacement: string;
  /** What is wrong then; the bug of another system that was like it, where there is one. */
  readonly says: string;
  /** Why nothing can tell it from the original; then it needs not be killed. */
  readonly equivalent: string | null;
}

type Change = readonly [original: string, replacement: string];

/** Most mutants are not equivalent to anything. */
export function mutant(rule: string, name: string, file: string, change: Change, says: string): Mutant {
  const [original, replacement] = change;
  return { name: `${rule} ${name}`, rule, file, original, replacement, says, equivalent: null };
}

export function equivalentMutant(
  rule: string,
  name: string,
  file: string,
  change: Change,
  says: { readonly what: string; readonly why: string },
): Mutant {
  return { ...mutant(rule, name, file, change, says.what), equivalent: says.why };
}
