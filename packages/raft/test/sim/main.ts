import { SingleBar } from "cli-progress";
import { parseOptions, replayLine, UsageError, USAGE } from "./arguments.js";
import type { Options } from "./arguments.js";
import { loadCore, REAL_CORE } from "./core.js";
import { REAL_WAL } from "./wal-module.js";
import { runSeeds } from "./pool.js";
import { shrink } from "./shrink.js";
import { simulate } from "./simulation.js";
import type { Outcome } from "./simulation.js";
import { Summary } from "./summary.js";

/** Failing seeds that are shrunk and shown; the others are named. */
const SHOWN = 3;

/** `npm run sim`. Resolves with the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (options.traces) return printTraces(options);
  return options.isSingle ? runOne(options) : runMany(options);
}

async function runOne(options: Options): Promise<number> {
  const { from: seed } = options.seeds;
  const outcome = await simulate(await loadCore(REAL_CORE), seed, options.overrides);
  const summary = new Summary();
  summary.add(outcome);
  if (options.json)
    process.stdout.write(`${JSON.stringify({ ...summary.toJSON(), trace: outcome.trace }, null, 2)}\n`);
  else {
    const { steps, virtualMicros, counts } = outcome;
    const seconds = (virtualMicros / 1e6).toFixed(1);
    process.stdout.write(
      `seed ${seed}: ${steps} steps, ${seconds} s of virtual time, ${counts.elections ?? 0} elections, ${counts.crashes ?? 0} crashes, ${counts.operations ?? 0} operations\n`,
    );
    if (outcome.failure !== null) await explain(outcome, options);
    process.stdout.write(`trace ${outcome.trace}\n`);
  }
  return outcome.failure === null ? 0 : 1;
}

async function printTraces({ overrides, seeds }: Options): Promise<number> {
  const core = await loadCore(REAL_CORE);
  for (let seed = seeds.from; seed <= seeds.to; seed += 1) {
    process.stdout.write(`  [${seed}, "${(await simulate(core, seed, overrides)).trace}"],\n`);
  }
  return 0;
}

async function runMany(options: Options): Promise<number> {
  const { from, to } = options.seeds;
  const summary = new Summary();
  const total = to - from + 1;
  const progress = startProgress(total, options);
  const begin = performance.now();
  await runSeeds({
    core: REAL_CORE,
    wal: REAL_WAL,
    overrides: options.overrides,
    seeds: options.seeds,
    jobs: options.jobs,
    onOutcome: (outcome) => {
      summary.add(outcome);
      progress.at(summary.seeds, summary.failures.length);
      return true;
    },
  });
  progress.stop();
  const seconds = (performance.now() - begin) / 1000;
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ ...summary.toJSON(), seconds }, null, 2)}\n`);
    return summary.hasPassed ? 0 : 1;
  }
  const failed = summary.failures.sort((a, b) => a.seed - b.seed);
  if (!options.quiet) process.stdout.write(`${summary.lines(seconds).join("\n")}\n`);
  for (const outcome of failed.slice(0, SHOWN)) await explain(outcome, options);
  for (const { seed, failure } of failed.slice(SHOWN))
    process.stdout.write(`seed ${seed} fails: ${failure?.what}\n`);
  if (summary.isCoverageDue) for (const line of summary.complaints()) process.stdout.write(`${line}\n`);
  process.stdout.write(`${total} seeds, ${total - failed.length} passed, ${failed.length} failed\n`);
  return summary.hasPassed ? 0 : 1;
}

/** What failed, the same smaller, and the lines that run both again. */
async function explain(outcome: Outcome, options: Options): Promise<void> {
  const { seed, failure } = outcome;
  if (failure === null) return;
  const lines = [`seed ${seed} fails at step ${outcome.steps}: ${failure.message}`];
  if (failure.stack !== "") lines.push(failure.stack);
  lines.push(`  again:  ${replayLine(seed, options.overrides)}`);
  if (outcome.trace !== "") {
    const {
      overrides,
      outcome: smaller,
      parameters,
      runs,
    } = await shrink(await loadCore(REAL_CORE), outcome, options.overrides);
    const { servers, clients } = parameters;
    lines.push(
      `  shrunk: ${replayLine(seed, overrides)}`,
      `          fails at step ${smaller.steps} with ${servers} servers and ${clients} clients (${runs} runs): ${smaller.failure?.message}`,
    );
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}

interface Progress {
  at(done: number, failed: number): void;
  stop(): void;
}

/** A bar on a terminal, a line for each tenth elsewhere. Never in what is piped as JSON. */
function startProgress(total: number, options: Options): Progress {
  if (options.quiet || options.json) return { at: () => undefined, stop: () => undefined };
  if (process.stderr.isTTY) {
    const bar = new SingleBar({
      format: "sim {bar} {value}/{total} seeds, {failed} failed, {eta_formatted} left",
      stream: process.stderr,
    });
    bar.start(total, 0, { failed: 0 });
    return { at: (done, failed) => bar.update(done, { failed }), stop: () => bar.stop() };
  }
  let shown = 0;
  return {
    at: (done, failed) => {
      const tenth = Math.floor((done / total) * 10);
      if (tenth === shown) return;
      shown = tenth;
      process.stderr.write(`${done} of ${total} seeds, ${failed} failed\n`);
    },
    stop: () => undefined,
  };
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`error: ${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
