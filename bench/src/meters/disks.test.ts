import { expect } from "chai";
import { sumOf } from "./disks.js";

describe("what is written to the disks", () => {
  it("is the sum over disks, without the partitions and loops through which it went", () => {
    const statistics = [
      "   7       0 loop0 114 2 4324 154 7840 5710 3636096 232957 0 26116 248962 0 0 0 0 3596 15850",
      " 254       0 vda 100 0 900 10 20 5 1000 40 0 30 50 0 0 0 0 0 0",
      " 254       1 vda1 100 0 900 10 20 5 1000 40 0 30 50 0 0 0 0 0 0",
      " 254      16 vdb 1 0 8 1 2 0 24 1 0 1 2 0 0 0 0 0 0",
      "",
    ].join("\n");
    expect(sumOf(statistics, (name) => name === "vda" || name === "vdb")).to.equal(1024 * 512);
  });
});
