import { execFile } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { MUTANTS } from "./table.js";
import type { Mutant } from "./table.js";

const USAGE = `usage: npm run store:mutants -- [options]

Breaks the store's rules one by one in a copy of its source, and demands that its tests notice.

  --only A,B   the mutants of these rules, or with this text in what they say
  --jobs N     mutants at a time (default: one for each processor)
  --table      print the table for docs/testing.md
`;

const PACKAGE = fileURLToPath(new URL("../..", import.meta.url));
const ROOT = join(PACKAGE, "../..");
/** The quick ones first: mocha stops at the first failure. */
const TESTS = [
  "record",
  "checkpoint-file",
  "store",
  "direct-writes",
  "checkpoint",
  "ranges",
  "collection",
  "histories",
  "power-loss",
  "contents",
];
const TEST_MINUTES_MAX = 15;

interface Verdict {
  readonly mutant: Mutant;
  /** The test that failed; null: the mutant lives. */
  readonly killedBy: string | null;
}

/** A mutant that does not apply or does not compile: the table is out of step with the source. */
class MutantError extends Error {
  override readonly name = "MutantError";
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      jobs: { type: "string" },
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
  if (chosen.length === 0) {
    process.stderr.write(`error: no mutant is named by --only ${values.only}\n`);
    return 2;
  }
  const jobs = values.jobs === undefined ? availableParallelism() : Number(values.jobs);
  if (!Number.isInteger(jobs) || jobs < 1) {
    process.stderr.write(`error: --jobs ${values.jobs}: a whole number from 1 is wanted\n`);
    return 2;
  }
  const verdicts = await judge(chosen, jobs);
  if (values.table === true) process.stdout.write(`${table(verdicts)}\n\n`);
  const living = verdicts.filter(({ killedBy }) => killedBy === null);
  for (const { mutant } of living) process.stdout.write(`${mutant.rule} lives: ${mutant.says}\n`);
  process.stdout.write(`${verdicts.length} mutants, ${verdicts.length - living.length} killed\n`);
  return living.length === 0 ? 0 : 1;
}

async function judge(mutants: readonly Mutant[], jobs: number): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < mutants.length; i = next++) {
      const mutant = mutants[i];
      if (mutant === undefined) return;
      const killedBy = await tryMutant(mutant).catch((error: unknown) => {
        if (!(error instanceof MutantError)) throw error;
        process.stderr.write(`error: ${error.message}\n`);
        return null;
      });
      verdicts[i] = { mutant, killedBy };
      process.stderr.write(`${mutant.rule} ${mutant.says}: ${killedBy ?? "LIVES"}\n`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return verdicts;
}

/** The test that notices; null when none does. */
async function tryMutant(mutant: Mutant): Promise<string | null> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "raftkv-store-mutant-")));
  try {
    await build(mutant, folder);
    for (const test of TESTS) {
      const failed = await failingTest(folder, test);
      if (failed !== null) return failed;
    }
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A package of its own with the broken source, the tests as they are, and the dependencies of the real one. */
async function build(mutant: Mutant, folder: string): Promise<void> {
  cpSync(join(PACKAGE, "src"), join(folder, "src"), { recursive: true });
  cpSync(join(PACKAGE, "dist-test"), join(folder, "dist-test"), { recursive: true });
  cpSync(join(PACKAGE, "package.json"), join(folder, "package.json"));
  const file = join(folder, "src", mutant.file);
  const text = readFileSync(file, "utf8");
  const found = text.split(mutant.original).length - 1;
  if (found !== 1) {
    throw new MutantError(`"${mutant.says}": its original stands ${found} times in ${mutant.file}, not once`);
  }
  // A function, so that "$" in the replacement means itself.
  const broken = text.replace(mutant.original, () => mutant.replacement);
  writeFileSync(file, broken);
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "@raftkv"), { recursive: true });
  mkdirSync(join(modules, "@types"));
  symlinkSync(folder, join(modules, "@raftkv/store"));
  for (const name of ["level", "fast-check"]) {
    symlinkSync(realpathSync(join(PACKAGE, "node_modules", name)), join(modules, name));
  }
  for (const name of ["chai", "@types/node"]) {
    symlinkSync(realpathSync(join(ROOT, "node_modules", name)), join(modules, name));
  }
  const compilerOptions = {
    rootDir: "src",
    outDir: "dist",
    composite: false,
    // What a replacement leaves unused is not what is wrong with it.
    noUnusedLocals: false,
    noUnusedParameters: false,
    allowUnreachableCode: true,
  };
  const config = { extends: join(ROOT, "tsconfig.base.json"), compilerOptions, include: ["src"] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  const { code, output } = await run([tsc, "-p", folder], folder);
  if (code !== 0) throw new MutantError(`"${mutant.says}": it does not compile:\n${output}`);
}

async function failingTest(folder: string, test: string): Promise<string | null> {
  const mocha = join(ROOT, "node_modules/mocha/bin/mocha.js");
  const file = `dist-test/${test}.test.js`;
  const options = ["--no-config", "--bail", "--exit", "--reporter", "json", "--timeout", "60000"];
  const { code, output } = await run([mocha, ...options, file], folder);
  if (code === 0) return null;
  const found = /"failures": \[\s*\{\s*"title": ("(?:[^"\\]|\\.)*")/u.exec(output)?.[1];
  return found === undefined ? `${test}: the process ended with ${code}` : `${test}: ${JSON.parse(found)}`;
}

function run(args: readonly string[], cwd: string): Promise<{ code: number | string; output: string }> {
  const options = { cwd, maxBuffer: 2 ** 28, timeout: TEST_MINUTES_MAX * 60_000 };
  return new Promise((resolve) => {
    execFile(process.execPath, [...args], options, (error, stdout) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? "an error"), output: stdout });
    });
  });
}

function table(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(
    ({ mutant, killedBy }) => `| ${mutant.rule} | ${mutant.says} | ${killedBy ?? "nothing"} |`,
  );
  return ["| rule | what is wrong | noticed by |", "|---|---|---|", ...rows].join("\n");
}

process.exitCode = await main();
