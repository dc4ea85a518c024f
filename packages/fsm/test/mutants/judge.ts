import { execFile } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Mutant } from "./table.js";

/** What became of a mutant. */
export interface Verdict {
  readonly mutant: Mutant;
  /** The first test of one thing that fails; null: none does. */
  readonly test: string | null;
  /** Whether the histories notice as well. */
  readonly histories: boolean;
}

/** A mutant that does not apply or does not compile: the table is out of step with the source. */
export class MutantError extends Error {
  override readonly name = "MutantError";
}

const PACKAGE = fileURLToPath(new URL("../..", import.meta.url));
const ROOT = join(PACKAGE, "../..");
/** Not the tests that run longer, and this one neither. */
const LEFT_OUT: ReadonlySet<string> = new Set(["histories.test.js", "mutants.test.js"]);
const HISTORIES_RUNS = 150;
/** So that a mutant's verdict is the same every time. */
const HISTORIES_SEED = 5;
const MINUTES_MAX = 10;

/** Tries the mutants, several at a time. Resolves with the verdicts in their order. */
export async function judge(
  mutants: readonly Mutant[],
  jobs: number,
  onVerdict: (verdict: Verdict) => void,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < mutants.length; i = next++) {
      const mutant = mutants[i];
      if (mutant === undefined) return;
      const verdict = await tryMutant(mutant);
      verdicts[i] = verdict;
      onVerdict(verdict);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return verdicts;
}

async function tryMutant(mutant: Mutant): Promise<Verdict> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "raftkv-fsm-mutant-")));
  try {
    await build(mutant, folder);
    const test = await failingTest(folder);
    const options = ["--runs", `${HISTORIES_RUNS}`, "--seed", `${HISTORIES_SEED}`, "--no-shrink"];
    const { code } = await run(["dist-test/histories/main.js", ...options], folder);
    return { mutant, test, histories: code !== 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A package of its own with the broken source, the tests as they are, and the dependencies of the real one. */
async function build(mutant: Mutant, folder: string): Promise<void> {
  for (const name of ["src", "dist-test", "package.json"]) {
    cpSync(join(PACKAGE, name), join(folder, name), { recursive: true });
  }
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
  symlinkSync(folder, join(modules, "@raftkv/fsm"));
  for (const [from, name] of [
    [PACKAGE, "@raftkv/store"],
    [PACKAGE, "fast-check"],
    [ROOT, "chai"],
  ] as const) {
    symlinkSync(realpathSync(join(from, "node_modules", name)), join(modules, name));
  }
  const compilerOptions = {
    rootDir: "src",
    outDir: "dist",
    composite: false,
    declaration: false,
    declarationMap: false,
    types: [],
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

async function failingTest(folder: string): Promise<string | null> {
  const mocha = join(ROOT, "node_modules/mocha/bin/mocha.js");
  const files = readdirSync(join(folder, "dist-test"))
    .filter((name) => name.endsWith(".test.js") && !LEFT_OUT.has(name))
    .map((name) => join("dist-test", name));
  const options = ["--no-config", "--bail", "--exit", "--reporter", "json", "--timeout", "60000"];
  const { code, output } = await run([mocha, ...options, ...files], folder);
  if (code === 0) return null;
  const title = /"failures": \[\s*\{\s*"title": ("(?:[^"\\]|\\.)*")/u.exec(output)?.[1];
  return title === undefined ? `the process ended with ${code}` : String(JSON.parse(title));
}

function run(args: readonly string[], cwd: string): Promise<{ code: number | string; output: string }> {
  const options = { cwd, maxBuffer: 2 ** 28, timeout: MINUTES_MAX * 60_000 };
  return new Promise((resolve) => {
    execFile(process.execPath, [...args], options, (error, stdout) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? "an error"), output: stdout });
    });
  });
}
