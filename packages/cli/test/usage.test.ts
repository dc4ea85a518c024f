import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { COMMANDS as COMMAND_GROUPS } from "../dist/commands.js";
import { raftkv } from "./support/captured.js";
import { temporaryDirectory } from "./support/temporary.js";

const COMMANDS = [
  "cluster start",
  "cluster status",
  "cluster stop",
  "cluster kill",
  "cluster start-node",
  "node start",
  "kv put",
  "kv get",
  "kv del",
  "kv range",
  "kv watch",
  "kv txn",
  "lease grant",
  "lease revoke",
  "lease keep-alive",
  "lease ttl",
  "lease list",
  "lock",
  "routes list",
  "export",
  "import",
  "health",
  "top",
  "admin checkpoint",
  "admin compact",
  "admin hash",
  "admin leases",
  "wal verify",
  "wal dump",
  "status",
];

describe("raftkv --help", () => {
  for (const command of COMMANDS) {
    it(`${command} explains every option and gives an example`, async () => {
      const { code, out } = await raftkv([...command.split(" "), "--help"]);
      const text = out.toString();
      expect(code).to.equal(0);
      expect(text).to.match(new RegExp(`^raftkv ${command}`));
      expect(text).to.contain("Examples:");
      const examples = text.split("Examples:\n")[1]?.trimEnd().split("\n\n")[0] ?? "";
      for (const line of examples.split("\n"))
        expect(line, "a command that is broken in two").to.match(/^ {6}\S|^ {2}.*\braftkv\b/);
      const listed = text.slice(0, text.indexOf("Examples:")).split("\n");
      const options = listed.filter((line) => /^ {2,6}(?:-\w, )?--/.test(line));
      for (const line of options) expect(line, "an option without a description").to.match(/--\S+ {2,}\S/);
    });
  }

  it("lists the exit codes, and the commands", async () => {
    const { code, out } = await raftkv(["--help"]);
    expect(code).to.equal(0);
    expect(out.toString()).to.match(/Exit codes:\n +0 +done/);
    for (const command of Object.keys(COMMAND_GROUPS))
      expect(out.toString()).to.contain(`raftkv ${command} `);
  });

  it("is also `raftkv help`, and `--version` is a version", async () => {
    expect((await raftkv(["help"])).code).to.equal(0);
    expect((await raftkv(["--version"])).out.toString()).to.match(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("raftkv node start --check", () => {
  const cwd = temporaryDirectory();

  it("tells each setting and where it is from, starts and makes nothing, and ends with 0", async () => {
    const dataDir = join(cwd(), "n1");
    const config = join(cwd(), "n1.yaml");
    const [client, peer] = ["127.0.0.1:29401", "127.0.0.1:29501"];
    writeFileSync(
      config,
      `name: n1\ndata-dir: ${dataDir}\ninit: true\ntick-ms: 20\ninitial-cluster: n1=${peer}\n`,
    );
    const args = ["--config", config, "--check", "--listen-client", client, "--listen-peer", peer];
    const world = { env: { RAFTKV_TICK_MS: "15", RAFTKV_TICKMS: "1" } };
    const { code, err, out } = await raftkv(["node", "start", ...args], world);
    expect(code, err).to.equal(0);
    expect(out.toString()).to.match(/^tick-ms +15 +RAFTKV_TICK_MS$/m);
    expect(out.toString()).to.match(/^listen-client +127\.0\.0\.1:29401 +--listen-client$/m);
    expect(out.toString()).to.contain(`${config}:1: name`);
    expect(out.toString()).to.contain(`n1 can start in ${dataDir}, and begins a new cluster\n`);
    expect(err).to.contain("note: RAFTKV_TICKMS is no setting, and has no effect\n");
    expect(readdirSync(cwd())).to.deep.equal(["n1.yaml"]);
  });
});

describe("a wrong command line ends with 2 and says what is wrong:", () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["", /say which command: cluster, node, kv, .* or completion/],
    ["nope", /unknown argument: nope/],
    ["kv", /say put, get, del, range, watch or txn/],
    ["kv nope", /unknown argument: nope/],
    ["kv put", /KEY and VALUE are missing: raftkv kv put <key> <value>/],
    ["kv put k", /error: VALUE is missing: raftkv kv put <key> <value>/],
    ["kv put k -x", /-x, goes behind --/],
    ["kv put k v extra", /unknown argument: extra/],
    ["kv put k v --nope", /unknown argument: --nope/],
    ["kv put k v --nope=1", /unknown argument: --nope=1/],
    ["kv put k v --no-json", /unknown argument: --no-json/],
    ["kv put k v --timeout", /--timeout needs a value/],
    ["kv put k v --timeout 5", /--timeout is "5"/],
    ["kv put k v --timeout -5s", /--timeout is "-5s"/],
    ["kv put k v --json=yes", /--json is "yes"/],
    ["kv get", /KEY is missing: raftkv kv get <key>/],
    ["kv get k --endpoints nope", /--endpoints is "nope", but must be HOST:PORT/],
    ["kv get k", /give --endpoints HOST:PORT,… or set RAFTKV_ENDPOINTS/],
    ["wal", /say verify or dump/],
    ["wal verify", /missing: raftkv wal verify <dir>/],
    ["wal verify .", /\. holds no log: give a node's data directory, or its wal/],
    ["wal dump nowhere", /nowhere holds no log/],
    ["wal dump . --from 0", /--from is "0", but must be a position/],
    ["status extra", /unknown argument: extra/],
    ["cluster", /say start, status, stop, kill or start-node/],
    ["cluster start --nodes 0", /--nodes is 0, but must be a whole number from 1 to 9/],
    ["cluster start --nodes 1.5", /--nodes is "1.5", but must be a whole number/],
    ["cluster start --nodes -3", /--nodes is "-3"/],
    ["cluster start --client-port 65535", /--client-port is 65535.*to 65533, or 0.*3 nodes take 3/],
    ["cluster start --nodes 1 --peer-port 70000", /--peer-port is 70000, but must be from 1 to 65535, or 0/],
    ["cluster start --dir /proc/raftkv-x", /\/proc\/raftkv-x cannot be made/],
    ["cluster start --client-port 7501", /overlap/],
    ["cluster kill n1 --signal SIGNOPE", /--signal is "SIGNOPE"/],
    ["cluster kill", /missing: raftkv cluster kill <node>/],
    ["node start", /--name is missing/],
    ["node start --name n1 --data-dir d --listen-client 0.0.0.0:1 --listen-peer 127.0.0.1:2", /--insecure/],
  ];
  const cwd = temporaryDirectory();
  for (const [line, message] of wrong) {
    it(`raftkv ${line}`, async () => {
      const { code, out, err } = await raftkv(line === "" ? [] : line.split(" "), { cwd: cwd() });
      expect(err).to.match(message);
      expect(err).to.match(/^error: .+ \([A-Z_]+\)\n$/s);
      expect(out.toString()).to.equal("");
      expect(code).to.equal(2);
    });
  }

  for (const command of ["status", "stop", "kill n1", "start-node n1"]) {
    it(`raftkv cluster ${command}, where there is no cluster`, async () => {
      const { code, err } = await raftkv(["cluster", ...command.split(" ")], { cwd: cwd() });
      expect(err).to.match(/there is no cluster in .*\.raftkv.*raftkv cluster start.*NO_CLUSTER/);
      expect(code).to.equal(2);
    });
  }

  it("as JSON with --json", async () => {
    const { code, err } = await raftkv(["kv", "get", "k", "--json"], { cwd: cwd() });
    const { error } = JSON.parse(err) as { error: Record<string, unknown> };
    expect(error).to.include({ code: "NO_ENDPOINTS", exitCode: 2 });
    expect(code).to.equal(2);
  });

  it("a bad FSM_SYNC_MODE, for one node and for a cluster, before anything is started", async () => {
    const env = { FSM_SYNC_MODE: "banana" };
    for (const args of [
      ["node", "start"],
      ["cluster", "start", "--client-port", "0", "--peer-port", "0"],
    ]) {
      const { code, err } = await raftkv(args, { cwd: cwd(), env });
      expect(err)
        .to.match(/banana/)
        .and.to.match(/\bsync\b/)
        .and.to.match(/\bnosync\b/);
      expect(code).to.equal(2);
    }
  });

  it("a file where the directory should be", async () => {
    writeFileSync(join(cwd(), "mine"), "");
    const { code, err } = await raftkv(["cluster", "start", "--dir", "mine"], { cwd: cwd() });
    expect(err).to.match(/mine is a file and no directory.*\(NOT_EMPTY\)/);
    expect(code).to.equal(2);
    const below = await raftkv(["cluster", "start", "--dir", "mine/a/b"], { cwd: cwd() });
    expect(below.err).to.match(/b cannot be made: mkdir .*\/mine\/a fails with ENOTDIR \(BAD_DIRECTORY\)/);
    expect(below.code).to.equal(2);
  });

  it("and leaves no directories behind that a start which failed had made", async () => {
    const args = ["cluster", "start", "--dir", "a/b", "--client-port", "0", "--peer-port", "0"];
    const { code } = await raftkv(args, { cwd: cwd(), env: { FSM_SYNC_MODE: "banana" } });
    expect(code).to.equal(2);
    for (const command of ["stop", "start-node n1"])
      expect((await raftkv(["cluster", ...command.split(" ")], { cwd: cwd() })).code).to.equal(2);
    expect(readdirSync(cwd())).to.deep.equal([]);
  });

  it("a directory that is not empty and holds no cluster", async () => {
    mkdirSync(join(cwd(), "mine"));
    writeFileSync(join(cwd(), "mine", "thesis.txt"), "");
    const { code, err } = await raftkv(["cluster", "start", "--dir", "mine"], { cwd: cwd() });
    expect(err).to.match(/mine holds no cluster, but it is not empty \(thesis\.txt/);
    expect(code).to.equal(2);
  });
});
