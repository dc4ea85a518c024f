import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** Inside of the package, where `@raftkv/client` is found by its name. */
const PROGRAM = fileURLToPath(new URL("../dist-test/client-doc-programs.mts", import.meta.url));
const OPTIONS =
  "--ignoreConfig --noEmit --strict --target es2023 --module nodenext --types node --skipLibCheck".split(" ");

/** What the programs take as given: each shows one thing, and a client is what they all have. */
const GIVEN = `
declare const client: Client;
declare const endpoints: string[];
declare function work(token: number, signal: AbortSignal): Promise<void>;
`;

/** One program that has all of a text's, each in a function of its own, and their imports in front. */
function programOf(texts: readonly string[]): string {
  const imports = new Set(["Client"]);
  const bodies = texts
    .flatMap((text) => [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((found) => found[1] ?? ""))
    .map((program) =>
      program.replace(/^import \{ (.*) \} from "@raftkv\/client";$/gm, (_line, names: string) => {
        for (const name of names.split(", ")) imports.add(name);
        return "";
      }),
    );
  expect(bodies.length).to.be.at.least(10);
  const functions = bodies.map((body, index) => `export async function program${index}() {\n${body}\n}\n`);
  return `import { ${[...imports].join(", ")} } from "@raftkv/client";\n${GIVEN}${functions.join("")}`;
}

/** What the compiler complains of: nothing, if the program is sound. */
function complaints(program: string): Promise<string> {
  const tsc = join(
    createRequire(join(ROOT, "package.json")).resolve("typescript/package.json"),
    "../bin/tsc",
  );
  writeFileSync(PROGRAM, program);
  return new Promise((resolve) => {
    execFile(process.execPath, [tsc, ...OPTIONS, PROGRAM], { cwd: ROOT }, (error, out, err) => {
      resolve(error === null ? "" : `${out}${err}` || error.message);
    });
  });
}

describe("the programs of README.md and docs/client.md", () => {
  const texts = ["README.md", "docs/client.md"].map((path) => readFileSync(join(ROOT, path), "utf8"));

  after(() => rmSync(PROGRAM, { force: true }));

  it("compile as they stand, strictly", async function () {
    this.timeout(120_000);
    expect(await complaints(programOf(texts))).to.equal("");
  });
});
