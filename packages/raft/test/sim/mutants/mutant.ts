/** Whose sources are broken: the core's, the log's, or those of the package that watches the disk's room. */
export type Target = "core" | "log" | "node";

/** One way to break a rule: a replacement in a source file. */
export interface Mutant {
  readonly target: Target;
  /** Unique and short: rule and what is wrong. */
  readonly name: string;
  readonly rule: string;
  /** Within `src/core` or `src/wal` of this package, or `src` of the node's. */
  readonly file: string;
  /** Must stand in the file exactly once. */
  readonly original: string;
  readonly replacement: string;
  /** What is wrong then; the bug of another system that was like it, where there is one. */
  readonly says: string;
  /** Why nothing can tell it from the original; then it needs not be killed. */
  readonly equivalent: string | null;
  /** Test files that are to notice it, within `dist-test` of the package; empty: the simulator is. */
  readonly tests: readonly string[];
}

type Change = readonly [original: string, replacement: string];

/** Most mutants are not equivalent to anything. */
export function mutant(rule: string, name: string, file: string, change: Change, says: string): Mutant {
  const [original, replacement] = change;
  return {
    target: "core",
    name: `${rule} ${name}`,
    rule,
    file,
    original,
    replacement,
    says,
    equivalent: null,
    tests: [],
  };
}

/** The simulator notices it over the real log; or those tests do where it has no way to. */
export function logMutant(
  rule: string,
  name: string,
  file: string,
  change: Change,
  says: string,
  tests: readonly string[] = [],
): Mutant {
  return { ...mutant(rule, name, file, change, says), target: "log", tests };
}

/** Of the core, and of a kind that the simulator hardly ever comes upon: those tests notice it. */
export function testedMutant(
  rule: string,
  name: string,
  file: string,
  change: Change,
  says: string,
  tests: readonly string[],
): Mutant {
  // A copy of the whole package, with its tests.
  return logMutant(rule, name, `../core/${file}`, change, says, tests);
}

export function nodeMutant(
  rule: string,
  name: string,
  file: string,
  change: Change,
  says: string,
  tests: readonly string[],
): Mutant {
  return { ...mutant(rule, name, file, change, says), target: "node", tests };
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
