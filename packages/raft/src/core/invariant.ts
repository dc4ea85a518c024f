/** Our own bug. Caught only at the top of the process, which exits (C6). */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

/** @throws {InvariantViolation} `condition` is false; `what` says what must have held. */
export function invariant(condition: boolean, what: string): asserts condition {
  if (!condition) throw new InvariantViolation(what);
}

/** For the end of a `switch` that the compiler proves complete. */
export function unreachable(value: never): never {
  throw new InvariantViolation(`no case for ${JSON.stringify(value)}`);
}
