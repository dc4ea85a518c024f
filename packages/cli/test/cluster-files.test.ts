import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import {
  findCluster,
  readCluster,
  updateCluster,
  withNode,
  writeCluster,
} from "../dist/cluster/directory.js";
import { withClusterLock } from "../dist/cluster/lock.js";
import { findFreePorts, listenFault, portHolder, requireFreePorts } from "../dist/cluster/ports.js";
import { isAlive, nodeProcessState } from "../dist/cluster/process.js";
import { CliError } from "../dist/errors.js";
import { raftkv } from "./support/captured.js";
import { temporaryDirectory } from "./support/temporary.js";

const NODE = {
  name: "n1",
  client: "127.0.0.1:7401",
  peer: "127.0.0.1:7501",
  pid: null,
  created: false,
};

describe("the cluster file", () => {
  const directory = temporaryDirectory();

  it("comes back as it was written", () => {
    const state = { nodes: [NODE, { ...NODE, name: "n2", pid: 4711, created: true }], stopRequested: true };
    writeCluster(directory(), state);
    expect(readCluster(directory())).to.deep.equal(state);
  });

  it("is null where there is none", () => {
    expect(readCluster(directory())).to.equal(null);
  });

  const damaged = {
    "not JSON": "{",
    "an array": "[]",
    "of a newer format": '{"format":2,"nodes":[]}',
    "without nodes": '{"format":1,"nodes":[]}',
    "with a node that has no address": '{"format":1,"nodes":[{"name":"n1","pid":null}]}',
    "with a name that leads elsewhere":
      '{"format":1,"nodes":[{"name":"../n1","client":"a:1","peer":"a:2","pid":null}]}',
    "with a pid that would be a group":
      '{"format":1,"nodes":[{"name":"n1","client":"a:1","peer":"a:2","pid":-1}]}',
  };
  for (const [what, content] of Object.entries(damaged)) {
    it(`is refused when it is ${what}, with its path and exit code 2`, () => {
      writeFileSync(join(directory(), "cluster.json"), content);
      expect(() => readCluster(directory()))
        .to.throw(CliError, /cluster\.json/)
        .with.property("exitCode", 2);
    });
  }

  it("is found from a folder below it, and the nearest one counts", () => {
    const inner = join(directory(), "a", "b");
    mkdirSync(join(directory(), ".raftkv"), { recursive: true });
    mkdirSync(join(inner, "c"), { recursive: true });
    expect(findCluster(inner)).to.equal(null);
    writeCluster(join(directory(), ".raftkv"), { nodes: [NODE], stopRequested: false });
    expect(findCluster(inner)).to.equal(join(directory(), ".raftkv"));
    mkdirSync(join(inner, ".raftkv"));
    writeCluster(join(inner, ".raftkv"), { nodes: [NODE], stopRequested: false });
    expect(findCluster(join(inner, "c"))).to.equal(join(inner, ".raftkv"));
  });

  it("loses no change when many commands change it at once", async () => {
    const nodes = Array.from({ length: 9 }, (_, index) => ({ ...NODE, name: `n${index + 1}` }));
    writeCluster(directory(), { nodes, stopRequested: false });
    await Promise.all(
      nodes.map(({ name }, index) =>
        updateCluster(directory(), (state) => withNode(state, name, { pid: 100 + index })),
      ),
    );
    expect(readCluster(directory())?.nodes.map(({ pid }) => pid)).to.deep.equal(
      nodes.map((_, index) => 100 + index),
    );
  });

  it("is changed by one at a time, however many find the file of one that died", async () => {
    const gone = spawn(process.execPath, ["-e", ""]);
    await new Promise((resolve) => gone.once("exit", resolve));
    let inside = 0;
    let most = 0;
    const body = async (): Promise<void> => {
      inside++;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    };
    for (let round = 0; round < 20; round++) {
      writeFileSync(join(directory(), "cluster.lock"), String(gone.pid));
      await Promise.all([1, 2, 3, 4].map(() => withClusterLock(directory(), body)));
    }
    expect(most).to.equal(1);
    expect(readdirSync(directory())).to.deep.equal([]);
  });

  it("is not judged by the pid in the lock's file: the kernel has the lock as long as its process lives", async () => {
    const script = `import { withClusterLock } from ${JSON.stringify(new URL("../dist/cluster/lock.js", import.meta.url).href)};
      await withClusterLock(process.argv[1], async () => { console.log("held"); await new Promise(() => setInterval(() => {}, 1000)); });`;
    const args = ["--input-type=module", "-e", script, directory()];
    const holder = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => holder.stdout.once("data", resolve));
    let isIn = false;
    const waiting = withClusterLock(directory(), () => {
      isIn = true;
    });
    // Several tries of the one that waits.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isIn).to.equal(false);
    holder.kill("SIGKILL");
    await waiting;
    expect(isIn).to.equal(true);
  });

  it("is not changed by `cluster start` with other numbers than it was made with", async () => {
    mkdirSync(join(directory(), ".raftkv"));
    writeCluster(join(directory(), ".raftkv"), { nodes: [NODE], stopRequested: false });
    const before = readFileSync(join(directory(), ".raftkv", "cluster.json"), "utf8");
    for (const option of [
      ["--nodes", "3"],
      ["--client-port", "9000"],
      ["--peer-port", "9000"],
    ]) {
      const { code, err } = await raftkv(["cluster", "start", ...option], { cwd: directory() });
      expect(err).to.match(/leave --.* out to resume it/);
      expect(code).to.equal(2);
    }
    expect(readFileSync(join(directory(), ".raftkv", "cluster.json"), "utf8")).to.equal(before);
  });
});

