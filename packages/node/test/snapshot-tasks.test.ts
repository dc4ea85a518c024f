import { expect } from "chai";
import { logIndex, serverId, term } from "raft-ts";
import type { LogBase, LogWriter, SnapshotTask } from "raft-ts";
import type { Applies } from "../dist/group/applier.js";
import { SnapshotTasks } from "../dist/group/snapshot-tasks.js";
import type { GroupSnapshots } from "../dist/snapshot/group-snapshots.js";

const CONFIGURATION = {
  lease: null,
  voters: [],
  outgoing: [],
  learners: [],
  witnesses: [],
  autoLeave: false,
};
const BASE: LogBase = { index: logIndex(100), term: term(2), configuration: CONFIGURATION };
const INSTALL: SnapshotTask = { kind: "install", base: BASE, withData: true };
const RECEIVE: SnapshotTask = { kind: "receive", from: serverId("leader"), term: term(3), base: BASE };

/** What is told of: the log is durable, nothing is applied any more. */
interface Waits {
  durable: (error: Error | null) => void;
  idle: () => void;
}

/** Tasks over a log and an applier that a test holds back. `calls` has what was done, in order. */
function tasks(options: { readonly stopped?: () => boolean } = {}) {
  const calls: string[] = [];
  const waits: Waits = { durable: () => undefined, idle: () => undefined };
  const idle = new Promise<void>((resolve) => (waits.idle = resolve));
  const log = {
    durability: { wait: (_seq: number, callback: Waits["durable"]) => (waits.durable = callback) },
  };
  const applier = {
    suspend: () => idle,
    resume: (index: number) => calls.push(`resume ${index}`),
  };
  const snapshots = {
    task: ({ kind }: SnapshotTask) => calls.push(kind),
    install: async (_base: LogBase, mayBegin: () => Promise<boolean>) => {
      calls.push("install");
      const begun = await mayBegin();
      calls.push(begun ? "begun" : "given up");
      return begun;
    },
  };
  const made = new SnapshotTasks({
    log: log as unknown as LogWriter,
    applier: applier as unknown as Applies,
    snapshots: snapshots as unknown as GroupSnapshots,
    isStopped: options.stopped ?? (() => false),
    onInstalled: (index) => calls.push(`installed ${index}`),
    onFailed: (error) => calls.push((error as Error).message),
  });
  return { calls, waits, made };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("what the core says about snapshots (R23, S10)", () => {
  it("S10: is handed on in its order, so that nothing later takes away what is being installed", async () => {
    const { calls, made } = tasks();
    made.prepare([INSTALL])(1);
    // The next Ready, while the base is not durable yet: another leader's log begins further on.
    made.prepare([RECEIVE])(2);
    await turn();
    expect(calls).to.deep.equal(["install", "receive"]);
  });

  it("S10: an installation begins with the base durable in the log, and with nothing being applied", async () => {
    for (const first of ["durable", "idle"] as const) {
      const { calls, waits, made } = tasks();
      made.prepare([INSTALL])(1);
      if (first === "durable") waits.durable(null);
      else waits.idle();
      await turn();
      expect(calls).to.deep.equal(["install"]);
      if (first === "durable") waits.idle();
      else waits.durable(null);
      await turn();
      expect(calls).to.deep.equal(["install", "begun", "resume 100", "installed 100"]);
    }
  });

  it("is given up when the node stops, or the log fails", async () => {
    const stopped = tasks({ stopped: () => true });
    stopped.made.prepare([INSTALL])(1);
    stopped.waits.durable(null);
    stopped.waits.idle();
    await turn();
    expect(stopped.calls).to.deep.equal(["install", "given up"]);
    const failed = tasks();
    failed.made.prepare([INSTALL])(1);
    failed.waits.idle();
    failed.waits.durable(new Error("the disk is gone"));
    await turn();
    expect(failed.calls).to.deep.equal(["install", "the disk is gone"]);
  });
});
