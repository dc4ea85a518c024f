import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { readCluster } from "../dist/cluster/directory.js";
import { isAlive } from "../dist/cluster/process.js";
import { waitUntil } from "../dist/cluster/wait.js";
import { raftkv } from "./support/captured.js";
import type { Captured, World } from "./support/captured.js";
import { deadEndpoint } from "./support/fake-node.js";
import { startCommand } from "./support/process.js";

const CONVERGE_LIMIT_MS = 30_000;
const FREE_PORTS = ["--client-port", "0", "--peer-port", "0"];

interface StatusRow {
  readonly name: string;
  readonly endpoint: string;
  readonly role: string | null;
  readonly applied: number | null;
  readonly hash: string | null;
  readonly mode: string | null;
}

describe("a cluster of real processes", function () {
  this.timeout(120_000);
  let cwd = "";
  before(() => {
    cwd = mkdtempSync(join(tmpdir(), "raftkv-cluster-test-"));
  });
  after(async () => {
    await raftkv(["cluster", "stop"], { cwd });
    rmSync(cwd, { recursive: true, force: true });
  });

  const run = (line: string, world: World = {}): Promise<Captured> =>
    raftkv(line.split(" "), { cwd, ...world });
  const must = async (line: string, world: World = {}): Promise<Captured> => {
    const captured = await run(line, world);
    expect(captured.code, `${line}: ${captured.err}`).to.equal(0);
    return captured;
  };
  const nodes = () => readCluster(join(cwd, ".raftkv"))?.nodes ?? [];
  const endpointOf = (name: string): string => nodes().find((node) => node.name === name)?.client ?? "";
  const rows = async (): Promise<readonly StatusRow[]> =>
    JSON.parse((await run("status --json")).out.toString()) as StatusRow[];
  const converged = (): Promise<boolean> =>
    waitUntil(
      async () => {
        const states = (await rows()).map(({ applied, hash }) =>
          hash === null ? null : `${applied} ${hash}`,
        );
        return !states.includes(null) && new Set(states).size === 1;
      },
      { limitMs: CONVERGE_LIMIT_MS, everyMs: 100 },
    );

  /** The kernel may take a moment to see the signal: until then the node is running, and that is the answer. */
  const waitForRestart = async (): Promise<Captured> => {
    let last = await run("cluster start-node n2");
    await waitUntil(
      async () => {
        if (!last.err.includes("ALREADY_RUNNING")) return true;
        last = await run("cluster start-node n2");
        return false;
      },
      { limitMs: CONVERGE_LIMIT_MS },
    );
    return last;
  };

  it("starts on free ports, and says what can be talked to", async () => {
    const { out, err } = await must(`cluster start ${FREE_PORTS.join(" ")} --detach`);
    expect(err).to.contain("starting 3 nodes in ");
    expect(out.toString()).to.contain("raftkv kv put greeting hello").and.to.contain("raftkv cluster stop");
    for (const node of nodes()) expect(out.toString()).to.contain(node.client);
    const ports = nodes().map(({ client }) => Number(client.split(":")[1]));
    expect(ports.map((port) => port - (ports[0] ?? 0))).to.deep.equal([0, 1, 2]);
  });

  it("on being started a second time says that it runs, and changes nothing", async () => {
    const before = nodes();
    const { code, err } = await run("cluster start");
    expect(err).to.match(
      /is running already: n1 \(pid \d+\), n2 \(pid \d+\), n3 \(pid \d+\) \(ALREADY_RUNNING\)/,
    );
    expect(code).to.equal(2);
    expect(nodes()).to.deep.equal(before);
  });

  it("shows name, pid, endpoints and running of each node", async () => {
    const listed = JSON.parse((await must("cluster status --json")).out.toString()) as unknown;
    const expected = nodes().map(({ name, pid, client, peer }) => ({
      name,
      pid,
      client,
      peer,
      running: true,
    }));
    expect(listed).to.deep.equal(expected);
  });

  it("gives through each node alone what was put through any", async () => {
    await must("kv put greeting hello");
    for (const { client } of nodes()) {
      const { out } = await must(`kv get greeting --endpoints ${client}`);
      expect(out.toString(), client).to.equal("hello");
    }
    const elsewhere = { cwd: "/", env: { RAFTKV_ENDPOINTS: endpointOf("n2") } };
    expect((await must("kv get greeting", elsewhere)).out.toString()).to.equal("hello");
  });

  const values = ["007", "1e3", "-5", "-0x1f", "", "true", "help", " a  b ", "ä\n", '"q"', "a=b", "null"];
  for (const value of values) {
    it(`gives ${JSON.stringify(value)} back as it was typed, as value and as key`, async () => {
      expect((await raftkv(["kv", "put", "k", value], { cwd })).code).to.equal(0);
      expect((await must("kv get k")).out.toString()).to.equal(value);
      if (value === "") return;
      expect((await raftkv(["kv", "put", value, "found"], { cwd })).code).to.equal(0);
      expect((await raftkv(["kv", "get", value], { cwd })).out.toString()).to.equal("found");
    });
  }

  it("gives every byte back that came in by standard input", async () => {
    const bytes = Buffer.from(Array.from({ length: 1024 }, (_, index) => index % 256));
    await must("kv put bytes -", { input: bytes });
    expect((await must("kv get bytes")).out.equals(bytes)).to.equal(true);
    const json = JSON.parse((await must("kv get bytes --json")).out.toString()) as Record<string, unknown>;
    expect(json).to.include({ key: "bytes", value: null, valueBase64: bytes.toString("base64"), version: 1 });
  });

  it("ends the value with a newline on a terminal only", async () => {
    await must("kv put line x");
    expect((await must("kv get line", { isTTY: true })).out.toString()).to.equal("x\n");
    expect((await must("kv get line")).out.toString()).to.equal("x");
  });

  it("answers a missing key with 1 and `key not found`, to get and to del", async () => {
    await must("kv put gone x");
    await must("kv del gone");
    for (const command of ["get", "del"]) {
      const { code, out, err } = await run(`kv ${command} gone`);
      expect({ code, out: out.toString(), err }).to.deep.equal({ code: 1, out: "", err: "key not found\n" });
    }
    const { err } = await run("kv get gone --json");
    expect(JSON.parse(err)).to.deep.equal({
      error: { code: "KEY_NOT_FOUND", message: "key not found", exitCode: 1 },
    });
  });

  it("is reached with two dead endpoints and one live, and with three dead ones ends with 3", async () => {
    const dead = [await deadEndpoint(), await deadEndpoint(), await deadEndpoint()];
    const alive = `${dead[0]},${dead[1]},${endpointOf("n1")}`;
    expect((await must(`kv get greeting --endpoints ${alive}`)).out.toString()).to.equal("hello");
    const { code, err } = await run(`kv get greeting --timeout 700ms --endpoints ${dead.join()}`);
    expect(err).to.match(/^error: .* \([A-Z_]+\)\n$/);
    expect(code).to.equal(3);
  });

  it("loses nothing when its leader is killed, and the node comes back equal to the others", async () => {
    const leader = (await rows()).find((row) => row.role === "leader")?.name ?? "";
    const killed = await must(`cluster kill ${leader}`);
    expect(killed.out.toString()).to.match(new RegExp(`^sent SIGKILL to ${leader}, pid \\d+\n$`));
    expect((await must("kv get greeting")).out.toString()).to.equal("hello");
    await must("kv put after kill");
    const down = await run("status");
    expect(down.out.toString()).to.match(new RegExp(`^${leader} .*unreachable`, "m"));
    expect((await run(`cluster kill ${leader}`)).code).to.equal(5);
    await must(`cluster start-node ${leader}`);
    expect(await converged(), "the replicas become equal").to.equal(true);
    expect((await run(`cluster start-node ${leader}`)).code).to.equal(2);
  });

  it("starts a node again in the moment in which it was killed: its ports may be open a little longer", async () => {
    for (let round = 0; round < 5; round++) {
      process.kill(nodes().find(({ name }) => name === "n2")?.pid ?? 0, "SIGKILL");
      const { code, err } = await waitForRestart();
      expect(code, err).to.equal(0);
    }
  });

  it("lets a node listen without a quorum, and then says that it is not available", async () => {
    for (const { name } of nodes()) await must(`cluster kill ${name}`);
    await must("cluster start-node n2");
    const { code, err } = await run("kv get greeting --timeout 1s");
    expect(err).to.match(/^error: /);
    expect(code).to.equal(3);
    await must("cluster start-node n1");
    expect((await must("kv get greeting --timeout 20s")).out.toString()).to.equal("hello");
  });

  it("says which nodes run when it is only half there", async () => {
    const { code, err } = await run("cluster start");
    expect(err).to.contain("`raftkv cluster start-node n3` starts a node that is down");
    expect(code).to.equal(2);
  });

  it("stops also when a node is paused, and then no process is left", async () => {
    await must("cluster kill n1 --signal SIGSTOP");
    const { out } = await must("cluster stop");
    expect(out.toString()).to.equal("stopped n1, n2\n");
    const listed = JSON.parse((await must("cluster status --json")).out.toString()) as { running: boolean }[];
    expect(listed.map(({ running }) => running)).to.deep.equal([false, false, false]);
  });

  it("names the port that somebody else has taken meanwhile", async () => {
    const server = createServer();
    const port = Number(endpointOf("n2").split(":")[1]);
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    try {
      const { code, err } = await run("cluster start --detach");
      expect(err).to.contain(`port 127.0.0.1:${port} (clients of n2) is in use`);
      expect(code).to.equal(2);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("resumes with its ports and its data, in the mode that it is told (FSM_SYNC_MODE)", async () => {
    const before = nodes().map(({ client }) => client);
    const { err } = await must("cluster start --detach", { env: { FSM_SYNC_MODE: " SYNC " } });
    expect(err).to.contain("resuming 3 nodes");
    expect(nodes().map(({ client }) => client)).to.deep.equal(before);
    expect((await must("kv get greeting")).out.toString()).to.equal("hello");
    expect(await converged()).to.equal(true);
    expect((await rows()).map(({ mode }) => mode)).to.deep.equal(["sync", "sync", "sync"]);
  });

  it("does not make a wiped node anew (R25)", async () => {
    await must("cluster kill n3");
    rmSync(join(cwd, ".raftkv", "n3"), { recursive: true });
    const { code, err } = await run("cluster start-node n3");
    expect(err).to.match(
      /^error: n3 does not listen: n3's data directory is empty: what it promised is gone; .* \(START_FAILED\)\n$/,
    );
    expect(code).to.equal(2);
    expect((await must("kv get greeting")).out.toString()).to.equal("hello");
  });

  it("resumes without a member that is lost, says so, and does not list it as running", async () => {
    await must("cluster stop");
    const down = await run("kv get greeting --timeout 1s");
    expect(down.err).to.match(/within 1s .*`raftkv cluster start` resumes it \(UNAVAILABLE\)\n$/);
    expect(down.code).to.equal(3);
    const { err, out } = await must("cluster start --detach --json");
    expect(err).to.match(/^warning: n3 is not running: n3's data directory is empty/m);
    const { nodes: listed } = JSON.parse(out.toString()) as {
      nodes: { name: string; pid: number | null; running: boolean }[];
    };
    expect(listed.map(({ name, running }) => [name, running])).to.deep.equal([
      ["n1", true],
      ["n2", true],
      ["n3", false],
    ]);
    expect(listed[2]?.pid).to.equal(null);
  });

  it("gives the exit code of a node whose log is damaged, in one line without what it wrote before (76)", async () => {
    await must("cluster kill n2");
    const dump = (await must(`wal dump ${join(cwd, ".raftkv", "n2")} --json`)).out.toString();
    const record = JSON.parse(dump.split("\n", 1)[0] ?? "") as { file: string; offset: number };
    const file = openSync(record.file, "r+");
    writeSync(file, Buffer.alloc(8, 0xa5), 0, 8, record.offset);
    closeSync(file);
    const { code, err } = await run("cluster start-node n2");
    expect(err).to.match(
      /^error: n2 does not listen: exit code 76: .*; its log is .*node\.log \(START_FAILED\)\n$/,
    );
    expect(err).to.contain(record.file).and.not.to.contain("listening");
    expect(code).to.equal(76);
  });

  it("is found from a folder below it, as kv finds it", async () => {
    const below = join(cwd, "a", "b");
    mkdirSync(below, { recursive: true });
    const { code, out } = await run("cluster status --json", { cwd: below });
    expect(code).to.equal(0);
    expect(JSON.parse(out.toString())).to.have.length(3);
  });

  it("keeps a second process off a node's directory: 75, with the first one's pid", async () => {
    const [n1] = nodes();
    const dataDir = join(cwd, ".raftkv", "n1");
    const dead = [await deadEndpoint(), await deadEndpoint()];
    const args = ["node", "start", "--name", "n1", "--data-dir", dataDir, "--listen-client", dead[0] ?? ""];
    const second = startCommand([...args, "--listen-peer", dead[1] ?? ""], cwd);
    expect(await second.ended(), second.output()).to.equal(75);
    expect(second.output()).to.contain(String(n1?.pid));
  });
});

describe("a cluster in the foreground", function () {
  this.timeout(120_000);
  let cwd = "";
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), "raftkv-foreground-test-"));
  });
  afterEach(async () => {
    await raftkv(["cluster", "stop"], { cwd });
    rmSync(cwd, { recursive: true, force: true });
  });
  const runningNames = async (): Promise<string[]> => {
    const { out } = await raftkv(["cluster", "status", "--json"], { cwd });
    const listed = JSON.parse(out.toString()) as { name: string; running: boolean }[];
    return listed.filter(({ running }) => running).map(({ name }) => name);
  };

  it("tells of a node that dies and of one that comes back, and stops them all, once, however often it is told", async () => {
    const command = startCommand(["cluster", "start", ...FREE_PORTS], cwd);
    await command.printed(/Ctrl-C stops it/);
    expect(await runningNames()).to.deep.equal(["n1", "n2", "n3"]);
    expect((await raftkv(["cluster", "kill", "n2"], { cwd })).code).to.equal(0);
    await command.printed(/n2 is gone \(killed by SIGKILL\), was pid \d+;.*start-node n2/);
    expect(await runningNames(), "nobody restarts it").to.deep.equal(["n1", "n3"]);
    expect((await raftkv(["cluster", "start-node", "n2"], { cwd })).code).to.equal(0);
    await command.printed(/n2 runs again, pid \d+/);
    for (let press = 0; press < 3; press++) command.child.kill("SIGINT");
    expect(await command.ended()).to.equal(0);
    expect(command.output().match(/^stopping/gm)).to.have.length(1);
    expect(await runningNames()).to.deep.equal([]);
  });

  it("stops its nodes when its directory is removed under them, and ends with an error", async () => {
    const command = startCommand(["cluster", "start", ...FREE_PORTS], cwd);
    await command.printed(/Ctrl-C stops it/);
    const directory = join(cwd, ".raftkv");
    const pids = (readCluster(directory)?.nodes ?? []).map(({ pid }) => pid ?? 0);
    rmSync(join(directory, "cluster.json"));
    expect(await command.ended()).to.equal(5);
    expect(command.output()).to.contain("its nodes were stopped (CLUSTER_LOST)");
    expect(pids).to.have.length(3);
    expect(pids.filter(isAlive)).to.deep.equal([]);
  });

  it("ends with 0 when it is stopped from elsewhere", async () => {
    const command = startCommand(["cluster", "start", "--nodes", "1", ...FREE_PORTS], cwd, {
      FSM_SYNC_MODE: " NoSync ",
    });
    await command.printed(/Ctrl-C stops it/);
    expect((await raftkv(["cluster", "stop"], { cwd })).code).to.equal(0);
    expect(await command.ended()).to.equal(0);
    expect(command.output()).to.contain("the cluster was stopped").and.not.to.contain("is gone");
  });
});
