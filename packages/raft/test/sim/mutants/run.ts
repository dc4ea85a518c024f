import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadCore, REAL_CORE } from "../core.js";
import { NO_OVERRIDES, ON_REAL_LOG } from "../parameters.js";
import { runSeeds } from "../pool.js";
import { simulate } from "../simulation.js";
import type { Outcome } from "../simulation.js";
import { buildMutant, MutantError, ROOT } from "./build.js";
import type { Built } from "./build.js";
import type { Mutant } from "./mutant.js";
import { firstFailure } from "./tests.js";

/** What became of one mutant. */
export interface Verdict {
  readonly mutant: Mutant;
  /** The seed that killed it, and what it broke, or the test that failed (`seed` is null); null: it lives. */
  readonly killedBy: { readonly seed: number | null; readonly what: string } | null;
  /** Seeds that were run. */
  readonly seeds: number;
}

export type Killer = "history" | "liveness" | "invariant" | "test";

export function killerOf({ seed, what }: NonNullable<Verdict["killedBy"]>): Killer {
  if (seed === null) return "test";
  if (what.startsWith("the history")) return "history";
  return what.startsWith("stalled") ? "liveness" : "invariant";
}

/** Gives a mutant up to `seedsMax` seeds to be caught; an equivalent one a tenth of that, which it must survive. */
async function simulateMutant(mutant: Mutant, { core, wal }: Built, seedsMax: number): Promise<Verdict> {
  const to = mutant.equivalent === null ? seedsMax : Math.ceil(seedsMax / 10);
  const overrides = mutant.target === "core" ? NO_OVERRIDES : ON_REAL_LOG;
  const real = await loadCore(REAL_CORE);
  let killer: Outcome | null = null;
  let seeds = 0;
  await runSeeds({
    core,
    wal,
    overrides,
    seeds: { from: 1, to },
    jobs: 1,
    onOutcome: async (outcome) => {
      seeds += 1;
      if (outcome.failure === null) return true;
      // A seed that fails on what is not broken says nothing about the mutant.
      if ((await simulate(real, outcome.seed, overrides)).failure !== null) return true;
      killer = outcome;
      return false;
    },
  });
  const failing = killer as Outcome | null;
  const what = failing?.failure?.what ?? "";
  return { mutant, killedBy: failing === null ? null : { seed: failing.seed, what }, seeds };
}

/** @throws {MutantError} the tests fail on what is not broken, and so say nothing about the mutant. */
async function testMutant(mutant: Mutant, folder: string): Promise<Verdict> {
  const original = join(ROOT, mutant.target === "node" ? "packages/node" : "packages/raft");
  const what = await firstFailure(folder, mutant.tests);
  if (what === null) return { mutant, killedBy: null, seeds: 0 };
  const before = await firstFailure(original, mutant.tests, join(folder, "original.json"));
  if (before !== null) throw new MutantError(`${mutant.name}: without it there fails as well: ${before}`);
  return { mutant, killedBy: { seed: null, what }, seeds: 0 };
}

function tryMutant(mutant: Mutant, built: Built, seedsMax: number): Promise<Verdict> {
  const { packageFolder } = built;
  if (packageFolder !== null && mutant.tests.length > 0) return testMutant(mutant, packageFolder);
  return simulateMutant(mutant, built, seedsMax);
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
      const built = await buildMutant(mutant, join(folder, String(at)));
      const verdict = await tryMutant(mutant, built, options.seedsMax);
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
