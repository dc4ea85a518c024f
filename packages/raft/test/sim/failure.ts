/** What the simulator found wrong. `what` names the rule; it is the same for the same bug, so that shrinking can tell. */
export class SimulationFailure extends Error {
  override readonly name = "SimulationFailure";
  readonly what: string;

  constructor(what: string, details: string) {
    super(details === "" ? what : `${what}: ${details}`);
    this.what = what;
  }
}

export function check(condition: boolean, what: string, details: () => string): asserts condition {
  if (!condition) throw new SimulationFailure(what, details());
}
