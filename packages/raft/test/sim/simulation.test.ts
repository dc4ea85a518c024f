import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { parseOptions, replayLine, UsageError } from "./arguments.js";
import { loadCore, REAL_CORE } from "./core.js";
import type { CoreModule } from "./core.js";
import { REAL_WAL } from "./wal-module.js";
import { NO_OVERRIDES } from "./parameters.js";
import { runSeeds } from "./pool.js";
import { Random } from "./random.js";
import { Scheduler } from "./scheduler.js";
import { shrink } from "./shrink.js";
import { simulate } from "./simulation.js";
import { Summary } from "./summary.js";
import { TRACES } from "./traces.js";
import { buildMutant, MutantError } from "./mutants/build.js";
import { mutant } from "./mutants/mutant.js";
import type { Mutant } from "./mutants/mutant.js";
import { runMutants } from "./mutants/run.js";
import { MUTANTS } from "./mutants/table.js";

/** Mutants that fall to the first seeds: one look at each kind of check. */
const SHORT_LIST = [
  "R1 ack before fsync",
  "R2 granted pre-vote names the own term",
  "R5 term alone",
  "R9 old entries counted",
  "R12 lost probe never repeated",
  "R18 read joins a round that left",
  "R19 lease from the answer's time",
  "R21 two changes at a time",
];

describe("the simulator", () => {
  let core: CoreModule;
  before(async () => {
    core = await loadCore(REAL_CORE);
  });

  it("keeps the traces that are written down: no change of behaviour goes unseen", async () => {
    expect(TRACES).to.have.length(20);
    for (const [seed, trace] of TRACES) {
      const outcome = await simulate(core, seed, NO_OVERRIDES);
      expect(outcome.failure, replayLine(seed, NO_OVERRIDES)).to.equal(null);
      expect(outcome.trace, `the trace of seed ${seed}; traces.ts says what to do`).to.equal(trace);
    }
  }).timeout(60_000);

  it("gives one seed one trace, and two seeds two", async () => {
    const [first, again, other] = await Promise.all(
      [1, 1, 2].map((seed) => simulate(core, seed, NO_OVERRIDES)),
    );
    expect(again).to.deep.equal(first);
    expect(other?.trace).to.not.equal(first?.trace);
  });

  it("passes 40 seeds in threads, with at least 2,000 steps each", async () => {
    const summary = new Summary();
    const onOutcome = (outcome: Parameters<Summary["add"]>[0]): boolean => {
      summary.add(outcome);
      return true;
    };
    await runSeeds({
      core: REAL_CORE,
      wal: REAL_WAL,
      overrides: NO_OVERRIDES,
      seeds: { from: 101, to: 140 },
      jobs: 2,
      onOutcome,
    });
    expect(summary.failures.map(({ seed, failure }) => `${seed}: ${failure?.message}`)).to.deep.equal([]);
    expect(summary.seeds).to.equal(40);
    expect(summary.stepsMin).to.be.at.least(2_000);
  }).timeout(120_000);

  it("complains about marks and faults that never came, once a run is long enough to have them", async () => {
    const summary = new Summary();
    const outcome = await simulate(core, 1, { ...NO_OVERRIDES, servers: 1, steps: 10 });
    for (let seed = 1; seed <= 1_999; seed += 1) summary.add({ ...outcome, seed });
    expect(summary.hasPassed).to.equal(true);
    summary.add({ ...outcome, seed: 2_000 });
    expect(summary.hasPassed).to.equal(false);
    expect(summary.complaints().join("\n"))
      .to.contain("mark not reached: witnessLeads")
      .and.contain("fault too rare");
  });
});

