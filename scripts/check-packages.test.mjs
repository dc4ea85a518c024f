import { expect } from "chai";
import { checkPackages, tarballProblems } from "./check-packages.mjs";

describe("the packages", () => {
  it("install from their tarballs in a stranger's project, with types, and run there", async function () {
    this.timeout(300_000);
    const said = [];
    const code = await checkPackages((line) => said.push(line));
    if (code === 77) {
      console.warn("      skipped: the npm registry cannot be reached");
      this.skip();
    }
    expect(said.at(-1)).to.match(/^raftkv \d+\.\d+\.\d+ read "from the library" at revision \d+, function$/);
    expect(code).to.equal(0);
  });

  it("are looked into: what is missing and what is too much is named", () => {
    const files = [
      "package.json",
      "LICENSE",
      "dist/index.js",
      "dist/index.d.ts",
      "dist/.tsbuildinfo",
      "src/index.ts",
    ];
    expect(tarballProblems("x.tgz", files)).to.deep.equal([
      "x.tgz has no README.md",
      "x.tgz has dist/.tsbuildinfo",
      "x.tgz has src/index.ts",
    ]);
  });
});
