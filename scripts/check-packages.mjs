// What somebody gets who installs our packages: all are packed, installed with npm from their tarballs in a folder far from
// here, compiled against with everything strict, the examples too, and used.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { manifestOf, pinnedPnpm, pnpmCommand } from "./install.mjs";

/** What the shell's test frameworks take for "skipped". */
const SKIPPED = 77;
const UNREACHABLE = /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ENOTCACHED/;

/** Imports every package, makes sure that types are there and refuse what is wrong, and runs a cluster and the command. */
const PROGRAM = (names) => `import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
${names.map((name, at) => `import * as package${at} from "${name}";`).join("\n")}
import { connect } from "@raftkv/client";
import { startTestCluster } from "@raftkv/node";

for (const entry of [${names.map((_, at) => `package${at}`).join(", ")}]) {
  if (Object.keys(entry).length === 0) throw new Error("a package exports nothing");
}
const cluster = await startTestCluster({ nodes: 1 });
const client = await connect({ endpoints: [...cluster.endpoints] });
const { revision }: { revision: number } = await client.put("k", "from the library");
// @ts-expect-error a number is no key
const wrong = (): unknown => client.put(5, "v");
const command = new URL("../node_modules/.bin/raftkv", import.meta.url).pathname;
// The command talks to a node of this process, which must go on meanwhile: so it runs for itself.
const { stdout } = await promisify(execFile)(command, ["kv", "get", "k", "--endpoints", cluster.endpoints.join()]);
const version = execFileSync(command, ["--version"], { encoding: "utf8" }).trim();
await client.close();
await cluster.close();
console.log(\`raftkv \${version} read "\${stdout.trim()}" at revision \${revision}, \${typeof wrong}\`);
`;

class Failure extends Error {}

function step(what, program, args, options = {}) {
  const { error, status, stderr, stdout } = spawnSync(program, args, { encoding: "utf8", ...options });
  if (error === undefined && status === 0) return stdout;
  throw new Failure(`${what} failed:\n${error?.message ?? ""}${stdout ?? ""}${stderr ?? ""}`);
}

/** Folders of the packages that are published. */
function publishedFolders() {
  return readdirSync("packages")
    .map((name) => join("packages", name))
    .filter((folder) => manifestOf(folder).private !== true);
}

/** What is wrong with a tarball, a line each. */
export function tarballProblems(name, files) {
  const problems = [];
  for (const wanted of ["package.json", "README.md", "LICENSE", "dist/index.js", "dist/index.d.ts"]) {
    if (!files.includes(wanted)) problems.push(`${name} has no ${wanted}`);
  }
  for (const file of files) {
    if (/\.map$|\.tsbuildinfo$|^(?:src|test|dist-test)\/|\.test\./.test(file))
      problems.push(`${name} has ${file}`);
  }
  return problems;
}

function pack(folders, to) {
  const version = pinnedPnpm();
  if (version === null) throw new Failure("package.json pins no pnpm");
  const [program, ...before] = pnpmCommand(version);
  const filters = folders.flatMap((folder) => ["--filter", `./${folder}`]);
  step("pnpm pack", program, [...before, "--recursive", ...filters, "pack", "--pack-destination", to]);
  const tarballs = readdirSync(to).map((file) => join(to, file));
  if (tarballs.length !== folders.length)
    throw new Failure(`${tarballs.length} of ${folders.length} were packed`);
  const problems = tarballs.flatMap((tarball) => {
    const listed = step("tar", "tar", ["--list", "--gzip", "--file", tarball]).trim().split("\n");
    const files = listed.map((file) => file.replace(/^package\//, ""));
    return tarballProblems(tarball.slice(to.length + 1), files);
  });
  if (problems.length > 0) throw new Failure(problems.join("\n"));
  return tarballs;
}

function makeProject(project, names) {
  mkdirSync(project);
  const manifest = { name: "stranger", version: "1.0.0", private: true, type: "module" };
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
  cpSync(join("examples", "src"), join(project, "src"), { recursive: true });
  writeFileSync(join(project, "src", "every-package.ts"), PROGRAM(names));
  const compilerOptions = {
    target: "es2023",
    lib: ["es2023"],
    module: "nodenext",
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    // The declarations that they bring are checked too.
    skipLibCheck: false,
    rootDir: "src",
    outDir: "dist",
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["src"] }));
}

function installInto(project, tarballs) {
  const { devDependencies } = manifestOf(".");
  const args = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel", "error"];
  step("npm install", "npm", [...args, ...tarballs, `@types/node@${devDependencies["@types/node"]}`], {
    cwd: project,
  });
}

function use(project, names) {
  const compiler = resolve("node_modules", "typescript", "bin", "tsc");
  step("the type check", process.execPath, [compiler, "-p", "."], { cwd: project });
  const require = names.map((name) => `require(${JSON.stringify(name)})`).join("; ");
  step("require()", process.execPath, ["--eval", require], { cwd: project });
  return step("the program", process.execPath, [join("dist", "every-package.js")], { cwd: project });
}

/** `npm run pack -- DIR`: the tarballs of all packages. Resolves with an exit code. */
export async function packPackages([to]) {
  if (to === undefined) {
    console.error("error: say where to: npm run pack -- DIR");
    return 2;
  }
  try {
    const empty = resolve(process.env.INIT_CWD ?? ".", to);
    mkdirSync(empty, { recursive: true });
    if (readdirSync(empty).length > 0) throw new Failure(`error: ${empty} is not empty`);
    for (const tarball of pack(publishedFolders(), empty)) console.log(tarball);
    return 0;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    return 1;
  }
}

/** Resolves with 0, with 1 when something is wrong, with 77 when the registry cannot be reached for what ours depend on. */
export async function checkPackages(say = console.log) {
  const folder = mkdtempSync(join(tmpdir(), "raftkv-packages-"));
  try {
    const folders = publishedFolders();
    const names = folders.map((path) => manifestOf(path).name);
    const packed = join(folder, "packed");
    mkdirSync(packed);
    const tarballs = pack(folders, packed);
    say(`packed ${names.join(", ")}`);
    const project = join(folder, "project");
    makeProject(project, names);
    installInto(project, tarballs);
    const count = Object.keys(
      JSON.parse(readFileSync(join(project, "package.json"), "utf8")).dependencies,
    ).length;
    say(`installed ${count} packages with npm`);
    say(use(project, names).trim());
    return 0;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    say(error.message);
    return error.message.startsWith("npm install") && UNREACHABLE.test(error.message) ? SKIPPED : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
