import { expect } from "chai";
import { readdirSync } from "node:fs";
import { HALVES, mochaArguments, test } from "./test.mjs";

describe("npm test", () => {
  it("runs everything when no file is named, whatever options of mocha are", () => {
    const everything = mochaArguments([]);
    expect(everything).to.deep.equal(HALVES.flat());
    expect(mochaArguments(["--grep", "W3/W4"])).to.deep.equal(["--grep", "W3/W4", ...everything]);
    expect(mochaArguments(["--bail"])).to.deep.equal(["--bail", ...everything]);
  });

  it("takes each package in one of two halves, a new one too", () => {
    const [nodes, parts] = HALVES.map((specs) => specs.find((spec) => spec.startsWith("packages/")));
    const named = /@\((.*)\)/.exec(nodes)[1].split("|");
    expect(readdirSync("packages")).to.include.members(named);
    expect(parts).to.equal(nodes.replace("@(", "!("));
  });

  it("runs the compiled file of a source, and nothing else", () => {
    expect(mochaArguments(["packages/cli/test/usage.test.ts", "--bail"])).to.deep.equal([
      "packages/cli/dist-test/usage.test.js",
      "--bail",
    ]);
    expect(mochaArguments(["scripts/test.test.mjs"])).to.deep.equal(["scripts/test.test.mjs"]);
    expect(mochaArguments(["packages/raft/test/**/*.test.ts"])).to.deep.equal([
      "packages/raft/dist-test/**/*.test.js",
    ]);
  });

  it("ends with 2 for a file that is not there, instead of running everything", async () => {
    expect(() => mochaArguments(["--bail", "packages/raft/test/nope.test.ts"])).to.throw(
      "there is no file packages/raft/test/nope.test.ts",
    );
    expect(await test(["nope.test.ts"])).to.equal(2);
    expect(() => mochaArguments(["usage"])).to.throw('"usage" names no file: give a path');
    expect(await test(["usage"])).to.equal(2);
  });
});
