import { expect } from "chai";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { LogWriter, WalLockedError } from "raft-ts";
import { batch, commit, entry, failure, names, readAll } from "./support.js";

/** Opens the log in another process, appends until it is killed, and says how far it is durable. */
const HOLDER = `
import { encodeFrame, LogWriter } from "raft-ts";
const log = await LogWriter.open({ dir: process.argv[1], segmentBytes: 65536 });
for (let index = 1; ; index += 1) {
  const frame = encodeFrame({ group: 1, term: 1, index, kind: "command" }, Buffer.alloc(100, index));
  const seq = log.append({ group: 1, hardState: null, base: null, entries: [frame] });
  await new Promise((resolve) => log.durability.wait(seq, resolve));
  process.stdout.write(seq + "\\n");
}`;

describe("the directory's lock (W6)", function () {
  this.timeout(20_000);
  let dir = "";
  let holder: ChildProcess | null = null;

  beforeEach(async () => {
    dir = await mkdtemp(`${tmpdir()}/raft-wal-lock-`);
  });

  afterEach(async () => {
    if (holder !== null && holder.exitCode === null && holder.signalCode === null) await kill(holder);
    holder = null;
    await rm(dir, { recursive: true });
  });

  /** Starts the holder and returns once it has acknowledged something. */
  async function start(): Promise<{ readonly child: ChildProcess; readonly acknowledged: () => number }> {
    const cwd = fileURLToPath(new URL("../..", import.meta.url));
    const child = spawn(process.execPath, ["--input-type=module", "-e", HOLDER, dir], {
      cwd,
      stdio: ["ignore", "pipe", "inherit"],
    });
    holder = child;
    let output = "";
    child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    while (!output.includes("\n")) await once(child.stdout ?? child, "data");
    return {
      child,
      acknowledged: () => Number(output.slice(0, output.lastIndexOf("\n")).split("\n").at(-1)),
    };
  }

  async function kill(child: ChildProcess): Promise<void> {
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
  }

  it("keeps a second writer out, in the same process as well, and lets it in after close", async () => {
    const log = await LogWriter.open({ dir, segmentBytes: 65_536 });
    const error = await failure(LogWriter.open({ dir, segmentBytes: 65_536 }));
    expect(error).to.be.instanceOf(WalLockedError);
    expect(error).to.include({ code: "WAL_LOCKED", dir, pid: process.pid });
    await log.close();
    await (await LogWriter.open({ dir, segmentBytes: 65_536 })).close();
  });

  it("names the holder's process, also while that is stopped", async () => {
    const { child } = await start();
    const running = await failure(LogWriter.open({ dir }));
    expect(running).to.be.instanceOf(WalLockedError);
    expect(running).to.include({ pid: child.pid });
    child.kill("SIGSTOP");
    const stopped = await failure(LogWriter.open({ dir }));
    expect(stopped).to.include({ code: "WAL_LOCKED", pid: child.pid });
    expect(stopped.message).to.include(`process ${child.pid}`);
  });

  it("goes with its process by kill -9, and nothing that was acknowledged is lost", async () => {
    const { child, acknowledged } = await start();
    await kill(child);
    const log = await LogWriter.open({ dir, segmentBytes: 65_536 });
    expect(log.epoch).to.equal(2);
    expect(log.durability.durableSeq).to.be.at.least(acknowledged());
    const frames = await readAll(log, undefined, 1_000_000);
    expect(frames).to.have.length(log.durability.durableSeq);
    expect(await readFile(`${dir}/LOCK`, "utf8")).to.equal(`${process.pid}\n`);
    await log.close();
  });
});

describe("the log on the real file system", function () {
  this.timeout(20_000);

  it("makes its directory, rotates, survives a restart, and reads everything back", async () => {
    const parent = await mkdtemp(`${tmpdir()}/raft-wal-`);
    const dir = `${parent}/a/b/wal`;
    let log = await LogWriter.open({ dir, segmentBytes: 8192 });
    for (let index = 1; index <= 100; index += 1) await commit(log, batch([entry(index, 1, 500)]));
    expect(log.stats().segments).to.be.at.least(7);
    await log.close();
    log = await LogWriter.open({ dir, segmentBytes: 8192 });
    const expected = Array.from({ length: 100 }, (_, at) => entry(at + 1, 1, 500));
    expect(names(await readAll(log))).to.deep.equal(names(expected));
    expect((await readAll(log)).map((frame) => frame.bytes)).to.deep.equal(
      expected.map((frame) => frame.bytes),
    );
    await log.close();
    await rm(parent, { recursive: true });
  });
});
