import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { groupId, logIndex } from "raft-ts";
import { Group } from "../dist/group/group.js";
import type { GroupOptions } from "../dist/group/group-options.js";
import { TestNodes } from "./support/nodes.js";
import { proposalOf, told } from "./support/proposals.js";

/** A group whose core would be stepped only after it was stopped: every call is a failure. */
function stoppable(): Group {
  const stepped = (): never => {
    throw new Error("the core of a group that stopped was stepped");
  };
  return new Group({
    id: groupId(1),
    appliedIndex: logIndex(0),
    raft: { step: stepped, ready: stepped },
    bodies: { receive: stepped },
    checkpointer: { idle: async () => undefined, tick: () => undefined },
    onFailed: (error: unknown) => {
      throw error;
    },
  } as unknown as GroupOptions);
}

function ask(group: Group): string[] {
  const { answers, origin } = told();
  group.propose(proposalOf(origin, 1));
  group.read({ granted: () => answers.push("granted"), refused: () => void answers.push("read refused") });
  return answers;
}

describe("a group that stopped (C4)", () => {
  it("refuses at once what comes in afterwards: nothing of it was done, and nobody waits", async () => {
    const group = stoppable();
    await group.stop();
    expect(ask(group)).to.deep.equal(["1 UNAVAILABLE", "read refused"]);
  });

  it("and one that is halted takes no step any more (W1, S9)", () => {
    const group = stoppable();
    group.halt();
    group.tick(1);
    group.receive({ group: groupId(1), messages: [] });
    expect(ask(group)).to.deep.equal(["1 UNAVAILABLE", "read refused"]);
  });
});

/** `runNode` in a process of its own; `script` runs before it. */
async function exitOf(nodes: TestNodes, script: string): Promise<{ code: number | null; err: string }> {
  const source = `import { runNode } from "@raftkv/node"; ${script}; await runNode(${JSON.stringify(nodes.option("n1"))});`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { code, err };
}

describe("the end of a node process (C6)", () => {
  let nodes: TestNodes;
  beforeEach(async () => {
    nodes = await TestNodes.create(1);
  });
  afterEach(() => nodes.close());

  const stopSoon = `setTimeout(() => process.kill(process.pid, "SIGTERM"), 1_000)`;

  it("is 0 after a clean stop", async () => {
    expect(await exitOf(nodes, stopSoon)).to.deep.equal({ code: 0, err: "" });
  });

  it("is 70 when something is thrown that nobody catches, also while it stops, and says where", async () => {
    const late = `process.on("SIGTERM", () => queueMicrotask(() => { throw new Error("too late"); }))`;
    const { code, err } = await exitOf(nodes, `${stopSoon}; ${late}`);
    expect(code).to.equal(70);
    expect(err)
      .to.contain("too late")
      .and.to.match(/\n +at /);
  });
});
