import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { MutantError, judge } from "./judge.js";
import type { Verdict } from "./judge.js";
import { MUTANTS } from "./table.js";

const USAGE = `usage: npm run fsm:mutants -- [options]

Breaks the state machine's rules one by one in a copy of its source, and demands that its tests notice.

  --only A,B   the mutants of these rules, or with this text in what they say
  --jobs N     mutants at a time (default: one for each processor)
  --table      print the table for docs/testing.md
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      jobs: { type: "string", default: `${availableParallelism()}` },
      table: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const parts = values.only?.split(",") ?? [];
  const chosen = MUTANTS.filter(
    ({ rule, says }) => parts.length === 0 || parts.some((part) => rule === part || says.includes(part)),
  );
  const jobs = Number(values.jobs);
  if (chosen.length === 0 || !Number.isInteger(jobs) || jobs < 1) {
    process.stderr.write(
      chosen.length === 0
        ? `error: no mutant is named by --only ${values.only}\n`
        : `error: --jobs ${values.jobs}: a whole number from 1 is wanted\n`,
    );
    return 2;
  }
  const verdicts = await judge(chosen, jobs, ({ mutant, test, histories }) =>
    process.stderr.write(
      `${mutant.rule} ${mutant.says}: ${test ?? "no test"}; ${histories ? "" : "no "}histories\n`,
    ),
  );
  if (values.table === true) process.stdout.write(`${table(verdicts)}\n\n`);
  const living = verdicts.filter(({ test, histories }) => test === null && !histories);
  for (const { mutant } of living) process.stdout.write(`${mutant.rule} lives: ${mutant.says}\n`);
  process.stdout.write(`${verdicts.length} mutants, ${verdicts.length - living.length} killed\n`);
  return living.length === 0 ? 0 : 1;
}

function table(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(
    ({ mutant: { rule, says }, test, histories }) =>
      `| ${rule} | ${says} | ${test ?? "–"} | ${histories ? "yes" : "–"} |`,
  );
  return ["| rule | what is wrong | noticed by the test | by histories |", "|---|---|---|---|", ...rows].join(
    "\n",
  );
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof MutantError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 3;
}
