import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@raftkv/client";
import { CATALOG_REVISION, FIRST_CATALOG, encodeCatalog, readCatalog } from "@raftkv/fsm";
import { Store } from "@raftkv/store";
import { expect } from "chai";
import { NodeProcesses } from "../harness/node-processes.js";
import { until } from "../harness/until.js";
import { compileShim } from "./compile.js";
import { PowerLossDisk } from "./disk.js";
import { patchedEnv } from "./patches.js";
import type { Patch } from "./patches.js";
import { Random } from "./random.js";

/** A node goes no further once the bootstrap's promise has resolved, and says so. */
const STOP_BEHIND_BOOTSTRAP: Patch = {
  url: new URL("group/replica.js", import.meta.resolve("@raftkv/node")).href,
  original: "await bootstrapCatalog(store);\n",
  replacement: `await bootstrapCatalog(store);
    (await import("node:fs")).writeFileSync(process.env.RAFTKV_TEST_MARK, "");
    await new Promise(() => setInterval(() => undefined, 60_000));\n`,
};

describe("the catalog, with the power cut right behind its bootstrap (S6)", function () {
  this.timeout(120_000);
  let root: string;
  let shim: string;
  let nodes: NodeProcesses | null = null;

  before(function () {
    root = mkdtempSync(join(tmpdir(), "raftkv-catalog-"));
    shim = join(root, "shim.so");
    const missing = compileShim(shim);
    if (missing === null) return;
    process.stderr.write(`skipped: ${missing}\n`);
    this.skip();
  });
  afterEach(() => nodes?.stop());
  after(() => rmSync(root, { recursive: true, force: true }));

  for (const seed of [null, 1, 2, 3]) {
    const what = seed === null ? "all that was not synced is lost" : `a part of it survives, seed ${seed}`;
    it(`is there with the same bytes on all nodes: ${what}`, async () => {
      const dir = join(root, `seed-${seed}`);
      // One disk under all three, so that the names of their directories are on it as well.
      const disk = new PowerLossDisk(dir, shim);
      const mark = (name: string): string => `${dir}.${name}.reached`;
      let patched = patchedEnv([STOP_BEHIND_BOOTSTRAP], `${dir}.patches`);
      const all = await NodeProcesses.prepare({
        nodes: 3,
        dir,
        envOf: (name) => ({ ...disk.env(), ...patched, RAFTKV_TEST_MARK: mark(name) }),
      });
      nodes = all;
      for (const name of all.names) all.spawn(name);
      await until("the bootstrap has resolved on all nodes", async () => {
        for (const name of all.names) {
          if (all.hasEnded(name)) throw new Error(`${name} ended: ${(await all.ended(name)).stderr}`);
        }
        return all.names.every((name) => existsSync(mark(name))) ? true : null;
      });
      await all.killAll();
      disk.cut(seed === null ? null : new Random(seed));

      const group = (name: string): string => join(all.dataDir(name), "groups", "1");
      const files = all.names.map((name) => readFileSync(join(group(name), "checkpoint")));
      for (const file of files) expect(file.equals(files[0] ?? file), "the D files are equal").to.equal(true);
      for (const name of all.names) {
        expect(existsSync(join(group(name), "store-1", "CURRENT")), "LevelDB has its names").to.equal(true);
        const store = await Store.open(group(name));
        try {
          expect(store.revision).to.equal(CATALOG_REVISION);
          expect(readCatalog(store)).to.deep.equal(FIRST_CATALOG);
          const bytes = Buffer.from(store.state("catalog") ?? []);
          expect(bytes.equals(encodeCatalog(FIRST_CATALOG)), bytes.toString()).to.equal(true);
        } finally {
          await store.close();
        }
      }

      patched = {};
      for (const name of all.names) all.spawn(name);
      await all.leader();
      const client = await connect({ endpoints: all.endpoints, timeoutMs: 30_000 });
      expect((await client.put("first", "v")).revision).to.equal(CATALOG_REVISION + 1);
      await client.close();
    });
  }
});
