import { expect } from "chai";
import { getRequest, putRequest } from "@raftkv/protocol";
import type { Reply } from "@raftkv/protocol";
import { GatedDisk } from "./support/gated-disk.js";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

const KEY = Buffer.from("k");

/** Syncs are held back and let go by hand: what is shown is the order of events, whatever the machine's speed. */
describe("whose sync counts for a commit (§10.2.1, C8)", () => {
  let nodes: TestNodes;
  let leader: string;
  const disks = new Map<string, GatedDisk>();
  const disk = (name: string): GatedDisk => disks.get(name) as GatedDisk;

  beforeEach(async () => {
    // Nobody seals and nobody campaigns meanwhile: the only syncs are those of the entry.
    nodes = await TestNodes.create(3, { walSealAfterMs: "60000", electionTimeoutMs: "1500" });
    for (const { name } of nodes.options) {
      disks.set(name, new GatedDisk());
      nodes.parts.set(name, { fileSystem: disk(name).fileSystem });
    }
    await nodes.startAll();
    leader = (await nodes.leader()).name;
    await until("everybody has everything on disk", async () => {
      const all = await nodes.statuses();
      return all.every(({ appliedIndex, lastIndex }) => lastIndex > 0 && appliedIndex === lastIndex)
        ? true
        : null;
    });
  });
  afterEach(async () => {
    for (const one of disks.values()) one.release();
    await nodes.close();
  });

  const followers = (): string[] => nodes.options.map(({ name }) => name).filter((name) => name !== leader);

  it("the leader's own is not needed: two followers have it, and it is answered before the leader's sync returns", async () => {
    const before = disk(leader).synced;
    disk(leader).holding = true;
    const client = await RawClient.greeted(nodes.endpoint(leader));
    const reply = (await client.ask([putRequest(1, 0, KEY, Buffer.from("v"))])).get(1);
    expect(reply).to.deep.include({ op: 1, revision: 2 });
    expect(disk(leader).held, "the leader's sync was asked for, and has not begun").to.equal(1);
    expect(disk(leader).synced).to.equal(before);
    const read = (await client.ask([getRequest(2, 0, KEY, true)])).get(2);
    expect(read?.op === 2 && read.value?.toString()).to.equal("v");
    client.close();
  });

  /** Holds back the syncs of `holding`, puts, and shows that nothing is committed until `released` is let go. */
  async function expectHeldUp(holding: readonly string[], released: string): Promise<void> {
    const fast = nodes.options.map(({ name }) => name).filter((name) => !holding.includes(name));
    const before = new Map(fast.map((name) => [name, disk(name).synced]));
    for (const name of holding) disk(name).holding = true;
    const writer = await RawClient.greeted(nodes.endpoint(leader));
    let answer: Reply | null = null;
    const answered = writer.ask([putRequest(1, 60_000, KEY, Buffer.from("v"))]).then((replies) => {
      answer = replies.get(1) ?? null;
      return answer;
    });
    await until("one has it on disk, and the two others wait for theirs", () =>
      fast.every((name) => disk(name).synced > (before.get(name) ?? 0)) &&
      holding.every((name) => disk(name).held > 0)
        ? true
        : null,
    );
    // A round of heartbeats goes by: had anything been acknowledged, it would be here before their answers.
    const reader = await RawClient.greeted(nodes.endpoint(leader));
    const read = (await reader.ask([getRequest(1, 0, KEY, true)])).get(1);
    expect(read).to.deep.include({ op: 2, value: null, revision: 1 });
    expect(answer).to.equal(null);
    disk(released).release();
    expect(await answered).to.deep.include({ op: 1, revision: 2 });
    for (const name of holding) {
      if (name !== released)
        expect(disk(name).held, `${name}'s sync has still not begun`).to.be.greaterThan(0);
    }
    writer.close();
    reader.close();
  }

  it("the leader's own is not enough: with both followers held back nothing is committed, until one of them is done", async () => {
    const [first = "", second = ""] = followers();
    await expectHeldUp([first, second], second);
  });

  it("the leader's own counts once it is done, and not before: with one follower held back too, that one decides", async () => {
    const [first = ""] = followers();
    await expectHeldUp([leader, first], leader);
  });
});
