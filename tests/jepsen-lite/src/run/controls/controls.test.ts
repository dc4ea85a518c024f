import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONTROLS, MEMTABLE_BYTES, memtablePatch, patchedEnv } from "../../power-loss/patches.js";
import type { Patch } from "../../power-loss/patches.js";
import { BROKEN_BUILDS } from "./controls.js";

describe("what is broken on purpose", () => {
  const all: [string, readonly Patch[]][] = [
    ...BROKEN_BUILDS.flatMap(({ name, run }): [string, readonly Patch[]][] =>
      run.kind === "jepsen" ? [[name, run.patches]] : [],
    ),
    ...Object.entries(CONTROLS),
    ["a memtable of another size", [memtablePatch(MEMTABLE_BYTES[0])]],
  ];

  for (const [name, patches] of all) {
    it(`finds its place in the product as it is: ${name}`, () => {
      const dir = mkdtempSync(join(tmpdir(), "raftkv-patches-"));
      try {
        expect(patchedEnv(patches, join(dir, "patches.json"))).to.have.property("NODE_OPTIONS");
      } finally {
        rmSync(dir, { recursive: true });
      }
    });
  }
});