describe("a mutant of the core", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "raft-mutant-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("is killed for each of a short list of rules", async () => {
    const mutants = SHORT_LIST.map((name) => MUTANTS.find((candidate) => candidate.name === name) as Mutant);
    const verdicts = await runMutants(mutants, { seedsMax: 100, jobs: 2, onVerdict: () => undefined });
    for (const {
      mutant: { name },
      killedBy,
    } of verdicts)
      expect(killedBy, name).to.not.equal(null);
  }).timeout(120_000);

  it("is there for every rule of the core", () => {
    const rules = new Set(MUTANTS.map(({ rule }) => rule));
    // R25 is about directories, which the core has none of.
    for (let rule = 1; rule <= 24; rule += 1) expect([...rules]).to.include(`R${rule}`);
    expect(new Set(MUTANTS.map(({ name }) => name)).size).to.equal(MUTANTS.length);
  });

  it("fails with a smaller version of itself that runs again", async () => {
    const broken = MUTANTS.find(({ name }) => name === "R9 old entries counted") as Mutant;
    const core = await loadCore((await buildMutant(broken, join(folder, "shrunk"))).core);
    let failing = await simulate(core, 1, NO_OVERRIDES);
    while (failing.failure === null && failing.seed < 50)
      failing = await simulate(core, failing.seed + 1, NO_OVERRIDES);
    expect(failing.failure?.what).to.contain("(R9)");
    const smaller = await shrink(core, failing, NO_OVERRIDES);
    expect(smaller.outcome.failure?.what).to.equal(failing.failure?.what);
    expect(smaller.outcome.steps).to.be.at.most(failing.steps);
    const { seeds, overrides } = parseOptions(
      replayLine(failing.seed, smaller.overrides).split(" ").slice(4),
    );
    expect(await simulate(core, seeds.from, overrides)).to.deep.equal(smaller.outcome);
  }).timeout(60_000);

  it("is an error when it does not apply, or does not compile", async () => {
    const astray = mutant("R1", "astray", "commit.ts", ["no such line", ""], "");
    await expectMutantError(astray, "stands 0 times");
    const wrong = mutant(
      "R9",
      "wrong",
      "commit.ts",
      ["return advanceCommit(state, index);", "return 7;"],
      "",
    );
    await expectMutantError(wrong, "does not compile");
  }).timeout(20_000);

  async function expectMutantError(broken: Mutant, what: string): Promise<void> {
    try {
      await buildMutant(broken, join(folder, broken.name));
    } catch (error) {
      expect(error).to.be.instanceOf(MutantError);
      expect((error as Error).message).to.contain(what);
      return;
    }
    expect.fail(`${broken.name} was built`);
  }
});

describe("the simulator's parts", () => {
  it("run what is due in the order of time, and of asking", () => {
    const scheduler = new Scheduler();
    const ran: string[] = [];
    for (const [delay, name] of [
      [5, "c"],
      [1, "a"],
      [5, "d"],
      [3, "b"],
    ] as const) {
      scheduler.after(delay, () => ran.push(name));
    }
    while (scheduler.runNext());
    expect(ran).to.deep.equal(["a", "b", "c", "d"]);
    expect(scheduler.now).to.equal(5);
  });

  it("draw the same numbers from the same seed and stream, others from others", () => {
    const draw = (seed: number, stream: string): number[] => {
      const random = new Random(seed, stream);
      return Array.from({ length: 8 }, () => random.next());
    };
    expect(draw(1, "network")).to.deep.equal(draw(1, "network"));
    expect(draw(1, "network")).to.not.deep.equal(draw(2, "network"));
    expect(draw(1, "network")).to.not.deep.equal(draw(1, "disk"));
  });

  it("say which option is wrong, and what is allowed", () => {
    expect(() => parseOptions(["--seeds", "many"])).to.throw(
      UsageError,
      '--seeds is "many"; it wants a whole number',
    );
    expect(() => parseOptions(["--servers", "8"])).to.throw(UsageError, "from 1 to 7");
    expect(() => parseOptions(["--without", "rain"])).to.throw(UsageError, "there are loss, duplicate");
    expect(() => parseOptions(["--sed", "1"])).to.throw(UsageError, "--sed");
  });
});
