import { expect } from "chai";
import { mochaArguments, test } from "./test.mjs";

describe("npm test", () => {
  it("runs everything when no file is named, whatever options of mocha are", () => {
    const everything = mochaArguments([]);
    expect(everything).to.include("packages/*/dist-test/**/*.test.js");
    expect(mochaArguments(["--grep", "W3/W4"])).to.deep.equal(["--grep", "W3/W4", ...everything]);
    expect(mochaArguments(["--bail"])).to.deep.equal(["--bail", ...everything]);
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
  });
});
