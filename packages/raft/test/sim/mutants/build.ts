import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Mutant } from "./mutant.js";

/** The sources of the core, seen from `dist-test/sim/mutants`. */
const CORE = fileURLToPath(new URL("../../../src/core", import.meta.url));
const BASE_CONFIG = fileURLToPath(new URL("../../../../../tsconfig.base.json", import.meta.url));

/** A mutant that does not apply, or does not compile: the table is out of step with the core. */
export class MutantError extends Error {
  override readonly name = "MutantError";
}

/**
 * Copies the core below `folder`, breaks it, compiles it. Resolves with the URL of the broken core.
 * @throws {MutantError} the original snippet is not there exactly once, or the result does not compile.
 */
export async function buildMutant(mutant: Mutant, folder: string): Promise<string> {
  const source = join(folder, "src");
  mkdirSync(source, { recursive: true });
  cpSync(CORE, source, { recursive: true });
  const file = join(source, mutant.file);
  const text = readFileSync(file, "utf8");
  const found = text.split(mutant.original).length - 1;
  if (found !== 1)
    throw new MutantError(`${mutant.name}: its original stands ${found} times in ${mutant.file}, not once`);
  // A function, so that "$" in the replacement means itself.
  writeFileSync(
    file,
    text.replace(mutant.original, () => mutant.replacement),
  );
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  writeFileSync(
    join(source, "tsconfig.json"),
    JSON.stringify({
      extends: BASE_CONFIG,
      compilerOptions: {
        rootDir: ".",
        outDir: "../dist",
        types: [],
        lib: ["es2023"],
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
  await compile(mutant, source);
  return pathToFileURL(join(folder, "dist", "index.js")).href;
}

function compile(mutant: Mutant, project: string): Promise<void> {
  const require = createRequire(import.meta.url);
  const tsc = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc");
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [tsc, "-p", project], (error, stdout) => {
      if (error === null) resolve();
      else reject(new MutantError(`${mutant.name}: it does not compile:\n${stdout}`));
    });
  });
}
