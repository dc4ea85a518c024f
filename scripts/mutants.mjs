// `npm run store:mutants`, `npm run fsm:mutants`: each rule broken on purpose, and a test must notice.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { MutantError, judge, misfits, mutantsOf } from "./mutant-judge.mjs";

const usage = (name) => `usage: npm run ${name}:mutants -- [options]

Breaks the rules of packages/${name} one by one in a copy of its source, and demands that its tests notice.

  --only A,B   the mutants of these rules, or with this text in what they say
  --jobs N     mutants at a time (default: one for each processor)
  --table      print the table for docs/testing.md
`;

/** Resolves with the exit code: 0 all are killed, 1 one lives, 2 a wrong option, 3 the table is out of step with the source. */
export async function mutants(name, args) {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string" },
      jobs: { type: "string", default: `${availableParallelism()}` },
      table: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    process.stdout.write(usage(name));
    return 0;
  }
  const parts = values.only?.split(",") ?? [];
  const chosen = (await mutantsOf(name)).filter(
    ({ rule, says }) => parts.length === 0 || parts.some((part) => rule === part || says.includes(part)),
  );
  if (chosen.length === 0) return wrong(`no mutant is named by --only ${values.only}`);
  const jobs = Number(values.jobs);
  if (!Number.isInteger(jobs) || jobs < 1)
    return wrong(`--jobs ${values.jobs}: a whole number from 1 is wanted`);
  const wrongOnes = misfits(name, chosen);
  if (wrongOnes.length > 0) {
    for (const misfit of wrongOnes) process.stderr.write(`error: ${misfit}\n`);
    return 3;
  }
  try {
    return report(await judge(name, chosen, jobs, tell), values.table === true);
  } catch (error) {
    if (!(error instanceof MutantError)) throw error;
    process.stderr.write(`error: ${error.message}\n`);
    return 3;
  }
}

function wrong(message) {
  process.stderr.write(`error: ${message}\n`);
  return 2;
}

function tell({ mutant: { rule, says }, test, histories }) {
  const beside = histories === null ? "" : histories ? "; histories" : "; no histories";
  process.stderr.write(`${rule} ${says}: ${test ?? "no test"}${beside}\n`);
}

function report(verdicts, withTable) {
  if (withTable) process.stdout.write(`${table(verdicts)}\n\n`);
  const living = verdicts.filter(({ test, histories }) => test === null && histories !== true);
  for (const { mutant } of living) process.stdout.write(`${mutant.rule} lives: ${mutant.says}\n`);
  process.stdout.write(`${verdicts.length} mutants, ${verdicts.length - living.length} killed\n`);
  return living.length === 0 ? 0 : 1;
}

function table(verdicts) {
  const withHistories = verdicts.some(({ histories }) => histories !== null);
  const row = (...cells) => `| ${(withHistories ? cells : cells.slice(0, 3)).join(" | ")} |`;
  return [
    row("rule", "what is wrong", "noticed by", "by histories"),
    row("---", "---", "---", "---").replaceAll(" ", ""),
    ...verdicts.map(({ mutant: { rule, says }, test, histories }) =>
      row(rule, says, test ?? "–", histories === true ? "yes" : "–"),
    ),
  ].join("\n");
}
