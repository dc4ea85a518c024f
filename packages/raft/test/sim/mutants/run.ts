import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadCore, REAL_CORE } from "../core.js";
import { NO_OVERRIDES } from "../parameters.js";
import { runSeeds } from "../pool.js";
import { simulate } from "../simulation.js";
import type { Outcome } from "../simulation.js";
import { buildMutant } from "./build.js";
import type { Mutant } from "./mutant.js";

/** What became of one mutant. */
export interface Verdict {
  readonly mutant: Mutant;
  /** The seed that killed it, and what it broke; null: it lives. */
  readonly killedBy: { readonly seed: number; readonly what: string } | null;
  /** Seeds that were run. */
  readonly seeds: number;
}

export type Killer = "history" | "liveness" | "invariant";

export function killerOf(what: string): Killer {
  if (what.startsWith("the history")) return "history";
  return what.startsWith("stalled") ? "liveness" : "invariant";
}

/** Gives a mutant up to `seedsMax` seeds to be caught; an equivalent one a tenth of that, which it must survive. */
export async function tryMutant(mutant: Mutant, core: string, seedsMax: number): Promise<Verdict> {
  const to = mutant.equivalent === null ? seedsMax : Math.ceil(seedsMax / 10);
  const real = await loadCore(REAL_CORE);
  let killer: Outcome | null = null;
  let seeds = 0;
  await runSeeds({
    core,
    overrides: NO_OVERRIDES,
    seeds: { from: 1, to },
    jobs: 1,
    onOutcome: (outcome) => {
      seeds += 1;
      if (outcome.failure === null) return true;
      // A seed that fails on the core as it is says nothing about the mutant.
      if (simulate(real, outcome.seed, NO_OVERRIDES).failure !== null) return true;
      killer = outcome;
      return false;
    },
  });
  const failing = killer as Outcome | null;
  const what = failing?.failure?.what ?? "";
  return { mutant, killedBy: failing === null ? null : { seed: failing.seed, what }, seeds };
}

export interface MutantsOptions {
  readonly seedsMax: number;
  readonly jobs: number;
  readonly onVerdict: (verdict: Verdict) => void;
}

/** Builds and tries the mutants, several at a time. Resolves with the verdicts in the order of the mutants. */
export async function runMutants(mutants: readonly Mutant[], options: MutantsOptions): Promise<Verdict[]> {
  const folder = mkdtempSync(join(tmpdir(), "raft-mutants-"));
  const verdicts: Verdict[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (;;) {
      const at = next;
      const mutant = mutants[at];
      if (mutant === undefined) return;
      next += 1;
      const core = await buildMutant(mutant, join(folder, String(at)));
      const verdict = await tryMutant(mutant, core, options.seedsMax);
      verdicts[at] = verdict;
      options.onVerdict(verdict);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(options.jobs, mutants.length) }, work));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return verdicts;
}
