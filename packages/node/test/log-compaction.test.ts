import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { putRequest } from "@raftkv/protocol";
import type { NodeStatus } from "@raftkv/node";
import { logIndex } from "raft-ts";
import { LogCompaction } from "../dist/group/log-compaction.js";
import type { LogCompactionOptions } from "../dist/group/log-compaction.js";
import { metric } from "./support/metric.js";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

const VALUE = Buffer.alloc(512, "v");

interface Case {
  readonly appliedIndex: number;
  readonly progress?: readonly Readonly<Record<string, unknown>>[];
  readonly covered?: number | null;
  readonly hasSpare?: boolean;
  readonly warned?: string[];
}

/** Where a log of a byte an entry, to be cut after a checkpoint at 100, begins then. Kept for members: 10 bytes, 50 for a snapshot. */
async function cutAt({ appliedIndex, covered = null, hasSpare = true, progress = [], warned = [] }: Case) {
  const status = { id: "a", appliedIndex, dataDurableIndex: 0, base: { index: 2 }, progress };
  const cut: unknown[] = [];
  const compaction = new LogCompaction({
    group: 1,
    raft: { status: () => status, baseAt: (index: number) => ({ index, term: 1 }) },
    log: {
      tailStart: (_group: number, bytes: number) => 101 - bytes,
      compact: async (_group: number, base: unknown) => {
        cut.push(base);
        return Promise.resolve({ segments: 0, bytes: 0 });
      },
    },
    policy: { logKeepEntries: 0, logKeepBytes: 0, logKeepActiveBytes: 10, logKeepSnapshotBytes: 50 },
    isWitness: false,
    hasSpare: () => hasSpare,
    logger: { info: () => undefined, warn: (_facts: unknown, line: string) => void warned.push(line) },
    coveredFor: () => covered,
    onCompacted: (index: number) => void cut.push(index),
  } as unknown as LogCompactionOptions);
  await compaction.after(logIndex(100));
  const at = cut[1];
  expect(cut).to.deep.equal([{ index: at, term: 1 }, at]);
  return at;
}

describe("the log is cut as far as the core knows it to be applied (S4)", () => {
  it("also when the checkpoint lies further, in the middle of a range that is being applied", async () => {
    expect(await cutAt({ appliedIndex: 7 })).to.equal(7);
  });
});

describe("the log behind a snapshot (R23)", () => {
  const member = { id: "b", matchIndex: 0, recentlyActive: true, state: "snapshot", catchingUp: true };
  const sent = (covered: number, more: Partial<Case> = {}) =>
    cutAt({ appliedIndex: 100, progress: [member], covered, ...more });
  const installed = (matchIndex: number, catchingUp = true) =>
    cutAt({ appliedIndex: 100, progress: [{ ...member, matchIndex, catchingUp, state: "replicate" }] });

  it("stays while that is under way, up to a bound of its own, and it is said that the snapshot is in vain beyond", async () => {
    const warned: string[] = [];
    expect(await sent(70, { warned })).to.equal(70);
    expect(warned).to.deep.equal([]);
    expect(await sent(30, { warned })).to.equal(50);
    expect(warned).to.have.length(1);
    expect(warned[0]).to.match(/^b will need another snapshot: .* index 30 /);
  });

  it("stays until the member has what came behind it, then no more than for any that is behind", async () => {
    expect(await installed(70)).to.equal(70);
    expect(await installed(70, false)).to.equal(90);
    expect(await installed(95, false)).to.equal(95);
  });

  it("goes when the snapshot was given up, or its member is not heard any more", async () => {
    expect(await cutAt({ appliedIndex: 100, progress: [{ ...member, catchingUp: false }] })).to.equal(100);
    expect(
      await cutAt({ appliedIndex: 100, progress: [{ ...member, state: "probe", recentlyActive: false }] }),
    ).to.equal(100);
  });

  it("goes before writes are refused for want of room (W12)", async () => {
    expect(await sent(70, { hasSpare: false })).to.equal(90);
  });
});

