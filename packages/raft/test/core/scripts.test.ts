import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { expect } from "chai";
import { replay } from "./support/script.js";

/** The compiled test lies beside the sources' folder, so the scripts are found from there. */
const FOLDER = new URL("../../test/core/scripts/", import.meta.url);
/** Set to 1, the scripts are written anew with what happens now: read the difference before you commit it. */
const REWRITE = process.env["RAFT_SCRIPTS_REWRITE"] === "1";

describe("interaction scripts (packages/raft/test/core/scripts)", () => {
  for (const name of readdirSync(FOLDER).filter((file) => file.endsWith(".txt"))) {
    it(name.replace(".txt", "").replaceAll("-", " "), () => {
      const path = new URL(name, FOLDER);
      const text = readFileSync(path, "utf8");
      const now = replay(text);
      if (REWRITE) writeFileSync(path, now);
      else expect(now, "run with RAFT_SCRIPTS_REWRITE=1 to see the difference in the file").to.equal(text);
    });
  }
});