describe("pids", () => {
  const directory = temporaryDirectory();

  it("of other programs are not taken for a node, so that none of them is killed", async () => {
    expect(isAlive(process.pid)).to.equal(true);
    expect(nodeProcessState(process.pid, directory())).to.equal("gone");
    mkdirSync(join(directory(), ".raftkv"));
    writeCluster(join(directory(), ".raftkv"), {
      nodes: [{ ...NODE, pid: process.pid }],
      stopRequested: false,
    });
    const killed = await raftkv(["cluster", "kill", "n1"], { cwd: directory() });
    expect(killed.err).to.equal("error: n1 is not running (NOT_RUNNING)\n");
    expect(killed.code).to.equal(5);
    const status = await raftkv(["cluster", "status", "--json"], { cwd: directory() });
    expect(JSON.parse(status.out.toString())).to.deep.equal([
      { name: "n1", pid: null, client: "127.0.0.1:7401", peer: "127.0.0.1:7501", running: false },
    ]);
    const stopped = await raftkv(["cluster", "stop"], { cwd: directory() });
    expect([stopped.code, stopped.out.toString()]).to.deep.equal([0, "nothing was running\n"]);
  });

  it("of a node are told by its data directory, to the last letter", async () => {
    // Stands in for a node: only its arguments count.
    const script = "process.stdout.write('up'); setInterval(() => undefined, 1000)";
    const args = ["-e", script, "--", "node", "start", "--data-dir", "/tmp/x/n1", "--name", "n1"];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    try {
      expect(nodeProcessState(child.pid ?? 0, "/tmp/x/n1")).to.equal("running");
      expect(nodeProcessState(child.pid ?? 0, "/tmp/x/n")).to.equal("gone");
      expect(nodeProcessState(child.pid ?? 0, "/tmp/x/n11")).to.equal("gone");
    } finally {
      child.kill("SIGKILL");
    }
  });
});

describe("ports", () => {
  it("that are in use are named with their holder", async function () {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const parts = { host: "127.0.0.1", port: (server.address() as { port: number }).port };
    const address = `127.0.0.1:${parts.port}`;
    try {
      expect(await listenFault(parts)).to.equal("EADDRINUSE");
      const failure = await requireFreePorts([{ address, purpose: "clients of n1" }]).catch(
        (error: unknown) => error,
      );
      expect(failure).to.be.instanceOf(CliError).and.to.include({ code: "PORT_IN_USE", exitCode: 2 });
      expect((failure as CliError).message).to.contain(`port ${address} (clients of n1) is in use`);
      if (process.platform !== "linux") this.skip();
      expect((failure as CliError).message).to.contain(`by pid ${process.pid} (`);
      expect(portHolder(1)).to.equal(null);
      const both = [
        { address, purpose: "clients of n1" },
        { address, purpose: "peers of n1" },
      ];
      const lines = ((await requireFreePorts(both).catch((error: unknown) => error)) as CliError).message;
      expect(lines.split("\n"), "a line for each port").to.have.length(2);
      for (const line of lines.split("\n")) expect(line).to.have.length.below(130);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    expect(await listenFault(parts)).to.equal(null);
  });

  it("that are free come in a row, and none of those to avoid", async () => {
    const first = await findFreePorts("127.0.0.1", 5, new Set());
    for (let port = first; port < first + 5; port++)
      expect(await listenFault({ host: "127.0.0.1", port })).to.equal(null);
  });
});