describe("the log is cut after a checkpoint (W5, S4)", function () {
  this.timeout(60_000);
  let nodes: TestNodes;

  beforeEach(async () => {
    nodes = await TestNodes.create(3, {
      walSegmentBytes: "64KiB",
      walMemtableBytes: "16KiB",
      checkpointEntries: "300",
      logKeepEntries: "50",
    });
    await nodes.startAll();
  });
  afterEach(() => nodes.close());

  /** Numbers of the segments that a node has, ascending. */
  function segments(name: string): number[] {
    const names = readdirSync(join(nodes.option(name).dataDir, "wal"));
    return names
      .flatMap((file) => (/^\d+\.wal$/.test(file) ? [Number.parseInt(file, 10)] : []))
      .sort((a, b) => a - b);
  }

  /** Puts keys [from, to), in frames that become several batches of the log. */
  async function put(from: number, to: number): Promise<void> {
    const client = await RawClient.greeted(nodes.endpoint((await nodes.leader()).name));
    for (let at = from; at < to; at += 20) {
      const count = Math.min(20, to - at);
      const replies = await client.ask(
        Array.from({ length: count }, (_, i) => putRequest(at + i + 1, 0, Buffer.from(`k${at + i}`), VALUE)),
      );
      for (const reply of replies.values()) expect(reply.op).to.equal(1);
    }
    client.close();
  }

  function equal(revision: number): Promise<NodeStatus[]> {
    return until(
      `all nodes are at revision ${revision} with equal contents`,
      async () => {
        const all = await nodes.statuses();
        const same = new Set(all.map((status) => status.hash)).size === 1;
        return all.length === 3 && same && all.every((status) => status.revision === revision) ? all : null;
      },
      30_000,
    );
  }

  it("on every node, and what is left still opens to the same contents", async () => {
    await put(0, 3000);
    for (const { name } of nodes.options) {
      await until(`${name} has dropped most of its segments`, () =>
        (segments(name)[0] ?? 0) >= 15 && segments(name).length <= 25 ? true : null,
      );
    }
    await equal(3001);
    for (const { name } of nodes.options) await nodes.stop(name);
    await nodes.startAll();
    await put(3000, 3010);
    await equal(3011);
  });

  it("also while a member is away, which then catches up through a snapshot, whoever leads", async () => {
    await put(0, 1000);
    const leader = (await nodes.leader()).name;
    const away = nodes.options.find((options) => options.name !== leader)?.name ?? "";
    const rest = nodes.options.map((options) => options.name).filter((name) => name !== away);
    await nodes.stop(away);
    const last = segments(away).at(-1) ?? 0;
    await put(1000, 4000);
    for (const name of rest) {
      await until(`${name} has dropped what ${away} lacks`, () =>
        (segments(name)[0] ?? 0) > last + 5 && segments(name).length <= 25 ? true : null,
      );
    }
    await nodes.start(away);
    await equal(4001);
    expect(await metric(nodes.endpoint(away), "raftkv_snapshots_received_total")).to.equal(1);
    await put(4000, 5000);
    await equal(5001);
    await nodes.stop(away);
    await nodes.start(away);
    await equal(5001);
  });

  it("so a store that lost its checkpoint is refused as damaged, not rebuilt from a log that begins later", async () => {
    await put(0, 2000);
    const name = nodes.options[0]?.name ?? "";
    await until(`${name} has cut its log`, () => ((segments(name)[0] ?? 0) > 5 ? true : null));
    await nodes.stop(name);
    rmSync(join(nodes.option(name).dataDir, "groups", "1", "checkpoint"));
    const node = await nodes.start(name);
    const error = await node.ended.then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).to.include({ code: "DAMAGED" });
    expect((error as Error).message).to.match(
      /the log of group 1 begins behind index \d+, after the store's checkpoint at 0/,
    );
  });
});
