import type { CoreModule } from "./core.js";
import { DISK_FAULT_NAMES } from "./disk-faults.js";
import { CONSEQUENCES, FAULT_NAMES } from "./faults.js";
import { drawParameters } from "./parameters.js";
import type { Overrides, Parameters } from "./parameters.js";
import { simulate } from "./simulation.js";
import type { Outcome } from "./simulation.js";

/** Runs that shrinking may take. */
const RUNS_MAX = 150;

export interface Shrunk {
  readonly overrides: Overrides;
  readonly outcome: Outcome;
  readonly parameters: Parameters;
  readonly runs: number;
}

/** Takes away from a failing run what it does not need: kinds of fault, servers, clients, actions, steps. */
export async function shrink(module: CoreModule, failing: Outcome, overrides: Overrides): Promise<Shrunk> {
  const what = failing.failure?.what;
  let best = overrides;
  let outcome = failing;
  let runs = 0;
  const attempt = async (candidate: Overrides): Promise<boolean> => {
    if (runs >= RUNS_MAX) return false;
    runs += 1;
    const result = await simulate(module, failing.seed, candidate);
    // Taking a fault away can make a run longer before it fails: that is no smaller one.
    if (result.failure?.what !== what || result.steps > outcome.steps) return false;
    best = candidate;
    outcome = result;
    return true;
  };
  const parameters = (): Parameters => drawParameters(failing.seed, best);
  for (let steps = Math.ceil(parameters().steps / 2); steps > 50; steps = Math.ceil(steps / 2)) {
    if (!(await attempt({ ...best, steps }))) break;
  }
  for (const fault of FAULT_NAMES) {
    if (CONSEQUENCES.includes(fault) || parameters().faults[fault] === 0) continue;
    await attempt({ ...best, without: [...best.without, fault] });
  }
  for (const fault of DISK_FAULT_NAMES) {
    if ((parameters().disk?.faults[fault] ?? 0) > 0)
      await attempt({ ...best, without: [...best.without, fault] });
  }
  for (const servers of [1, 2, 3, 4, 5])
    if (servers >= parameters().servers || (await attempt({ ...best, servers }))) break;
  for (const clients of [1, 2, 4])
    if (clients >= parameters().clients || (await attempt({ ...best, clients }))) break;
  await fewest(200, (actions) => attempt({ ...best, actions }));
  await fewest(200, (commands) => attempt({ ...best, commands }));
  await fewest(parameters().steps, (steps) => attempt({ ...best, steps }));
  return { overrides: best, outcome, parameters: parameters(), runs };
}

/** Halving: what fails with few may not fail with more, so this finds a small number, not always the smallest. */
async function fewest(most: number, fails: (count: number) => Promise<boolean>): Promise<void> {
  let low = 0;
  let high = most;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (await fails(middle)) high = middle;
    else low = middle + 1;
  }
}
