import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { MemberInfo } from "@raftkv/client";
import { kindOf } from "../dist/member-kind.js";
import { startLine } from "../dist/member-start.js";
import { raftkv } from "./support/captured.js";
import { OneNode } from "./support/one-node.js";
import { startCommand } from "./support/process.js";
import type { CommandProcess } from "./support/process.js";
import { temporaryDirectory } from "./support/temporary.js";
import { freePorts } from "@raftkv/node";
import { until } from "./support/test-nodes.js";

describe("raftkv member list", () => {
  const info = (name: string, role: MemberInfo["role"], more: Partial<MemberInfo> = {}): MemberInfo => ({
    name,
    role,
    serverId: null,
    peer: "127.0.0.1:1",
    client: null,
    witness: false,
    willVote: false,
    leader: false,
    alive: null,
    lag: null,
    ...more,
  });
  const coming = { witness: true, willVote: true };

  it("says what a member is, and of a witness that gets no vote yet how many with data are missing (R24)", () => {
    const n1 = info("n1", "voter", { leader: true });
    const [n2, n3] = [info("n2", "voter"), info("n3", "voter")];
    const w1 = info("w1", "voter", { witness: true });
    const w2 = info("w2", "learner", coming);
    const w3 = info("w3", "unstarted", coming);
    const told = (member: MemberInfo, ...others: MemberInfo[]): string => kindOf(member, [member, ...others]);
    expect(told(n1)).to.equal("voter (leader)");
    expect(told(info("n2", "learner", { willVote: true }), n1)).to.equal("learner (will vote)");
    expect(told(info("n2", "learner"), n1)).to.equal("learner");
    expect(told(w2, n1)).to.equal("learner (witness, votes once 1 more with data does)");
    expect(told(w2, n1, n2)).to.equal("learner (witness, will vote)");
    expect(told(w2, n1, n2, w1)).to.equal("learner (witness, votes once 1 more with data does)");
    expect(told(w3, n1, w1)).to.equal("unstarted (witness, votes once 2 more with data do)");
    expect(told(w2, n1, n2, n3, w1)).to.equal("learner (witness, will vote)");
    expect(told(info("w4", "learner", { witness: true }), n1)).to.equal("learner (witness)");
  });
});

describe("raftkv member add", () => {
  it("says how the new node is started: with --insecure where others than this machine reach it (C9)", () => {
    const flags = (peer: string, witness = false): string[] =>
      [...startLine("n4", peer, { witness }).matchAll(/ --(join|witness|insecure)\b/g)].map(
        ([, flag = ""]) => flag,
      );
    for (const peer of ["127.0.0.1:7501", "127.0.0.9:7501", "[::1]:7501", "localhost:7501"])
      expect(flags(peer), peer).to.deep.equal(["join"]);
    for (const peer of ["10.0.0.4:7501", "[fd00::4]:7501", "127.example.org:7501", "n4:7501"])
      expect(flags(peer), peer).to.deep.equal(["join", "insecure"]);
    expect(flags("10.0.0.4:7501", true)).to.deep.equal(["join", "witness", "insecure"]);
  });
});

describe("raftkv member add --witness, with processes (R21, R24)", function () {
  this.timeout(120_000);
  const n1 = new OneNode();
  const started = new Map<string, CommandProcess>();

  before(() => n1.start());
  after(() => n1.stop());
  // Before their directories go.
  afterEach(async () => {
    for (const { child, ended } of started.values()) {
      child.kill("SIGKILL");
      await ended();
    }
  });
  const directory = temporaryDirectory();

  const command = (...args: string[]) => raftkv([...args, "--endpoints", n1.endpoint, "--timeout", "20s"]);

  /** Adds a member and starts it just as the command says. */
  async function added(name: string, ...more: string[]): Promise<string> {
    const [peer = 0, client = 0] = await freePorts(2);
    const { code, err, out } = await command("member", "add", name, "--peer", `127.0.0.1:${peer}`, ...more);
    expect(code, err).to.equal(0);
    const [said = "", start = ""] = out.toString().trim().split("\n");
    expect(start).to.match(/^raftkv node start /);
    const args = start
      .replace("HOST:PORT", `127.0.0.1:${client}`)
      .replace("--data-dir DIR", `--data-dir ${name}`)
      .split(" ")
      .slice(1);
    started.set(name, startCommand(args, directory()));
    return said;
  }

  /** The row of a member, once it is of this kind. */
  async function row(name: string, kind: string): Promise<string> {
    return until(
      `${name} is ${kind}`,
      async () => {
        const { out } = await command("member", "list");
        const found =
          out
            .toString()
            .split("\n")
            .find((line) => line.startsWith(`${name} `)) ?? "";
        return found.includes(` ${kind} `) ? found : null;
      },
      60_000,
    );
  }

  it("is a learner until it may vote, and then the cluster outlives the loss of a member with data", async () => {
    expect(await added("w1", "--witness")).to.contain("it votes once 1 more member with data does");
    expect(await row("w1", "learner (witness, votes once 1 more with data does)")).to.match(/ yes +\d+$/);
    expect(await added("n2")).to.contain("it votes as soon as it is caught up");
    await row("n2", "voter");
    await row("w1", "voter (witness)");
    expect(existsSync(join(directory(), "w1", "wal"))).to.equal(true);
    expect(existsSync(join(directory(), "w1", "groups")), "a witness has no data").to.equal(false);

    const lost = started.get("n2");
    lost?.child.kill("SIGKILL");
    await lost?.ended();
    const put = await command("kv", "put", "k", "v");
    expect(put.code, put.err).to.equal(0);
    expect((await command("kv", "get", "k")).out.toString().trim()).to.equal("v");
  });
});
