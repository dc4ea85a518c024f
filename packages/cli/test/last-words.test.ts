import { appendFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { lastWords } from "../dist/cluster/last-words.js";
import { temporaryDirectory } from "./support/temporary.js";

describe("the last words of a node", () => {
  const directory = temporaryDirectory();
  const path = (): string => join(directory(), "node.log");

  it("are those of its last start alone", () => {
    writeFileSync(path(), "error: of an earlier start (OLD)\n");
    const from = statSync(path()).size;
    expect(lastWords(path(), from)).to.equal(null);
    appendFileSync(path(), "error: the disk is full (ENOSPC)\n");
    expect(lastWords(path(), from)).to.equal("the disk is full (ENOSPC)");
  });

  it("are its last error in one line, also when a stack or other lines follow", () => {
    const fatal = JSON.stringify({ level: 60, msg: "this node stops: torn" });
    writeFileSync(path(), `{"level":30,"msg":"listening"}\n${fatal}\n{"level":30,"msg":"stopped"}\n`);
    expect(lastWords(path(), 0)).to.equal("this node stops: torn");
    writeFileSync(path(), "error: Error: a bug\n    at here (file.js:1:2)\n");
    expect(lastWords(path(), 0)).to.equal("Error: a bug");
  });

  it("are its last line when none is an error, and nothing without a log", () => {
    writeFileSync(path(), "node: bad option: --nope\n\n");
    expect(lastWords(path(), 0)).to.equal("node: bad option: --nope");
    expect(lastWords(join(directory(), "none"), 0)).to.equal(null);
  });
});
