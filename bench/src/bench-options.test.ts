import { expect } from "chai";
import { parseBenchOptions } from "./bench-options.js";
import { UsageError } from "./options.js";

describe("Options of the benchmark", () => {
  it("name workloads by their beginnings, in the order of the registry", () => {
    const options = parseBenchOptions(["--workloads", "mixed,put-64,get"]);
    expect(options?.workloads.map(({ name }) => name)).to.deep.equal([
      "put-64",
      "get-1",
      "get-64",
      "get-256",
      "mixed",
    ]);
  });

  it("are small with --quick, but for those that are given", () => {
    const options = parseBenchOptions(["--quick", "--rounds", "5"]);
    expect([options?.rounds, options?.seconds, options?.keys]).to.deep.equal([5, 1, 5_000]);
  });

  it("are refused with what is allowed", () => {
    for (const args of [["--workloads", "putt"], ["--peers", "zookeeper"], ["--rounds", "0"], ["--fast"]]) {
      expect(() => parseBenchOptions(args), args.join(" ")).to.throw(UsageError);
    }
    expect(parseBenchOptions(["--help"])).to.equal(null);
  });
});
