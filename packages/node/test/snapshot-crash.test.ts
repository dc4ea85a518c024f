import { cpSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { putRequest } from "@raftkv/protocol";
import type { NodeStatus } from "@raftkv/node";
import { Store, installSnapshot, receiveSnapshot } from "@raftkv/store";
import type { SnapshotWriter } from "@raftkv/store";
import { LogWriter, groupId } from "raft-ts";
import type { LogBase } from "raft-ts";
import { GatedDisk } from "./support/gated-disk.js";
import { metric } from "./support/metric.js";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

const GROUP = groupId(1);
const VALUE = Buffer.alloc(300, "v");

/** What a crash can leave of an installation, in the order in which it goes. */
const STATES = [
  "in the middle of receiving",
  "whole, and the log knows nothing of it",
  "whole, and the log begins behind it",
  "installed, the old data not removed",
] as const;

describe("a node that was killed while a snapshot was being installed (S10)", function () {
  this.timeout(90_000);
  let nodes: TestNodes;
  let leader: string;
  let away: string;
  let puts: number;

  /** Three nodes, of which one has missed what the others' logs do not hold any more. All are stopped. */
  beforeEach(async () => {
    nodes = await TestNodes.create(3, {
      walSegmentBytes: "64KiB",
      checkpointEntries: "200",
      logKeepEntries: "50",
      snapshotBytesPerSecond: "256KiB",
    });
    await nodes.startAll();
    leader = (await nodes.leader()).name;
    away = nodes.options.find(({ name }) => name !== leader)?.name ?? "";
    puts = 0;
    await put(300);
    await nodes.stop(away);
    const rest = nodes.options.map(({ name }) => name).filter((name) => name !== away);
    // It may have everything so far, so the first entry that it lacks must be gone. As long as the leader counts it as
    // there, the log stays for it.
    const { lastIndex } = await nodes.leader();
    while (puts < 1_500 || !(await firstIndexes(rest)).every((first) => first > lastIndex + 1))
      await put(200);
    for (const { name } of nodes.options) await nodes.stop(name);
  });
  afterEach(() => nodes.close());

  function firstIndexes(names: readonly string[]): Promise<number[]> {
    return Promise.all(names.map((name) => metric(nodes.endpoint(name), "raftkv_raft_first_index")));
  }

  /** Puts so many new keys. */
  async function put(count: number): Promise<void> {
    const to = puts + count;
    const client = await RawClient.greeted(nodes.endpoint((await nodes.leader()).name));
    for (; puts < to; puts += 50) {
      const keys = Array.from({ length: 50 }, (_, i) => puts + i);
      await client.ask(keys.map((key) => putRequest(key + 1, 0, Buffer.from(`k${key}`), VALUE)));
    }
    client.close();
  }

  const wal = (name: string): string => join(nodes.option(name).dataDir, "wal");
  const group = (name: string): string => join(nodes.option(name).dataDir, "groups", "1");

  /** The catalog is the first revision, and each put is one more. */
  function equal(): Promise<NodeStatus[]> {
    const revision = puts + 1;
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

  /** The leader's snapshot, written beside the store of the one that was away: all of it, or only its first chunks. */
  async function receive(
    chunksMax: number,
  ): Promise<{ readonly writer: SnapshotWriter; readonly base: LogBase }> {
    const log = await LogWriter.open({ dir: wal(leader), segmentBytes: 64 * 1024 });
    const configuration = log.recovered(GROUP)?.base.configuration;
    await log.close();
    const source = join(nodes.dir, "source");
    cpSync(group(leader), source, { recursive: true });
    const store = await Store.open(source);
    const reader = await store.openSnapshot();
    const writer = await receiveSnapshot(group(away));
    for (let number = 0; number < chunksMax && !writer.complete; number += 1) {
      await writer.add((await reader.chunk(number)) ?? Buffer.alloc(0));
    }
    const { index, term } = reader.position;
    await reader.close();
    await store.close();
    if (configuration === undefined) throw new Error("the leader's log has no base");
    return { writer, base: { index, term, configuration } as LogBase };
  }

  async function nameInLog(base: LogBase): Promise<void> {
    const log = await LogWriter.open({ dir: wal(away), segmentBytes: 64 * 1024 });
    const { currentTerm = base.term } = log.recovered(GROUP)?.hardState ?? {};
    log.append({
      group: GROUP,
      hardState: currentTerm >= base.term ? null : { currentTerm: base.term, votedFor: null },
      base,
      entries: [],
    });
    await log.close();
  }

  for (const [at, state] of STATES.entries()) {
    it(`finds it ${state}: it starts, and ends equal`, async () => {
      const { writer, base } = await receive(at === 0 ? 2 : Infinity);
      if (at === 0) expect(writer.complete).to.equal(false);
      else await writer.finish();
      if (at >= 2) await nameInLog(base);
      if (at >= 3) await installSnapshot(group(away));
      const node = await nodes.start(away);
      const opened = await until(`${away} is open`, async () => {
        const status = await node.status();
        return status.lastIndex > 0 ? status : null;
      });
      if (at >= 2) expect(opened.appliedIndex).to.equal(base.index);
      else expect(opened.appliedIndex).to.be.below(base.index - 100);
      for (const { name } of nodes.options) if (name !== away) await nodes.start(name);
      await equal();
      await put(100);
      await equal();
      const received = await metric(nodes.endpoint(away), "raftkv_snapshots_received_total");
      expect(received, "snapshots that were needed after the start").to.equal(at >= 2 ? 0 : 1);
      expect(readdirSync(group(away)).filter((name) => name.startsWith("store-"))).to.have.length(1);
      expect(existsSync(join(group(away), "checkpoint.incoming"))).to.equal(false);
    });
  }

  it("does not install before its log has the intent on disk", async () => {
    const disk = new GatedDisk();
    nodes.parts.set(away, { fileSystem: disk.fileSystem });
    for (const { name } of nodes.options) if (name !== away) await nodes.start(name);
    await put(100);
    await nodes.start(away);
    const received = (): Promise<number> =>
      metric(nodes.endpoint(away), "raftkv_snapshot_received_bytes_total");
    await until("the snapshot comes in", async () => ((await received()) > 0 ? true : null), 30_000);
    disk.holding = true;
    const incoming = join(group(away), "checkpoint.incoming");
    await until("it is whole", () => (existsSync(incoming) ? true : null), 30_000);
    await until("its base is on the way to the disk", () => (disk.held > 0 ? true : null));
    const live = readFileSync(join(group(away), "checkpoint"));
    await put(100);
    expect(existsSync(incoming), "the intent is not on disk").to.equal(true);
    expect(readFileSync(join(group(away), "checkpoint")).equals(live)).to.equal(true);
    disk.release();
    await equal();
    expect(existsSync(incoming)).to.equal(false);
  });

  it("is refused as damaged when its log begins behind a snapshot that is not there", async () => {
    const { writer, base } = await receive(Infinity);
    await writer.abort();
    await nameInLog(base);
    const node = await nodes.start(away);
    const error = await node.ended.then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).to.include({ code: "DAMAGED" });
  });
});
