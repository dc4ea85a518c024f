import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { SingleBar } from "cli-progress";
import { UsageError, wholeNumber } from "../arguments.js";
import { MutantError } from "./build.js";
import type { Mutant } from "./mutant.js";
import { killerOf, runMutants } from "./run.js";
import type { Verdict } from "./run.js";
import { LOG_MUTANTS } from "./log.js";
import { CORE_MUTANTS, MUTANTS } from "./table.js";

const USAGE = `usage: npm run sim:mutants -- [options]

Breaks the rules of the core and of the log one by one in a copy of the source, and demands that the simulator
notices, or the tests that the mutant names.

  --list core|log  those of the core (R1 to R24), or of the log (W1 to W12); both without it
  --only A,B       the mutants that are named so: a rule ("R15") or a part of a name
  --seeds N        seeds that each may take to be caught (default 4000)
  --jobs N         mutants at a time (default: one for each processor)
  --table          print the table for docs/testing.md
  --json           print the result as JSON
`;

/** `npm run sim:mutants`. Resolves with the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const { values } = parse(args);
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const mutants = chosen(listed(values.list), values.only);
  const seedsMax = wholeNumber("seeds", values.seeds, 1, 1_000_000) ?? 4_000;
  const jobs = wholeNumber("jobs", values.jobs, 1, 64) ?? availableParallelism();
  const isQuiet = values.json === true || values.table === true;
  const progress = startProgress(mutants.length, isQuiet);
  const verdicts = await runMutants(mutants, {
    seedsMax,
    jobs,
    onVerdict: (verdict) => progress.add(verdict),
  });
  progress.stop();
  const killed = verdicts.filter(({ killedBy }) => killedBy !== null).length;
  const equivalent = verdicts.filter(
    ({ mutant, killedBy }) => killedBy === null && mutant.equivalent !== null,
  );
  if (values.json === true) process.stdout.write(`${JSON.stringify(verdicts, null, 2)}\n`);
  else {
    if (values.table === true) process.stdout.write(`${table(verdicts)}\n\n`);
    for (const { mutant, killedBy, seeds } of verdicts) {
      if (killedBy === null && mutant.equivalent === null) {
        process.stdout.write(`${mutant.name} lives after ${seeds} seeds: ${mutant.says}\n`);
      } else if (killedBy !== null && mutant.equivalent !== null) {
        process.stdout.write(
          `${mutant.name} is said to be equivalent, but seed ${killedBy.seed ?? "–"} tells: ${killedBy.what}\n`,
        );
      }
    }
    process.stdout.write(`${verdicts.length} mutants, ${killed} killed, ${equivalent.length} equivalent\n`);
  }
  const asSaid = verdicts.every(
    ({ mutant, killedBy }) => (killedBy === null) === (mutant.equivalent !== null),
  );
  return asSaid ? 0 : 1;
}

function parse(args: readonly string[]): ReturnType<typeof parseThem> {
  try {
    return parseThem(args);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function parseThem(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      list: { type: "string" },
      only: { type: "string" },
      seeds: { type: "string" },
      jobs: { type: "string" },
      table: { type: "boolean" },
      json: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
}

function listed(list: string | undefined): readonly Mutant[] {
  if (list === undefined) return MUTANTS;
  if (list === "core") return CORE_MUTANTS;
  if (list === "log") return LOG_MUTANTS;
  throw new UsageError(`--list is "${list}"; it wants core or log`);
}

function chosen(mutants: readonly Mutant[], only: string | undefined): readonly Mutant[] {
  if (only === undefined) return mutants;
  const found = only.split(",").flatMap((text) => {
    // "R1" means that rule, not R10 as well.
    const named = mutants.filter(({ name, rule }) =>
      /^[A-Z]\d+$/.test(text) ? rule === text : name.includes(text),
    );
    if (named.length === 0)
      throw new UsageError(`--only names "${text}", and no mutant has that in its name`);
    return named;
  });
  return mutants.filter((mutant) => found.includes(mutant));
}

/** The table of docs/testing.md. */
function table(verdicts: readonly Verdict[]): string {
  const lines = ["| rule | mutant | what is broken | caught by | after seeds |", "|---|---|---|---|---|"];
  for (const { mutant, killedBy, seeds } of verdicts) {
    const by =
      killedBy === null
        ? `equivalent: ${mutant.equivalent ?? "no, it lives"}`
        : `${killerOf(killedBy)}: ${killedBy.what}`;
    const after = killedBy === null || killedBy.seed === null ? "–" : seeds;
    lines.push(`| ${mutant.rule} | ${nameOf(mutant)} | ${mutant.says} | ${by} | ${after} |`);
  }
  return lines.join("\n");
}

/** Without the rule. */
function nameOf({ name, rule }: Mutant): string {
  return name.slice(rule.length + 1);
}

interface Progress {
  add(verdict: Verdict): void;
  stop(): void;
}

function startProgress(total: number, isQuiet: boolean): Progress {
  if (process.stderr.isTTY) {
    const bar = new SingleBar({ format: "mutants {bar} {value}/{total} {name}", stream: process.stderr });
    bar.start(total, 0, { name: "" });
    return { add: ({ mutant }) => bar.increment({ name: mutant.name }), stop: () => bar.stop() };
  }
  if (isQuiet) return { add: () => undefined, stop: () => undefined };
  return {
    add: ({ mutant, killedBy, seeds }) => {
      const by = killedBy?.seed === null ? "a test" : `seed ${killedBy?.seed}`;
      const fate = killedBy === null ? "lives" : `killed by ${by}: ${killedBy.what}`;
      process.stdout.write(`${mutant.name} (${seeds} seeds): ${fate}\n`);
    },
    stop: () => undefined,
  };
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`error: ${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  } else if (error instanceof MutantError) {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = 3;
  } else throw error;
}
