import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { KNOBS, checkStart, freePorts, keyOf, parseNodeOptions } from "@raftkv/node";
import type { KnobName, RawNodeOptions } from "@raftkv/node";

const HEAD = `name: n1
data-dir: data
init: true
listen-client: 127.0.0.1:7401
listen-peer: 127.0.0.1:7501
initial-cluster: n1=127.0.0.1:7501
`;

describe("the configuration file", () => {
  let folder = "";
  let path = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "raftkv-config-"));
    path = join(folder, "n1.yaml");
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function parse(text: string, raw: RawNodeOptions = {}, env: Record<string, string> = {}) {
    writeFileSync(path, text);
    return parseNodeOptions({ config: path, ...raw }, env);
  }

  it("may hold every setting, and each knob reaches its option", () => {
    const names = Object.keys(KNOBS) as KnobName[];
    const lines = names.map((name) => `${keyOf(name)}: ${KNOBS[name].default}\n`);
    expect(parse(HEAD + lines.join(""))).to.deep.include({
      name: "n1",
      start: "init",
      ...Object.fromEntries(names.map((name) => [name, KNOBS[name].default])),
    });
    for (const name of names) {
      // One beyond its range is refused by its own name: so the key is this knob's, and no other's.
      const line = `${keyOf(name)}: ${KNOBS[name].max + 1}\n`;
      expect(() => parse(HEAD + line), name).to.throw(
        `${path}:7: ${keyOf(name)} is "${KNOBS[name].max + 1}"`,
      );
    }
  });

  it("comes after the flag and the variable, and before the default", () => {
    const text = `${HEAD}tick-ms: 20\n`;
    expect(parse(HEAD).tickMs).to.equal(10);
    expect(parse(text).tickMs).to.equal(20);
    expect(parse(text, {}, { RAFTKV_TICK_MS: "30" }).tickMs).to.equal(30);
    expect(parse(text, {}, { RAFTKV_TICK_MS: " " }).tickMs).to.equal(20);
    expect(parse(text, { tickMs: "40" }, { RAFTKV_TICK_MS: "30" }).tickMs).to.equal(40);
    expect(parse(`${HEAD}witness: true\n`, { witness: false }).witness).to.equal(false);
    expect(parse(`${HEAD}insecure: true\n`, {}, { RAFTKV_INSECURE: "false" }).insecure).to.equal(false);
  });

  it("is named by RAFTKV_CONFIG too, and the flag goes before it", () => {
    writeFileSync(path, HEAD);
    expect(parseNodeOptions({}, { RAFTKV_CONFIG: path }).name).to.equal("n1");
    expect(parseNodeOptions({ config: path }, { RAFTKV_CONFIG: join(folder, "nope") }).name).to.equal("n1");
    expect(() => parseNodeOptions({}, { RAFTKV_CONFIG: join(folder, "nope") })).to.throw(
      `RAFTKV_CONFIG is "${join(folder, "nope")}", but must be a file that can be read, and that fails with ENOENT`,
    );
  });

  it("takes the members as a list too, sizes with a unit, and may be empty", () => {
    const members = HEAD.replace(
      /initial-cluster.*/,
      "initial-cluster:\n  - n1=127.0.0.1:7501\n  - n2=127.0.0.1:7502",
    );
    expect(parse(members).initialCluster.map(({ name }) => name)).to.deep.equal(["n1", "n2"]);
    expect(parse(`${HEAD}max-value-bytes: 2MiB\n`).maxValueBytes).to.equal(2 * 1024 * 1024);
    expect(() => parse("# nothing yet\n")).to.throw("--name is missing");
  });

  it("of docs/operating.md is one", () => {
    const docs = readFileSync(new URL("../../../docs/operating.md", import.meta.url), "utf8");
    const example = docs.split("```yaml\n")[1]?.split("```")[0] ?? "";
    expect(parse(example)).to.include({ name: "n1", start: "init", maxValueBytes: 2 * 1024 * 1024 });
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    [
      "tick-m: 3",
      /n1\.yaml:7: a key is "tick-m", but must be tick-ms, or another one of advertise-client, .*witness/,
    ],
    ["tickMs: 3", /n1\.yaml:7: a key is "tickMs", but must be tick-ms,/],
    ["--tick-ms: 3", /n1\.yaml:7: a key is "--tick-ms", but must be tick-ms,/],
    ["RAFTKV: 3", /n1\.yaml:7: a key is "RAFTKV", but must be one of/],
    ["config: other.yaml", /a key is "config"/],
    [
      "tick-ms: 0x10",
      /n1\.yaml:7: tick-ms is "0x10", but must be a whole number of milliseconds from 1 to 1000/,
    ],
    ["tick-ms: 1e1", /tick-ms is "1e1"/],
    ["tick-ms: 5000", /tick-ms is "5000", but must be a whole number of milliseconds from 1 to 1000/],
    ["tick-ms: [10]", /tick-ms is .* but must be one value/],
    ["tick-ms:", /tick-ms is .* leave the key out for the default/],
    ["heartbeat-ms: 5", /n1\.yaml:7: heartbeat-ms is "5", but must be at least --tick-ms \(10\)/],
    ["insecure: yes", /insecure is "yes", but must be true or false/],
    ["witness: true", /n1\.yaml:7: witness is "true", but must be false/],
    ["join: true", /n1\.yaml:7: join is "true", but must be given without --init/],
    ["fsm-sync-mode: banana", /n1\.yaml:7: fsm-sync-mode is "banana", allowed are "sync" and "nosync"/],
    ["name: n2", /--config is .*n1\.yaml.*keys must be unique at line 7/],
    ["- x", /--config is .*one map in YAML/],
    ["a: b: c", /--config is .*one map in YAML.*line 7/],
  ];
  for (const [line, message] of wrong) {
    it(`with ${line} is refused, naming file, key and what is allowed`, () => {
      expect(() => parse(`${HEAD}${line}\n`)).to.throw(message);
    });
  }
});

