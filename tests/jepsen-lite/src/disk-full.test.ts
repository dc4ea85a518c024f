import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { expect } from "chai";
import { NodeProcesses } from "./harness/node-processes.js";
import { mountSmallFileSystem } from "./harness/small-file-system.js";
import type { SmallFileSystem } from "./harness/small-file-system.js";
import { until } from "./harness/until.js";

const VALUE_BYTES = 4096;
const WRITERS = 16;

/** What was acknowledged, and what became of the rest. */
interface Filled {
  readonly kept: Map<string, Buffer>;
  readonly refusals: string[];
}

/** Puts until every writer was refused. */
async function fill(client: Client, filled: Filled, prefix: string): Promise<void> {
  const write = async (writer: number): Promise<void> => {
    for (let i = 0; ; i += 1) {
      const key = `${prefix}/${writer}/${i}`;
      const value = randomBytes(VALUE_BYTES);
      try {
        await client.put(key, value, { timeoutMs: 2_000 });
        filled.kept.set(key, value);
      } catch (error) {
        filled.refusals.push((error as { code: string }).code);
        if ((error as { code: string }).code === "NO_SPACE") return;
      }
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
}

describe("three node processes on a file system of a few MiB (W12)", () => {
  let disk: SmallFileSystem | null = null;
  let nodes: NodeProcesses | null = null;

  afterEach(async () => {
    await nodes?.stop();
    disk?.remove();
    disk = null;
    nodes = null;
  });

  it("filling it refuses writes with NO_SPACE, loses nothing, reads go on, and room brings writes back without a restart", async function () {
    const mounted = mountSmallFileSystem(40);
    if (typeof mounted === "string") {
      process.stderr.write(`skipped: ${mounted}\n`);
      this.skip();
    }
    this.timeout(180_000);
    disk = mounted;
    const ballast = join(disk.path, "ballast");
    writeFileSync(ballast, randomBytes(12 * 1024 * 1024));
    const cluster = await NodeProcesses.start({
      nodes: 3,
      dir: join(disk.path, "nodes"),
      env: { RAFTKV_WAL_SEGMENT_BYTES: "16KiB" },
    });
    nodes = cluster;
    const client = await connect({ endpoints: cluster.endpoints });
    const filled: Filled = { kept: new Map(), refusals: [] };
    await fill(client, filled, "first");
    expect(filled.kept.size).to.be.greaterThan(100);
    expect(filled.refusals.filter((code) => code === "NO_SPACE")).to.have.length(WRITERS);
    expect(
      filled.refusals.filter((code) => code !== "NO_SPACE" && code !== "OUTCOME_UNKNOWN"),
      "every other refusal is of a write that was in flight",
    ).to.deep.equal([]);

    const expectKept = async (): Promise<void> => {
      for (const [key, value] of filled.kept) {
        const read = await client.get(key);
        expect(read !== null && value.equals(read.value), `${key} is there, with its bytes`).to.equal(true);
      }
    };
    await expectKept();
    const pids = await Promise.all(cluster.names.map(async (name) => (await cluster.status(name)).pid));

    rmSync(ballast);
    await until("a write is taken again", async () => client.put("again", "v", { timeoutMs: 500 }));
    const before = filled.kept.size;
    await fill(client, filled, "second");
    expect(filled.kept.size, "there was room for more").to.be.greaterThan(before + 50);
    await expectKept();
    const still = await Promise.all(cluster.names.map(async (name) => (await cluster.status(name)).pid));
    expect(still, "nobody had to be started again").to.deep.equal(pids);

    for (const name of cluster.names) await cluster.kill(name);
    for (const name of cluster.names) cluster.spawn(name);
    await cluster.leader();
    await expectKept();
    const hashes = await until("the replicas are equal", async () => {
      const each = await Promise.all(cluster.names.map((name) => cluster.status(name, true)));
      return new Set(each.map(({ revision, hash }) => `${revision} ${hash}`)).size === 1 ? each : null;
    });
    expect(hashes).to.have.length(3);
    await client.close();
  });
});
