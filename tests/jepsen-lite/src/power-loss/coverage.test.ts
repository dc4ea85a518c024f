import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@raftkv/client";
import { expect } from "chai";
import { freePorts } from "@raftkv/node";
import { RAFTKV } from "../harness/raftkv.js";
import { until } from "../harness/until.js";
import { parseStrace, straceMissing } from "../sync-order/strace.js";
import type { SystemCall } from "../sync-order/strace.js";
import { compileShim } from "./compile.js";
import { PowerLossDisk } from "./disk.js";

const WRITES = ["write", "writev", "pwrite64", "pwritev", "pwritev2", "ftruncate", "truncate", "fallocate"];
const NAMES = [
  "rename",
  "renameat",
  "renameat2",
  "link",
  "linkat",
  "unlink",
  "unlinkat",
  "mkdir",
  "mkdirat",
  "rmdir",
];
const OTHERS = ["sendfile", "copy_file_range", "splice", "io_uring_setup", "symlink", "symlinkat", "mmap"];

describe("the shim under a whole node process, LevelDB included", () => {
  let root: string;

  before(() => (root = mkdtempSync(join(tmpdir(), "raftkv-coverage-"))));
  after(() => rmSync(root, { recursive: true, force: true }));

  it("no call changes the data directory past it: strace sees a record in the journal before each", async function () {
    const shim = join(root, "shim.so");
    const missing = straceMissing() ?? compileShim(shim);
    if (missing !== null) {
      process.stderr.write(`skipped: ${missing}\n`);
      this.skip();
    }
    this.timeout(120_000);
    const disk = new PowerLossDisk(join(root, "disk"), shim);
    const trace = join(root, "trace");
    await runTraced(disk, trace);
    const calls = parseStrace(readFileSync(trace, "utf8"));
    const watched = `${disk.directory}/`;
    const shadow = `${disk.directory}.power-loss/`;
    const isRecord = ({ name, target }: SystemCall): boolean =>
      name === "write" && (target.startsWith(`${shadow}data/`) || target.startsWith(`${shadow}names/`));
    const changes = calls.filter(
      ({ args, name, result, target }) =>
        result >= 0 &&
        [...WRITES, ...NAMES].includes(name) &&
        // Of a link the directory that is changed is the second.
        (`${target}/`.startsWith(watched) || (name.startsWith("link") && args.includes(watched))) &&
        // The second name of what is about to be removed, in the shadow.
        !args.includes(".power-loss>") &&
        // Of a file that has that size already.
        !args.endsWith("/LOCK>, 0"),
    );
    const seen = new Map<string, boolean>();
    const past: string[] = [];
    for (const call of calls) {
      if (isRecord(call)) seen.set(call.thread, true);
      else if (changes.includes(call)) {
        if (seen.get(call.thread) !== true) past.push(`${call.name}(${call.args})`);
        seen.set(call.thread, false);
      }
    }
    expect(past).to.deep.equal([]);
    const other = calls.filter(
      ({ args, name }) => OTHERS.includes(name) && args.includes(watched) && !/PROT_READ, /.test(args),
    );
    expect(other.map(({ args, name }) => `${name}(${args})`)).to.deep.equal([]);
    const kinds = new Set(changes.map(({ name }) => name));
    expect([...kinds], "log, LevelDB, checkpoint and compaction were all seen").to.include.members([
      "write",
      "pwrite64",
      "linkat",
      "renameat2",
      "unlinkat",
      "mkdirat",
    ]);
  });
});

/** One node from its making to a clean end, with load, checkpoints and compactions between. */
async function runTraced(disk: PowerLossDisk, trace: string): Promise<void> {
  const [client, peer] = await freePorts(2);
  const node = ["node", "start", "--name", "n1", "--data-dir", join(disk.directory, "n1"), "--init"];
  node.push("--listen-client", `127.0.0.1:${client}`, "--listen-peer", `127.0.0.1:${peer}`);
  node.push("--initial-cluster", `n1=127.0.0.1:${peer}`);
  const traced = [...WRITES, ...NAMES, ...OTHERS].join(",");
  const strace = ["-f", "-ttt", "-yy", "-T", "-s", "0", "-e", `trace=${traced}`, "-o", trace];
  const child = spawn("strace", [...strace, process.execPath, RAFTKV, ...node], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      ...process.env,
      ...disk.env(),
      RAFTKV_LOG_LEVEL: "warn",
      RAFTKV_WAL_SEGMENT_BYTES: "64KiB",
      RAFTKV_CHECKPOINT_ENTRIES: "100",
      RAFTKV_LOG_KEEP_ENTRIES: "0",
    },
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  let pid = 0;
  try {
    pid = await until("the node serves", async () => {
      const status = await fetch(`http://127.0.0.1:${client}/v1/status`);
      const { pid: own, role } = (await status.json()) as { pid: number; role: string };
      return role === "leader" ? own : null;
    });
    const connection = await connect({ endpoints: [`127.0.0.1:${client}`] });
    for (let turn = 0; turn < 6; turn += 1) {
      await Promise.all(
        Array.from({ length: 100 }, (_, i) => connection.put(`${turn}/${i}`, "v".repeat(300))),
      );
    }
    await connection.close();
    process.kill(pid, "SIGTERM");
  } catch (error) {
    if (pid !== 0) process.kill(pid, "SIGKILL");
    else child.kill("SIGKILL");
    throw error;
  }
  expect(await ended).to.equal(0);
}