describe("node start --check", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "raftkv-check-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function raw(change: RawNodeOptions = {}): Promise<RawNodeOptions> {
    const [client, peer] = await freePorts(2);
    return {
      name: "n1",
      dataDir: join(folder, "data", "n1"),
      init: true,
      listenClient: `127.0.0.1:${client}`,
      listenPeer: `127.0.0.1:${peer}`,
      initialCluster: `n1=127.0.0.1:${peer}`,
      ...change,
    };
  }

  async function failure(given: RawNodeOptions): Promise<string> {
    try {
      await checkStart(given, {});
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error("it was found good");
  }

  it("says that a replica which differs from the others will not serve", async () => {
    const given = await raw();
    mkdirSync(String(given.dataDir), { recursive: true });
    writeFileSync(join(String(given.dataDir), "quarantine.json"), "{}");
    expect(await failure(given)).to.contain("it must be replaced");
  });

  it("tells what is given and where, and makes nothing", async () => {
    const report = await checkStart(await raw(), {
      RAFTKV_TICK_MS: "20",
      RAFTKV_TICKMS: "1",
      RAFTKV_SEED: "1",
    });
    expect(report.options.tickMs).to.equal(20);
    expect(report.resumes).to.equal(false);
    expect(report.given).to.deep.include({ option: "tickMs", setting: "RAFTKV_TICK_MS", text: "20" });
    expect(report.given).to.deep.include({ option: "name", setting: "--name", text: "n1" });
    expect(report.remarks).to.deep.equal(["RAFTKV_TICKMS is no setting, and has no effect"]);
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it("refuses a directory that cannot be made or written", async () => {
    writeFileSync(join(folder, "file"), "");
    expect(await failure(await raw({ dataDir: join(folder, "file", "n1") }))).to.match(
      /--data-dir .* ENOTDIR/,
    );
    expect(await failure(await raw({ dataDir: join(folder, "file") }))).to.match(/--data-dir .* ENOTDIR/);
    expect(await failure(await raw({ dataDir: "/proc/raftkv" }))).to.match(/--data-dir .*\/proc fails with /);
    const closed = join(folder, "closed");
    mkdirSync(closed);
    chmodSync(closed, 0o500);
    // For root every directory is open.
    if (process.getuid?.() !== 0) expect(await failure(await raw({ dataDir: closed }))).to.match(/EACCES/);
  });

  it("refuses what the directory holds when it is no such node's", async () => {
    const dataDir = join(folder, "n1");
    mkdirSync(join(dataDir, "groups"), { recursive: true });
    expect(await failure(await raw({ dataDir }))).to.contain("its node.json is missing");
    expect(await failure(await raw({ init: false, initialCluster: undefined }))).to.contain("holds no node");
  });

  it("refuses an address that is not this machine's, and notes one that is in use", async () => {
    const far = { listenClient: "192.0.2.1:7401", insecure: true };
    expect(await failure(await raw(far))).to.contain("cannot listen on 192.0.2.1:7401");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const listenClient = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { remarks } = await checkStart(await raw({ listenClient }), {});
      expect(remarks).to.deep.equal([
        `${listenClient} is in use now: a node that runs there must be stopped first`,
      ]);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("notes a disk on which the node would take no writes (W12)", async () => {
    const small = { bavail: 1, blocks: 2 ** 30, bsize: 4096 };
    const { remarks } = await checkStart(await raw(), {}, async () => small);
    expect(remarks).to.have.length(1);
    expect(remarks[0]).to.match(
      /^4096 bytes are free in .*: below 83886080 the node refuses writes \(NO_SPACE\)$/,
    );
  });
});
