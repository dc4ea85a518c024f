import { expect } from "chai";
import { parseOptions, replayLine } from "./arguments.js";
import { loadCore, REAL_CORE } from "./core.js";
import type { CoreModule } from "./core.js";
import { ON_REAL_LOG } from "./parameters.js";
import { runSeeds } from "./pool.js";
import { simulate } from "./simulation.js";
import { Summary } from "./summary.js";
import { LOG_MUTANTS } from "./mutants/log.js";
import type { Mutant } from "./mutants/mutant.js";
import { runMutants } from "./mutants/run.js";
import { REAL_WAL } from "./wal-module.js";

/** Shorter than the command's runs: what is wanted is many openings, not many steps. */
const SHORT = { ...ON_REAL_LOG, steps: 2_000 };

/** Mutants that fall to the first seeds. */
const SHORT_LIST = ["C8 ack before fsync", "W4 no directory sync", "W10 term and vote lost at compaction"];

describe("the simulator over the real log", () => {
  let core: CoreModule;
  before(async () => {
    core = await loadCore(REAL_CORE);
  });

  it("passes 40 seeds in threads, with torn, lost and failing writes (W1 to W11)", async () => {
    const summary = new Summary();
    const onOutcome = (outcome: Parameters<Summary["add"]>[0]): boolean => {
      summary.add(outcome);
      return true;
    };
    const seeds = { from: 1, to: 40 };
    await runSeeds({ core: REAL_CORE, wal: REAL_WAL, overrides: SHORT, seeds, jobs: 2, onOutcome });
    const failures = summary.failures.map(
      ({ seed, failure }) => `${failure?.message}; again: ${replayLine(seed, SHORT)}`,
    );
    expect(failures).to.deep.equal([]);
    for (const kind of ["openings", "rotations", "segmentsDeleted", "tornTails", "refusals"] as const)
      expect(summary.counts.get(kind), kind).to.be.above(0);
  }).timeout(300_000);

  it("gives one seed one trace, although the log is made of promises", async () => {
    const runs = [];
    for (const seed of [3, 3, 4]) runs.push(await simulate(core, seed, SHORT));
    const [first, again, other] = runs;
    expect(first?.failure).to.equal(null);
    expect(again).to.deep.equal(first);
    expect(other?.trace).to.not.equal(first?.trace);
  }).timeout(120_000);

  it("complains about faults of the disk that never came, once a run is long enough to have them", async () => {
    const summary = new Summary();
    const outcome = await simulate(core, 1, { ...ON_REAL_LOG, servers: 1, steps: 10 });
    for (let seed = 1; seed <= 999; seed += 1) summary.add({ ...outcome, seed });
    expect(summary.hasPassed).to.equal(true);
    summary.add({ ...outcome, seed: 1_000 });
    expect(summary.hasPassed).to.equal(false);
    expect(summary.complaints().join("\n")).to.contain("fault too rare: staleSegment");
  });

  it("prints a line that runs it again", () => {
    const overrides = { ...ON_REAL_LOG, servers: 2, without: ["bitFlip", "loss"] as const };
    const options = parseOptions(replayLine(7, overrides).split(" ").slice(4));
    expect(options).to.deep.include({ seeds: { from: 7, to: 7 }, overrides });
  });
});

describe("a mutant of the log", () => {
  it("is killed for each of a short list of rules", async () => {
    const mutants = SHORT_LIST.map(
      (name) => LOG_MUTANTS.find((candidate) => candidate.name === name) as Mutant,
    );
    const verdicts = await runMutants(mutants, { seedsMax: 60, jobs: 2, onVerdict: () => undefined });
    for (const {
      mutant: { name },
      killedBy,
    } of verdicts)
      expect(killedBy, name).to.not.equal(null);
  }).timeout(300_000);

  it("is there for every rule of the log", () => {
    const rules = new Set(LOG_MUTANTS.map(({ rule }) => rule));
    for (let rule = 1; rule <= 12; rule += 1) expect([...rules]).to.include(`W${rule}`);
  });
});
