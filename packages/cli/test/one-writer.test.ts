import { copyFileSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { connect } from "@raftkv/client";
import { expect } from "chai";
import { raftkv } from "./support/captured.js";
import { oneNodeArguments } from "./support/one-node.js";
import { startCommand } from "./support/process.js";
import type { CommandProcess } from "./support/process.js";
import { temporaryDirectory } from "./support/temporary.js";

const IN_USE = 75;
const DAMAGED = 76;

describe("one writer at a time, with processes of their own (W6)", function () {
  this.timeout(60_000);
  const started: CommandProcess[] = [];
  let args: string[] = [];
  let endpoint = "";

  beforeEach(async () => {
    ({ start: args, endpoint } = await oneNodeArguments());
  });

  afterEach(async () => {
    for (const node of started.splice(0)) await end(node, "SIGKILL");
  });
  // Behind it: hooks run in their order, and a node that runs writes on.
  const cwd = temporaryDirectory();

  function start(): CommandProcess {
    const node = startCommand(args, cwd());
    started.push(node);
    return node;
  }

  async function serving(): Promise<CommandProcess> {
    const node = start();
    await node.printed(/leader in term/);
    return node;
  }

  async function end(node: CommandProcess, signal: NodeJS.Signals): Promise<void> {
    node.child.kill(signal);
    await node.ended();
  }

  /** A second process on the directory of `holder`. */
  async function expectRefused(holder: CommandProcess): Promise<void> {
    const second = start();
    expect(await second.ended()).to.equal(IN_USE);
    expect(second.output()).to.match(
      new RegExp(`error: the log in .* is in use by process ${holder.child.pid} \\(`),
    );
  }

  it("the second exits naming the first, also while that is stopped; after kill -9 it starts at once", async () => {
    const first = await serving();
    await expectRefused(first);
    first.child.kill("SIGSTOP");
    await expectRefused(first);
    first.child.kill("SIGCONT");
    const client = await connect({ endpoints: [endpoint] });
    await client.put("k", "still the first's");
    await client.close();
    await end(first, "SIGKILL");
    const second = await serving();
    const reader = await connect({ endpoints: [endpoint] });
    expect((await reader.get("k"))?.text()).to.equal("still the first's");
    await reader.close();
    await end(second, "SIGTERM");
  });

  it("a segment of an older epoch behind a newer one is refused, by the node and by verify", async () => {
    await end(await serving(), "SIGTERM");
    await end(await serving(), "SIGTERM");
    const wal = join(cwd(), "d", "wal");
    const names = readdirSync(wal)
      .filter((name) => name.endsWith(".wal"))
      .sort();
    const oldest = join(wal, names[0] ?? "");
    const behind = join(wal, "0000000000000099.wal");

    // As it is: it says itself that it is another segment.
    copyFileSync(oldest, behind);
    const misplaced = start();
    expect(await misplaced.ended()).to.equal(DAMAGED);
    expect(misplaced.output()).to.match(
      /0000000000000099\.wal is damaged at byte 16: expected segment 99.*, found segment 1 /,
    );

    // With its number made to fit, only the epoch tells.
    const bytes = readFileSync(oldest);
    bytes.writeUInt32LE(99, 16);
    bytes.writeUInt32LE(crc32(bytes.subarray(12, 512)), 8);
    writeFileSync(behind, bytes);
    const stale = start();
    expect(await stale.ended()).to.equal(DAMAGED);
    expect(stale.output()).to.match(
      /0000000000000099\.wal is of writer epoch 1, behind a segment of epoch 2 \(WAL_EPOCH\)/,
    );
    const verified = await raftkv(["wal", "verify", "d"], { cwd: cwd() });
    expect(verified.err).to.contain("(WAL_EPOCH)");
    expect(verified.code).to.equal(1);

    rmSync(behind);
    await end(await serving(), "SIGTERM");
  });
});
