import { spawnSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { connect } from "@raftkv/client";
import { expect } from "chai";
import { raftkv } from "./support/captured.js";
import { oneNodeArguments } from "./support/one-node.js";
import { startCommand } from "./support/process.js";
import type { CommandProcess } from "./support/process.js";
import { temporaryDirectory } from "./support/temporary.js";

describe("raftkv wal", function () {
  this.timeout(60_000);
  let node: CommandProcess | null = null;
  let endpoint = "";

  afterEach(async () => {
    if (node === null) return;
    node.child.kill("SIGKILL");
    await node.ended();
    node = null;
  });
  // Behind it: hooks run in their order, and a node that runs writes on.
  const cwd = temporaryDirectory();

  async function start(): Promise<void> {
    const args = await oneNodeArguments();
    ({ endpoint } = args);
    node = startCommand([...args.start, "--wal-segment-bytes", "16KiB"], cwd());
    await node.printed(/leader in term/);
  }

  /** One put after the other, so that each is a batch of its own; `between` runs once in a while. */
  async function put(count: number, between: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const client = await connect({ endpoints: [endpoint], sessions: false });
    for (let i = 0; i < count; i += 1) {
      await client.put(`k${i}`, "v".repeat(900));
      if (i % 25 === 24) await between();
    }
    await client.close();
  }

  async function stop(): Promise<void> {
    node?.child.kill("SIGTERM");
    await node?.ended();
    node = null;
  }

  const wal = (): string => join(cwd(), "d", "wal");
  const segments = (): string[] =>
    readdirSync(wal())
      .filter((name) => name.endsWith(".wal"))
      .sort();

  it("verifies and dumps beside a running node, by its data directory or its wal", async () => {
    await start();
    await put(20);
    for (const dir of ["d", "d/wal", join(cwd(), "d")]) {
      const { code, err, out } = await raftkv(["wal", "verify", dir], { cwd: cwd() });
      expect(err).to.equal("");
      expect(out.toString()).to.match(
        /^clean: \d segments, \d+ bytes, \d+ batches, 2\d entries, last position \d+\n/,
      );
      expect(out.toString()).to.match(/\ngroup 1: entries 1 to 2\d, term 1\n$/);
      expect(code).to.equal(0);
    }
    const listed = await raftkv(["wal", "dump", "d", "--json"], { cwd: cwd() });
    const rows = listed.out
      .toString()
      .trim()
      .split("\n")
      .map((text) => JSON.parse(text) as Record<string, unknown>);
    const commands = rows.filter((row) => row["type"] === "command");
    expect(commands).to.have.length.within(20, 21);
    for (const row of commands) {
      const bytes = readFileSync(String(row["file"]));
      const offset = Number(row["offset"]);
      expect(bytes.readUInt32LE(offset), "the frame's own length stands there").to.equal(row["length"]);
      expect(
        `0x${bytes
          .readUInt32LE(offset + 4)
          .toString(16)
          .padStart(8, "0")}`,
      ).to.equal(row["checksum"]);
      expect(row).to.include({ group: 1, term: 1 });
    }
    expect(new Set(rows.map((row) => row["type"]))).to.include.members([
      "hardState",
      "base",
      "noop",
      "seal",
      "command",
    ]);
    await stop();
  });

  it("shows a node's log at rest, from a position on, in columns, and changes nothing", async () => {
    await start();
    await put(12);
    await stop();
    const contents = (): string[] =>
      segments().map((name) => `${name} ${readFileSync(join(wal(), name), "hex")}`);
    const before = contents();
    const all = (await raftkv(["wal", "dump", "d"], { cwd: cwd() })).out.toString().trim().split("\n");
    expect(all[0]).to.match(/^FILE +OFFSET +LENGTH +POSITION +GROUP +INDEX +TERM +TYPE +CHECKSUM$/);
    expect(all[1]).to.match(/^0{15}1\.wal +512 .* seal +0x[0-9a-f]{8}$/);
    const last = Number(all.at(-1)?.split(/ +/)[3]);
    const some = await raftkv(["wal", "dump", "d", "--from", String(last - 3)], { cwd: cwd() });
    const shown = some.out.toString().trim().split("\n").slice(1);
    expect(shown).to.deep.equal(all.slice(1).filter((row) => Number(row.split(/ +/)[3]) >= last - 3));
    expect(shown.length).to.be.within(4, 12);
    const { code, out } = await raftkv(["wal", "verify", "d", "--json"], { cwd: cwd() });
    expect(code).to.equal(0);
    expect(JSON.parse(out.toString())).to.include({ lastPosition: last, tornTail: null });
    expect(contents()).to.deep.equal(before);
  });

  it("tells of a torn tail and exits 0; of damage with file and offset, and exits 1", async () => {
    await start();
    await put(30);
    node?.child.kill("SIGKILL");
    await node?.ended();
    node = null;
    const rows = (await raftkv(["wal", "dump", "d", "--json"], { cwd: cwd() })).out
      .toString()
      .trim()
      .split("\n");
    const places = rows.map(
      (text) => JSON.parse(text) as { file: string; offset: number; length: number; type: string },
    );
    const last = places.at(-1);
    // A put: the leader's own commands are shorter, and may come before it.
    const first = places.find((place) => place.type === "command" && place.length > 500);
    if (last === undefined || first === undefined) throw new Error("the log is empty");
    const file = openSync(last.file, "r+");
    ftruncateSync(file, last.offset + 5);
    closeSync(file);
    const torn = await raftkv(["wal", "verify", "d"], { cwd: cwd() });
    expect(torn.out.toString()).to.match(/\ntorn tail: .*\.wal at byte \d+, expected .*, found /);
    expect(torn.code).to.equal(0);
    const bytes = readFileSync(first.file);
    bytes[first.offset + 60] = (bytes[first.offset + 60] ?? 0) ^ 1;
    writeFileSync(first.file, bytes);
    for (const command of ["verify", "dump"]) {
      const { code, err } = await raftkv(["wal", command, "d"], { cwd: cwd() });
      expect(err).to.match(
        /^error: .*\.wal is damaged at byte \d+: expected .*, found .* \(WAL_CORRUPT\)\n$/s,
      );
      expect(err).to.contain(first.file);
      expect(Number(/at byte (\d+)/.exec(err)?.[1])).to.be.within(first.offset - 200, first.offset);
      expect(code).to.equal(1);
    }
    const json = await raftkv(["wal", "verify", "d", "--json"], { cwd: cwd() });
    expect(JSON.parse(json.err)).to.have.nested.include({ "error.code": "WAL_CORRUPT", "error.exitCode": 1 });
  });

  it("stays right while the node writes and cuts its log", async () => {
    process.env["RAFTKV_CHECKPOINT_ENTRIES"] = "20";
    process.env["RAFTKV_LOG_KEEP_ENTRIES"] = "5";
    try {
      await start();
    } finally {
      delete process.env["RAFTKV_CHECKPOINT_ENTRIES"];
      delete process.env["RAFTKV_LOG_KEEP_ENTRIES"];
    }
    let looks = 0;
    const verify = async (): Promise<void> => {
      const { code, err } = await raftkv(["wal", "verify", "d"], { cwd: cwd() });
      expect(err).to.equal("");
      expect(code).to.equal(0);
      looks += 1;
    };
    await Promise.all([put(250, verify), put(250, verify)]);
    expect(looks).to.equal(20);
    expect(segments()[0], "the log was cut meanwhile").to.not.equal("0000000000000001.wal");
    expect(statSync(join(wal(), "LOCK")).size).to.be.above(0);
  });

  it("is quick to end when nobody reads what it lists", async () => {
    await start();
    await put(3);
    await stop();
    const bin = new URL("../bin/raftkv.cjs", import.meta.url).pathname;
    const piped = spawnSync("sh", ["-c", `"${process.execPath}" "${bin}" wal dump d | head -1`], {
      cwd: cwd(),
    });
    expect(piped.stdout.toString()).to.match(/^FILE/);
  });
});
