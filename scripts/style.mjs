// The rules of this house that no tool has: small files, boundaries between the packages, a pure core.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";

const SOURCE_LINES_MAX = 400;
const TEST_LINES_MAX = 600;

/** Who may import whom (docs/architecture.md). Enforced by pnpm and tsc through the files that are checked here. */
const MAY_IMPORT = {
  raft: [],
  store: [],
  checker: [],
  protocol: ["raft"],
  fsm: ["store"],
  client: ["protocol"],
  node: ["raft", "fsm", "store", "protocol"],
  cli: ["node", "client"],
};
const OURS = /^(?:raft-ts|@raftkv\/.+)$/;

/** Folders with sources that are not packages of the table above. */
const OTHER_SOURCES = ["scripts", "tests", "bench", "examples"];
const SKIPPED = new Set(["node_modules", "dist", "dist-test"]);
const SOURCE_FILE = /\.(?:ts|mts|cts|js|mjs|cjs)$/;
const TEST_FILE = /(?:^|\/)tests?\/|\.test\.[a-z]+$/;

const packageName = (folder) => (folder === "raft" ? "raft-ts" : `@raftkv/${folder}`);

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

function* sourceFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* sourceFiles(path);
    else if (entry.isFile() && SOURCE_FILE.test(entry.name)) yield path;
  }
}

/** A switched-off check must say why behind `--`, and the boundaries cannot be switched off at all. */
function commentProblems(path, lines) {
  const problems = [];
  for (const [index, line] of lines.entries()) {
    const where = `${path}:${index + 1}`;
    const disabled = /(?:oxlint|eslint)-disable(?:-next-line|-line)?(?<rules>[^*]*)/.exec(line);
    if (disabled !== null) {
      const { rules } = disabled.groups;
      if (/no-restricted|no-cycle/.test(rules)) problems.push(`${where} switches off an import boundary`);
      else if (!/[a-z-]+\/?[a-z-]+.* -- \S/.test(rules))
        problems.push(`${where} switches off lint without " -- why"`);
    }
    if (/@ts-(?:ignore|nocheck)/.test(line))
      problems.push(`${where} switches off the compiler; @ts-expect-error says why`);
    if (/\b(?:TODO|FIXME)\b/.test(line)) problems.push(`${where} leaves something for later`);
  }
  return problems;
}

/** Compiled in the wrong place; a declaration without a source beside it was written by hand. */
function isCompiled(root, path) {
  if (!/^packages\/[^/]+\/(?:src|test)\//.test(path)) return false;
  const source = path.replace(/\.d\.ts$/, ".ts");
  return path.endsWith(".js") || (source !== path && existsSync(join(root, source)));
}

function fileProblems(root) {
  const problems = [];
  const folders = [...OTHER_SOURCES];
  for (const name of Object.keys(MAY_IMPORT)) folders.push(`packages/${name}`);
  for (const folder of folders) {
    if (!existsSync(join(root, folder))) continue;
    for (const file of sourceFiles(join(root, folder))) {
      const path = relative(root, file);
      const lines = readFileSync(file, "utf8").split("\n");
      const limit = TEST_FILE.test(path) ? TEST_LINES_MAX : SOURCE_LINES_MAX;
      if (lines.length - 1 > limit)
        problems.push(`${path} has ${lines.length - 1} lines, allowed are ${limit}`);
      if (isCompiled(root, path)) problems.push(`${path} is compiled output among sources`);
      // This file spells the forbidden words out.
      if (path !== "scripts/style.mjs" && path !== "scripts/style.test.mjs")
        problems.push(...commentProblems(path, lines));
    }
  }
  return problems;
}

function boundaryProblems(root) {
  const problems = [];
  for (const folder of readdirSync(join(root, "packages"))) {
    const allowed = MAY_IMPORT[folder];
    if (allowed === undefined) {
      problems.push(`packages/${folder} is not in the table of who may import whom (scripts/style.mjs)`);
      continue;
    }
    const names = allowed.map(packageName);
    const manifest = readJson(join(root, "packages", folder, "package.json"));
    // Tests may use any public entry point, so devDependencies are free; that sources do not, the linter sees to.
    for (const field of ["dependencies", "peerDependencies", "optionalDependencies"]) {
      for (const name of Object.keys(manifest[field] ?? {})) {
        if (OURS.test(name) && !names.includes(name)) {
          problems.push(`packages/${folder}/package.json: ${field} may not name ${name}`);
        }
      }
    }
    const config = readJson(join(root, "packages", folder, "tsconfig.json"));
    const references = allowed.map((name) => `../${name}`);
    for (const { path } of config.references ?? []) {
      if (path !== "src/core" && !references.includes(path)) {
        problems.push(`packages/${folder}/tsconfig.json may not refer to ${path}`);
      }
    }
    if (config.compilerOptions?.paths !== undefined) {
      problems.push(`packages/${folder}/tsconfig.json: "paths" would go round the boundaries`);
    }
  }
  return problems;
}

/** The core compiles without Node.js: no timers, no process, no Buffer, no console. */
function coreProblems(root) {
  const path = "packages/raft/src/core/tsconfig.json";
  const { types, lib } = readJson(join(root, path)).compilerOptions ?? {};
  const problems = [];
  if (!Array.isArray(types) || types.length > 0) problems.push(`${path} must have "types": []`);
  if (!Array.isArray(lib) || lib.join() !== "es2023") problems.push(`${path} must have "lib": ["es2023"]`);
  return problems;
}

/** Everything that breaks a rule, one line each, with the file it is in. */
export function styleProblems(root = ".") {
  return [...fileProblems(root), ...boundaryProblems(root), ...coreProblems(root)];
}
