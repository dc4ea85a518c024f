// Breaks a package on purpose, in a copy of it, and looks which of its tests notices.
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
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MINUTES_MAX = 15;
const FIRST_FAILURE =
  /"failures": \[\s*\{\s*"title": ("(?:[^"\\]|\\.)*"),\s*"fullTitle": "(?:[^"\\]|\\.)*"(?:,\s*"file": ("(?:[^"\\]|\\.)*"))?/u;

/** A mutant that does not apply or does not compile: the table is out of step with the source. */
export class MutantError extends Error {
  name = "MutantError";
}

/**
 * What each package's tests are, for its mutants: those in `first` come before the others, since mocha stops at the first failure;
 * those in a folder come first of all for what is broken in the folder of that name; `histories` is a program that is run beside them, and exits with another code than 0 when it notices.
 */
export const SUITES = {
  store: {
    dependencies: ["level", "fast-check"],
    types: ["node"],
    first: ["record", "checkpoint-file", "store", "direct-writes", "checkpoint", "ranges", "collection"],
    last: ["histories", "power-loss", "contents"],
    leftOut: [],
    histories: null,
  },
  fsm: {
    dependencies: ["@raftkv/store", "fast-check"],
    types: [],
    first: [],
    last: [],
    leftOut: ["histories"],
    // With a seed, so that a mutant's verdict is the same every time.
    histories: ["dist-test/histories/main.js", "--runs", "150", "--seed", "5", "--no-shrink"],
  },
};

/** The mutants of a package: `{ rule, says, file, original, replacement }`, the original standing in the file exactly once. */
export async function mutantsOf(name) {
  const table = new URL(`../packages/${name}/dist-test/mutants/table.js`, import.meta.url);
  return (await import(table.href)).MUTANTS;
}

/** What is out of step with the source: mutants whose original does not stand in its file exactly once. */
export function misfits(name, mutants) {
  const source = join(ROOT, "packages", name, "src");
  const found = mutants.map((mutant) => misfitOf(mutant, readFileSync(join(source, mutant.file), "utf8")));
  return found.filter((misfit) => misfit !== null);
}

function misfitOf({ file, original, says }, text) {
  const count = text.split(original).length - 1;
  return count === 1 ? null : `"${says}": its original stands ${count} times in ${file}, not once`;
}

/**
 * Tries mutants, several at a time. Resolves with the verdicts in their order: `{ mutant, test, histories }`, `test` the first that
 * fails or null, `histories` whether those notice, null where there are none.
 */
export async function judge(name, mutants, jobs, onVerdict) {
  const verdicts = [];
  let next = 0;
  const work = async () => {
    for (let i = next++; i < mutants.length; i = next++) {
      verdicts[i] = await tryMutant(name, mutants[i]);
      onVerdict(verdicts[i]);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return verdicts;
}

async function tryMutant(name, mutant) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `raftkv-${name}-mutant-`)));
  const suite = SUITES[name];
  try {
    await build(name, mutant, folder);
    const test = await failingTest(suite, folder, dirname(mutant.file));
    const histories = suite.histories === null ? null : (await run(suite.histories, folder)).code !== 0;
    return { mutant, test, histories };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A package of its own with the broken source, the tests as they are, and the dependencies of the real one. */
async function build(name, mutant, folder) {
  const source = join(ROOT, "packages", name);
  for (const part of ["src", "dist-test", "package.json"]) {
    cpSync(join(source, part), join(folder, part), { recursive: true });
  }
  const file = join(folder, "src", mutant.file);
  const text = readFileSync(file, "utf8");
  const misfit = misfitOf(mutant, text);
  if (misfit !== null) throw new MutantError(misfit);
  // A function, so that "$" in the replacement means itself.
  writeFileSync(
    file,
    text.replace(mutant.original, () => mutant.replacement),
  );
  const { dependencies, types } = SUITES[name];
  link(folder, folder, `@raftkv/${name}`);
  for (const one of dependencies) link(folder, join(source, "node_modules", one), one);
  for (const one of ["chai", "@types/node"]) link(folder, join(ROOT, "node_modules", one), one);
  const compilerOptions = {
    rootDir: "src",
    outDir: "dist",
    composite: false,
    declaration: false,
    declarationMap: false,
    types,
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

function link(folder, target, name) {
  const path = join(folder, "node_modules", name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(realpathSync(target), path);
}

async function failingTest({ first, last, leftOut }, folder, part) {
  // With those in folders, as `tables/parts`.
  const there = readdirSync(join(folder, "dist-test"), { recursive: true })
    .filter((name) => name.endsWith(".test.js"))
    .map((name) => name.slice(0, -".test.js".length));
  const near = there.filter((name) => part !== "." && name.startsWith(`${part}/`));
  const others = there.filter((name) => ![...near, ...first, ...last, ...leftOut].includes(name));
  const files = [...near, ...first, ...others, ...last].map((name) => join("dist-test", `${name}.test.js`));
  const mocha = join(ROOT, "node_modules/mocha/bin/mocha.js");
  const options = ["--no-config", "--bail", "--exit", "--reporter", "json", "--timeout", "60000"];
  const { code, output } = await run([mocha, ...options, ...files], folder);
  if (code === 0) return null;
  const [, title, file] = FIRST_FAILURE.exec(output) ?? [];
  if (title === undefined) return `the process ended with ${code}`;
  const where = file === undefined ? "" : `${basename(JSON.parse(file), ".test.js")}: `;
  return `${where}${JSON.parse(title)}`;
}

function run(args, cwd) {
  const options = { cwd, maxBuffer: 2 ** 28, timeout: MINUTES_MAX * 60_000 };
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, stdout) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? "an error"), output: stdout });
    });
  });
}
