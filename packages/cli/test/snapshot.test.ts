import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { restoreSnapshot } from "@raftkv/node";
import type { RestoreOptions } from "@raftkv/node";
import { raftkv } from "./support/captured.js";
import { answerJson, fakeNode } from "./support/fake-node.js";
import { OneNode } from "./support/one-node.js";
import { temporaryDirectory } from "./support/temporary.js";

describe("raftkv snapshot", function () {
  this.timeout(60_000);
  const directory = temporaryDirectory();
  const node = new OneNode();
  before(async () => {
    await node.start();
    await raftkv(["kv", "put", "k", "v", "--endpoints", node.endpoint]);
  });
  after(() => node.stop());

  const run = (...args: readonly string[]) =>
    raftkv(["snapshot", ...args], { cwd: directory(), env: { RAFTKV_ENDPOINTS: node.endpoint } });

  it("saves into a file of its own, never over another unless told, and leaves nothing else", async () => {
    writeFileSync(join(directory(), "taken"), "mine");
    const refused = await run("save", "taken");
    expect(refused).to.include({ code: 2 });
    expect(refused.err).to.contain("FILE_EXISTS").and.to.contain("--force");
    expect(readFileSync(join(directory(), "taken"), "utf8")).to.equal("mine");
    expect(await run("save", "taken", "--force")).to.include({ code: 0, err: "" });
    expect(await run("inspect", "taken")).to.include({ code: 0 });
    expect(readdirSync(directory())).to.deep.equal(["taken"]);
    expect((await run("save", ".")).err).to.contain("BAD_OUTPUT");
    expect((await run("save", "nowhere/file")).err).to.contain("BAD_OUTPUT");
  });

  it("keeps nothing of a snapshot that was broken off, or damaged on its way", async () => {
    await run("save", "whole");
    const whole = readFileSync(join(directory(), "whole"));
    const damaged = Buffer.from(whole);
    damaged[whole.length - 60] = (damaged[whole.length - 60] ?? 0) ^ 1;
    for (const [bytes, code] of [
      [whole.subarray(0, whole.length - 40), "SNAPSHOT_DAMAGED"],
      [damaged, "SNAPSHOT_DAMAGED"],
    ] as const) {
      const fake = await fakeNode((_request, response) => response.end(bytes));
      const done = await run("save", "broken", "--endpoints", fake.endpoint);
      await fake.close();
      expect(done, done.err).to.include({ code: 1 });
      expect(done.err).to.contain(code);
    }
    const cut = await fakeNode((_request, response) => {
      response.write(whole.subarray(0, 100), () => response.destroy());
    });
    const done = await run("save", "broken", "--endpoints", cut.endpoint);
    await cut.close();
    expect(done).to.include({ code: 3 });
    expect(done.err).to.contain("broke off").and.to.contain("UNAVAILABLE");
    expect(readdirSync(directory())).to.deep.equal(["whole"]);
  });

  it("asks the next endpoint when one gives none, and says why of each when none does", async () => {
    const fake = await fakeNode((_request, response) => answerJson(response, 503, { error: "not me" }));
    expect(await run("save", "one", "--endpoints", `${fake.endpoint},${node.endpoint}`)).to.include({
      code: 0,
    });
    const none = await run("save", "two", "--endpoints", fake.endpoint);
    await fake.close();
    expect(none).to.include({ code: 3 });
    expect(none.err).to.contain(`${fake.endpoint}: not me`);
  });

  it("inspects: says where a file is damaged, for people and for programs, with exit code 1", async () => {
    await run("save", "file");
    const path = join(directory(), "file");
    const bytes = readFileSync(path);
    const at = bytes.lastIndexOf("RKVS") + 25;
    bytes[at] = (bytes[at] ?? 0) ^ 4;
    writeFileSync(path, bytes);
    const said = await run("inspect", "file");
    expect(said).to.include({ code: 1 });
    expect(said.err).to.contain(`is damaged at byte ${at - 25} (chunk 2)`);
    const { error } = JSON.parse((await run("inspect", "file", "--json")).err) as {
      error: Record<string, unknown>;
    };
    expect(error).to.include({ code: "SNAPSHOT_DAMAGED", exitCode: 1, offset: at - 25, chunk: 2 });
    expect(error["expected"]).to.match(/^a checksum of 0x/);
    expect(error["found"]).to.match(/^0x/);
    const restored = await run("restore", "file", "--dir", "made");
    expect(restored).to.include({ code: 1 });
    expect(existsSync(join(directory(), "made")), "nothing is left").to.equal(false);
    expect(await run("inspect", "missing")).to.include({ code: 2 });
  });

  it("removes nothing but what it made when it fails: neither a directory that was there nor what another put into one", async () => {
    await run("save", "file");
    const path = join(directory(), "file");
    // Found out at the end, when all else is there.
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    const failed = async (dataDir: string): Promise<void> => {
      const place = ["--name", "n1", "--data-dir", dataDir, "--initial-cluster", "n1=127.0.0.1:7501"];
      const done = await run("restore", "file", ...place);
      expect(done, done.err).to.include({ code: 1 });
    };
    mkdirSync(join(directory(), "there"));
    await failed("there");
    expect(readdirSync(join(directory(), "there"))).to.deep.equal([]);
    await failed("there/deep/down");
    expect(readdirSync(join(directory(), "there"))).to.deep.equal([]);

    const dataDir = join(directory(), "shared", "n1");
    const options: RestoreOptions = {
      file: path,
      members: [{ name: "n1", host: "127.0.0.1", port: 7501, witness: false }],
      targets: [{ name: "n1", dataDir }],
      bumpRevision: 0,
      markCompacted: false,
      control: false,
      onProgress: () => writeFileSync(join(dataDir, "of somebody else"), ""),
    };
    const error = await restoreSnapshot(options).catch((failure: unknown) => failure);
    expect(error).to.have.property("code", "SNAPSHOT_DAMAGED");
    expect(readdirSync(dataDir)).to.deep.equal(["of somebody else"]);
  });

  it("restores a whole cluster for cluster start, with members that R25 knows; never into a place that is used", async () => {
    await run("save", "file");
    const ports = ["--client-port", "0", "--peer-port", "0"];
    const done = await run("restore", "file", "--dir", "made", "--nodes", "2", ...ports, "--control");
    expect(done, done.err).to.include({ code: 0 });
    expect(done.out.toString()).to.contain("cluster start --dir made").and.to.contain("controlled");
    for (const place of ["made", "."]) {
      const again = await run("restore", "file", "--dir", place, ...ports);
      expect(again).to.include({ code: 2 });
      expect(again.err).to.contain("NOT_EMPTY");
    }
    const cluster = (...args: readonly string[]) => raftkv(["cluster", ...args], { cwd: directory() });
    const started = await cluster("start", "--dir", "made", "--detach", "--timeout", "40s");
    expect(started, started.err).to.include({ code: 0 });
    expect(await cluster("stop", "--dir", "made")).to.include({ code: 0 });
    const member = ["--name", "n1", "--data-dir", "made/n1", "--initial-cluster", "n1=127.0.0.1:7501"];
    const inUse = await run("restore", "file", ...member);
    expect(inUse).to.include({ code: 2 });
    expect(inUse.err).to.contain("FOREIGN_DATA");
  });

  it("refuses what does not go together", async () => {
    await run("save", "file");
    for (const [args, says] of [
      [["--name", "n1"], "go together"],
      [["--name", "n9", "--data-dir", "d", "--initial-cluster", "n1=127.0.0.1:7501"], "n9"],
      [["--name", "n1", "--data-dir", "d", "--initial-cluster", "n1"], "--initial-cluster"],
      [
        ["--name", "n1", "--data-dir", "d", "--initial-cluster", "n1=127.0.0.1:7501", "--nodes", "3"],
        "--nodes",
      ],
      [["--nodes", "0"], "--nodes"],
      [["--bump-revision", "x"], "--bump-revision"],
      [["--bump-revision", String(Number.MAX_SAFE_INTEGER)], "but must be at most"],
    ] as const) {
      const done = await run("restore", "file", ...args);
      expect(done, done.err).to.include({ code: 2 });
      expect(done.err).to.contain(says);
    }
    expect(readdirSync(directory())).to.deep.equal(["file"]);
  });
});
