import { Op, encodeReplies, getReply, putReply } from "@raftkv/protocol";
import { expect } from "chai";
import { FakeNode, keyOf, refusal, servingScript } from "./support/fake-node.js";
import type { Script } from "./support/fake-node.js";
import { cleanUp, connected, failure, until } from "./support/help.js";

async function leader(script: Script): Promise<FakeNode> {
  const node = await FakeNode.start({ script });
  node.leader = node.asLeader(1);
  return node;
}

/** Refuses so often, then serves. */
function refusingFirst(times: number, code: Parameters<typeof refusal>[1], facts = {}): Script {
  const serve = servingScript();
  let left = times;
  return (request, node, origin) => {
    if (left === 0) return serve(request, node, origin);
    left -= 1;
    return refusal(request, code, facts);
  };
}

describe("what becomes of a request (C1)", () => {
  afterEach(cleanUp);

  for (const operation of ["put", "delete"] as const) {
    it(`a ${operation} whose connection broke after it was sent: OUTCOME_UNKNOWN, and it is not sent again`, async () => {
      const node = await leader(() => null);
      const client = await connected({ endpoints: [node.address] });
      const write = operation === "put" ? client.put("k", "v") : client.delete("k");
      const failed = failure(write, "OUTCOME_UNKNOWN");
      await until("it has arrived", () => node.requests.length === 1);
      node.cut();
      expect(await failed).to.include({ outcomeKnown: false, retryable: false, exitCode: 4 });
      node.script = servingScript();
      await client.get("k");
      expect(node.requests.map((request) => request.op)).to.deep.equal([
        operation === "put" ? Op.put : Op.delete,
        Op.get,
      ]);
    });
  }

  it("a get whose connection broke is sent again, with its number", async () => {
    const node = await leader(() => null);
    const client = await connected({ endpoints: [node.address] });
    const get = client.get("k");
    await until("it has arrived", () => node.requests.length === 1);
    node.script = servingScript();
    node.cut();
    expect(await get).to.equal(null);
    const [first, second] = node.requests.map((request) => request.requestId);
    expect(second).to.equal(first);
  });

  it("a put that is not answered in time: OUTCOME_UNKNOWN; a late answer hurts nobody", async () => {
    const node = await leader(() => null);
    const client = await connected({ endpoints: [node.address] });
    const error = await failure(client.put("k", "v", { timeoutMs: 50 }), "OUTCOME_UNKNOWN");
    expect(error.message).to.include(`${node.address} did not answer within 50 ms`);
    const [late] = encodeReplies([putReply(1, 7)], 1000);
    node.sendToAll(late!);
    node.script = servingScript();
    expect(await client.put("k", "v")).to.deep.equal({ revision: 1 });
    expect(node.dialled).to.equal(1);
  });

  it("a get that is not answered in time: TIMEOUT, for nothing was done", async () => {
    const node = await leader(() => null);
    const client = await connected({ endpoints: [node.address] });
    expect(await failure(client.get("k", { timeoutMs: 50 }), "TIMEOUT")).to.include({ outcomeKnown: true });
  });

  it("requests end at their own deadlines, in whatever order those were given", async () => {
    const node = await leader(() => null);
    const client = await connected({ endpoints: [node.address] });
    const ended: number[] = [];
    await Promise.all(
      [120, 30, 90, 60, 30].map(async (timeoutMs) => {
        await failure(client.get("k", { timeoutMs }), "TIMEOUT");
        ended.push(timeoutMs);
      }),
    );
    expect(ended).to.deep.equal([30, 30, 60, 90, 120]);
  });

  it("OVERLOADED: sent again after retryAfterMs, writes as well", async () => {
    const node = await leader(refusingFirst(2, "OVERLOADED", { retryAfterMs: 30 }));
    const client = await connected({ endpoints: [node.address] });
    const before = performance.now();
    expect(await client.put("k", "v")).to.deep.equal({ revision: 1 });
    expect(performance.now() - before).to.be.greaterThan(60);
    expect(node.requests.length).to.equal(3);
  });

  for (const code of ["OVERLOADED", "NO_SPACE"] as const) {
    it(`${code} until the deadline: says so, and when to try again`, async () => {
      const node = await leader((request) => refusal(request, code, { retryAfterMs: 1000 }));
      const client = await connected({ endpoints: [node.address] });
      const error = await failure(client.put("k", "v", { timeoutMs: 60 }), code);
      expect(error).to.include({ retryAfterMs: 1000, exitCode: 3, outcomeKnown: true, retryable: true });
      expect(node.requests.length).to.equal(1);
    });
  }

  it("one overloaded request does not hold up the others", async () => {
    const serve = servingScript();
    const node = await leader((request, self, origin) =>
      keyOf(request).toString() === "slow"
        ? refusal(request, "OVERLOADED", { retryAfterMs: 60_000 })
        : serve(request, self, origin),
    );
    const client = await connected({ endpoints: [node.address] });
    const slow = failure(client.put("slow", "v", { timeoutMs: 300 }), "OVERLOADED");
    for (let i = 0; i < 5; i += 1) await client.put("quick", "v");
    await slow;
  });

  it("UNAVAILABLE: nothing was done, so a put is sent again", async () => {
    const node = await leader(refusingFirst(3, "UNAVAILABLE"));
    const client = await connected({ endpoints: [node.address] });
    expect(await client.put("k", "v")).to.deep.equal({ revision: 1 });
    expect(node.requests.length).to.equal(4);
  });

  it("a node that cannot serve is not asked in a tight loop", async () => {
    const node = await leader((request) => refusal(request, "UNAVAILABLE"));
    const client = await connected({ endpoints: [node.address] });
    // Some of them may have been sent once more when their time is over: what they end with is not the point here.
    await Promise.allSettled(Array.from({ length: 50 }, () => client.put("k", "v", { timeoutMs: 600 })));
    expect(node.frames.length).to.be.within(2, 15);
  });

  it("OUTCOME_UNKNOWN from the node: a put is not sent again, a get is", async () => {
    const node = await leader(refusingFirst(1, "OUTCOME_UNKNOWN", { retryable: false }));
    const client = await connected({ endpoints: [node.address] });
    await failure(client.put("k", "v"), "OUTCOME_UNKNOWN");
    node.script = refusingFirst(1, "OUTCOME_UNKNOWN", { retryable: false });
    expect(await client.get("k")).to.equal(null);
    expect(node.requests.map((request) => request.op)).to.deep.equal([Op.put, Op.get, Op.get]);
  });

  it("OUTCOME_UNKNOWN from the node, and no time to ask again: the caller is not told that nothing was sent", async () => {
    const node = await leader((request) =>
      refusal(request, "OUTCOME_UNKNOWN", { retryable: false, retryAfterMs: 5_000 }),
    );
    const client = await connected({ endpoints: [node.address] });
    await failure(client.members.add("n4", { peer: "127.0.0.1:7504", timeoutMs: 200 }), "OUTCOME_UNKNOWN");
    expect(node.requests.length).to.equal(1);
  });

  it("a refusal that another try cannot change reaches the caller at once, with its facts", async () => {
    const node = await leader((request) => refusal(request, "TOO_LARGE", { limit: 5, retryable: false }));
    const client = await connected({ endpoints: [node.address] });
    const error = await failure(client.put("k", "v"), "TOO_LARGE");
    expect(error.limit).to.equal(5);
    expect(error.message).to.include(node.address);
    expect(node.requests.length).to.equal(1);
  });

  it("a connection that the node is closing takes no more writes: they go out over the next one", async () => {
    const node = await leader(servingScript());
    const client = await connected({ endpoints: [node.address], silenceTimeoutMs: 60_000 });
    await client.put("k", "v");
    node.goAway();
    node.freeze(); // so that the closing never ends
    let unknown = 0;
    for (let tries = 0; tries < 10 && node.dialled === 1; tries += 1) {
      await client.put("k", "v", { timeoutMs: 100 }).catch((error: unknown) => {
        expect(error).to.include({ code: "OUTCOME_UNKNOWN" });
        unknown += 1;
      });
    }
    expect(unknown, "only what was sent before the goodbye arrived").to.be.below(10);
    await client.put("k", "v");
    expect(node.dialled).to.equal(2);
  });

  for (const [what, bytes] of Object.entries({
    "random bytes": Buffer.from("deadbeefc1", "hex"),
    "a reply without a number": Buffer.from("92019193c00101", "hex"),
    "an answer to another operation": encodeReplies([getReply(1, 1, null)], 1000)[0]!,
    text: "hello",
  })) {
    it(`a node that answers with ${what} is cut off: the put's outcome is unknown, gets go on (C6)`, async () => {
      const node = await leader((_request, self) => {
        self.script = servingScript();
        self.sendToAll(bytes);
        return null;
      });
      const client = await connected({ endpoints: [node.address] });
      const error = await failure(client.put("k", "v"), "OUTCOME_UNKNOWN");
      expect(error.cause).to.include({ code: "PROTOCOL" });
      expect(await client.get("k")).to.equal(null);
      expect(node.dialled).to.equal(2);
    });
  }
});
