// `npm run power-loss`: whole node processes under load lose power together, and what they promised is compared with what is left.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { SingleBar } from "cli-progress";
import { compileShim } from "./compile.js";
import { USAGE, UsageError, parseOptions } from "./options.js";
import type { Options } from "./options.js";
import { PatchError } from "./patches.js";
import { run } from "./run.js";
import type { RoundReport } from "./run.js";

const SKIPPED = 77;

interface Progress {
  add(report: RoundReport): void;
  stop(): void;
}

function lines(
  options: Options,
  { acknowledged, cuts, keptIn, mode, round, seconds, seed, snapshots, wrong }: RoundReport,
): string {
  const fate = wrong.length === 0 ? "nothing lost" : "LOST";
  const counts = `${cuts} cuts, ${snapshots} snapshots, ${acknowledged} writes acknowledged`;
  const line = `round ${round}: seed ${seed}, ${mode}, ${counts}, ${seconds.toFixed(1)} s, ${fate}\n`;
  if (keptIn === null) return line;
  const control = options.control === null ? "" : ` --control ${options.control}`;
  return (
    line +
    wrong
      .slice(0, 10)
      .map((what) => `  ${what}\n`)
      .join("") +
    (wrong.length > 10 ? `  … and ${wrong.length - 10} more\n` : "") +
    `  kept for a closer look: ${keptIn}\n` +
    `  run it again: npm run power-loss -- --rounds 20 --seed ${seed} --mode ${mode}${control}\n`
  );
}

function startProgress(options: Options): Progress {
  if (!process.stderr.isTTY) {
    return { add: (report) => void process.stdout.write(lines(options, report)), stop: () => undefined };
  }
  const bar = new SingleBar({
    format: "power cuts {bar} {value}/{total} rounds, {lost} lost",
    stream: process.stderr,
  });
  let lost = 0;
  bar.start(options.rounds, 0, { lost });
  return {
    add: (report) => {
      if (report.wrong.length > 0) {
        lost += 1;
        process.stderr.write(`\n${lines(options, report)}`);
      }
      bar.increment({ lost });
    },
    stop: () => bar.stop(),
  };
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const under = options.dir ?? tmpdir();
  mkdirSync(under, { recursive: true });
  const dir = mkdtempSync(join(under, "raftkv-power-loss-"));
  // The node processes end with this one.
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => process.exit(128 + constants.signals[signal]));
  const shim = join(dir, "power-loss.so");
  const missing = compileShim(shim);
  if (missing !== null) {
    process.stderr.write(`skipped: ${missing}\n`);
    return SKIPPED;
  }
  const { control, mode, ordered, rounds, seed } = options;
  process.stdout.write(`seed ${seed}\n`);
  const progress = startProgress(options);
  const result = await run({
    rounds,
    seed,
    mode,
    control,
    ordered,
    dir,
    shim,
    onRound: (report) => {
      progress.add(report);
      // A control has shown what it is there for.
      return control === null || report.wrong.length === 0;
    },
  });
  progress.stop();
  if (result.lost === 0) rmSync(dir, { recursive: true, force: true });
  process.stdout.write(`${result.rounds} rounds, ${result.cuts} cuts, ${result.lost} lost\n`);
  return result.lost === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`error: ${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  } else if (error instanceof PatchError) {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = 3;
  } else throw error;
}
