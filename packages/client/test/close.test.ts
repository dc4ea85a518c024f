import { connect } from "@raftkv/client";
import { Op } from "@raftkv/protocol";
import { expect } from "chai";
import { getEventListeners } from "node:events";
import { FakeNode, refusal, servingScript } from "./support/fake-node.js";
import { blackHole, cleanUp, connected, failure, until } from "./support/help.js";

async function silent(): Promise<FakeNode> {
  const node = await FakeNode.start();
  node.leader = node.asLeader(1);
  return node;
}

describe("close (C4)", () => {
  afterEach(cleanUp);

  it("ends writes that were sent with OUTCOME_UNKNOWN, and everything else with CLOSED", async () => {
    const node = await silent();
    const client = await connected({ endpoints: [node.address] });
    const sentPut = failure(client.put("k", "v"), "OUTCOME_UNKNOWN");
    const sentGet = failure(client.get("k"), "CLOSED");
    await until("they were sent", () => node.requests.length === 2);
    const unsentPut = failure(client.put("k", "v"), "CLOSED");
    await client.close();
    await Promise.all([sentPut, sentGet, unsentPut]);
    await until("the node is left", () => node.connected === 0);
    expect(node.requests.length).to.equal(2);
  });

  it("ends writes that wait for a leader with CLOSED", async () => {
    const serve = servingScript();
    const node = await FakeNode.start({
      script: (request, self, origin) =>
        request.op === Op.get
          ? serve(request, self, origin)
          : refusal(request, "UNAVAILABLE", { retryAfterMs: 10_000 }),
    });
    const client = await connected({ endpoints: [node.address] });
    const put = failure(client.put("k", "v"), "CLOSED");
    await client.get("k", { consistency: "serializable" }); // its answer comes behind the refusal
    await client.close();
    await put;
    expect(node.requests.length).to.equal(2);
  });

  it("everything after it fails with CLOSED, and it may be called again", async () => {
    const node = await silent();
    const client = await connected({ endpoints: [node.address] });
    const closing = client.close();
    expect(client.close()).to.equal(closing);
    await failure(client.put("k", "v"), "CLOSED");
    await closing;
    await failure(client.get("k"), "CLOSED");
    await failure(client.delete("k"), "CLOSED");
    await client.close();
    expect(node.dialled).to.equal(1);
  });

  it("comes to an end also when the node is frozen", async () => {
    const node = await silent();
    const client = await connected({ endpoints: [node.address] });
    node.freeze();
    await client.close();
  });

  it("a closed client dials no more", async () => {
    const node = await silent();
    const client = await connected({ endpoints: [node.address] });
    node.cut();
    await client.close();
    const dialled = node.dialled;
    await new Promise((resolve) => setImmediate(resolve));
    expect(node.dialled).to.equal(dialled);
  });
});

describe("AbortSignal", () => {
  afterEach(cleanUp);

  /** What a promise was rejected with, whatever it is. */
  const reason = async (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => null,
      (error: unknown) => error,
    );

  it("ends what was not sent, and what changes nothing, with the signal's reason", async () => {
    const node = await silent();
    const client = await connected({ endpoints: [node.address] });
    const controller = new AbortController();
    const { signal } = controller;
    const sentGet = reason(client.get("k", { signal }));
    await until("it was sent", () => node.requests.length === 1);
    const unsentPut = reason(client.put("k", "v", { signal }));
    controller.abort(new Error("enough"));
    expect(await sentGet).to.equal(signal.reason);
    expect(await unsentPut).to.equal(signal.reason);
    expect(await reason(client.put("k", "v", { signal }))).to.equal(signal.reason);
    node.script = servingScript();
    await client.put("k", "v");
    expect(node.requests.length).to.equal(2);
  });

  it("ends a write that was sent with OUTCOME_UNKNOWN, the reason as its cause (C1)", async () => {
    const node = await silent();
    const client = await connected({ endpoints: [node.address] });
    const controller = new AbortController();
    const put = failure(client.put("k", "v", { signal: controller.signal }), "OUTCOME_UNKNOWN");
    await until("it was sent", () => node.requests.length === 1);
    controller.abort(new Error("enough"));
    expect((await put).cause).to.equal(controller.signal.reason);
  });

  it("comes too late for what has ended", async () => {
    const node = await silent();
    node.script = servingScript();
    const client = await connected({ endpoints: [node.address] });
    const controller = new AbortController();
    expect(await client.put("k", "v", { signal: controller.signal })).to.deep.equal({ revision: 1 });
    expect(getEventListeners(controller.signal, "abort")).to.deep.equal([]);
    controller.abort();
    await client.put("k", "v");
  });

  it("ends connect, and leaves nothing behind", async () => {
    const hole = await blackHole();
    const controller = new AbortController();
    const connecting = reason(connect({ endpoints: [hole.address], signal: controller.signal }));
    await until("it is dialling", () => hole.taken() > 0);
    controller.abort(new Error("enough"));
    expect(await connecting).to.equal(controller.signal.reason);
    expect(await reason(connect({ endpoints: [hole.address], signal: controller.signal }))).to.equal(
      controller.signal.reason,
    );
  });
});
