import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { REAL_CORE } from "../core.js";
import { REAL_WAL } from "../wal-module.js";
import type { Mutant, Target } from "./mutant.js";

/** The repository, seen from `dist-test/sim/mutants`. */
export const ROOT = fileURLToPath(new URL("../../../../..", import.meta.url));

/** A mutant that does not apply, or does not compile: the table is out of step with the sources. */
export class MutantError extends Error {
  override readonly name = "MutantError";
}

/** A broken copy, ready to run: what it was compiled to, the URL of a core and of a log. */
export interface Built {
  readonly core: string;
  readonly wal: string;
  /** A copy of the package with its compiled tests beside it; null for a copy of the core alone. */
  readonly packageFolder: string | null;
}

/** Which sources are copied, from the root; where in them a mutant's file is; what is visible to them. */
const SOURCES: Record<
  Target,
  { readonly package: string; readonly within: string; readonly isPure: boolean }
> = {
  core: { package: "packages/raft", within: "core", isPure: true },
  log: { package: "packages/raft", within: "wal", isPure: false },
  node: { package: "packages/node", within: "", isPure: false },
};

/**
 * Copies the sources below `folder`, breaks them, compiles them.
 * @throws {MutantError} the original snippet is not there exactly once, or the result does not compile.
 */
export async function buildMutant(mutant: Mutant, folder: string): Promise<Built> {
  const { package: path, within, isPure } = SOURCES[mutant.target];
  const source = join(folder, path, "src");
  const original = join(ROOT, path, "src");
  mkdirSync(source, { recursive: true });
  cpSync(isPure ? join(original, within) : original, source, { recursive: true });
  breakFile(mutant, join(source, isPure ? "" : within, mutant.file));
  const built = join(folder, path);
  if (isPure) writeFileSync(join(built, "package.json"), '{ "type": "module" }\n');
  else furnish(built, path);
  await compile(mutant, source, isPure);
  const dist = join(built, "dist");
  if (isPure) return { core: urlOf(join(dist, "index.js")), wal: REAL_WAL, packageFolder: null };
  if (mutant.target === "node") return { core: REAL_CORE, wal: REAL_WAL, packageFolder: built };
  return { core: REAL_CORE, wal: urlOf(`${dist}/`), packageFolder: built };
}

function breakFile(mutant: Mutant, file: string): void {
  const text = readFileSync(file, "utf8");
  const found = text.split(mutant.original).length - 1;
  if (found !== 1)
    throw new MutantError(`${mutant.name}: its original stands ${found} times in ${mutant.file}, not once`);
  // A function, so that "$" in the replacement means itself.
  writeFileSync(
    file,
    text.replace(mutant.original, () => mutant.replacement),
  );
}

/** Gives the copy of a package the name, the dependencies and the compiled tests of the original. */
function furnish(built: string, path: string): void {
  const original = join(ROOT, path);
  cpSync(join(original, "package.json"), join(built, "package.json"));
  cpSync(join(original, "dist-test"), join(built, "dist-test"), { recursive: true });
  symlinkSync(join(original, "node_modules"), join(built, "node_modules"));
  symlinkSync(join(ROOT, "node_modules"), join(built, "..", "..", "node_modules"));
}

function compile(mutant: Mutant, source: string, isPure: boolean): Promise<void> {
  writeFileSync(
    join(source, "tsconfig.json"),
    JSON.stringify({
      extends: join(ROOT, "tsconfig.base.json"),
      compilerOptions: {
        rootDir: ".",
        outDir: "../dist",
        ...(isPure ? { types: [], lib: ["es2023"] } : { typeRoots: [join(ROOT, "node_modules", "@types")] }),
        composite: false,
        declaration: false,
        declarationMap: false,
        // What a replacement leaves unused is not what is wrong with it.
        noUnusedLocals: false,
        noUnusedParameters: false,
      },
      include: ["."],
    }),
  );
  const require = createRequire(import.meta.url);
  const tsc = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc");
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [tsc, "-p", source], (error, stdout) => {
      if (error === null) resolve();
      else reject(new MutantError(`${mutant.name}: it does not compile:\n${stdout}`));
    });
  });
}

function urlOf(path: string): string {
  return pathToFileURL(path).href;
}
