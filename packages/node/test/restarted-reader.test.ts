import { expect } from "chai";
import { getRequest, putRequest } from "@raftkv/protocol";
import type { Reply } from "@raftkv/protocol";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

const KEY = Buffer.from("k");
/** So that applying them takes longer than asking the leader. */
const WRITES = 400;
const VALUE_BYTES = 16 * 1024;

describe("a follower that was just started again (R18)", function () {
  this.timeout(90_000);
  let nodes: TestNodes;

  before(async () => {
    // One leader throughout, also on a busy machine.
    nodes = await TestNodes.create(3, { electionTimeoutMs: "2000" });
    await nodes.startAll();
    await nodes.leader();
  });
  after(() => nodes.close());

  const valueOf = (reply: Reply | undefined): string | null =>
    reply?.op === 2 && reply.value !== null ? reply.value.toString().trimEnd() : null;

  /** The last of many writes. */
  async function write(round: number): Promise<string> {
    const client = await RawClient.greeted(nodes.endpoint((await nodes.leader()).name));
    let last = "";
    const requests = Array.from({ length: WRITES }, (_, at) => {
      last = `${round}.${at}`;
      return putRequest(at + 1, 0, KEY, Buffer.from(last.padEnd(VALUE_BYTES)), 0, false);
    });
    for (let at = 0; at < WRITES; at += 100)
      for (const reply of (await client.ask(requests.slice(at, at + 100))).values())
        expect(reply).to.include({ op: 1 });
    client.close();
    return last;
  }

  /** What the follower says first to one who wants the latest, and what it had at that moment. */
  async function firstRead(name: string): Promise<{ readonly latest: string; readonly own: string | null }> {
    const client = await RawClient.greeted(nodes.endpoint(name));
    const found = await until("it serves a linearizable read", async () => {
      const replies = await client.ask([getRequest(1, 0, KEY, true), getRequest(2, 0, KEY, false)]);
      const latest = valueOf(replies.get(1));
      return latest === null ? null : { latest, own: valueOf(replies.get(2)) };
    });
    client.close();
    return found;
  }

  it("answers a linearizable read once it has caught up with what was acknowledged before, and a serializable one at once", async () => {
    let wasBehind = false;
    for (let round = 1; !wasBehind; round += 1) {
      if (round > 10) throw new Error("it was never behind when it was asked");
      const leader = (await nodes.leader()).name;
      const follower = ["n1", "n2", "n3"].find((name) => name !== leader) ?? "";
      // Without a checkpoint: what it has applied since the last one it applies again.
      await nodes.running.get(follower)?.kill();
      const last = await write(round);
      await nodes.start(follower);
      const { latest, own } = await firstRead(follower);
      expect(latest).to.equal(last);
      wasBehind = own !== last;
    }
  });
});
