import { expect } from "chai";
import { Op } from "@raftkv/protocol";
import type { GetRequest } from "@raftkv/protocol";
import { ReadQueue } from "../dist/client/read-queue.js";
import { Reads } from "../dist/client/reads.js";
import type { Asker, ReadsOptions } from "../dist/client/reads.js";
import { Watchman } from "../dist/client/watchman.js";
import type { ClientConnection } from "../dist/client/connection.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function getOf(requestId: number, key: string): GetRequest {
  const head = { op: Op.get, requestId, deadlineMs: 0 } as const;
  return { ...head, key: Buffer.from(key), revision: 0, linearizable: false };
}

describe("reads with large answers (C5, C7)", () => {
  it("are no more in one turn than its bytes allow; what waits goes on by itself, one owner after the other", async () => {
    const order: string[] = [];
    const queue = new ReadQueue<{ name: string }>({
      concurrency: 16,
      waitingMax: 10,
      turnBytesMax: 100,
      onFailed: (error) => {
        throw error as Error;
      },
    });
    let done: () => void = () => undefined;
    const all = new Promise<void>((resolve) => (done = resolve));
    const [a, b] = [{ name: "a" }, { name: "b" }];
    for (const owner of [a, a, a, b]) {
      queue.add(owner, async () => {
        order.push(owner.name);
        queue.answered(60);
        if (order.length === 4) done();
      });
    }
    await Promise.resolve();
    expect(order, "the second goes over the bound, the third waits").to.deep.equal(["a", "a"]);
    expect(queue.waiting).to.equal(2);
    await all;
    expect(order).to.deep.equal(["a", "a", "a", "b"]);
  });

  it("are put off from the second one on, also gets, and the first one of a new client; who reads little is answered at once", async () => {
    const values = new Map([
      ["large", Buffer.alloc(512 * 1024)],
      ["small", Buffer.from("s")],
    ]);
    const store = { revision: 7, get: (key: Buffer) => ({ key, value: values.get(key.toString()) }) };
    const reads = new Reads({
      limits: { frameRequests: 100 },
      requestTimeoutMs: 30_000,
      serving: () => ({ group: {}, store, data: { replica: { machine: {} } } }),
      onFailed: (error: unknown) => {
        throw error as Error;
      },
    } as unknown as ReadsOptions);
    const answered: string[] = [];
    const asker = (name: string): Asker =>
      ({
        closed: false,
        isBehind: false,
        largeAnswerAtMs: null,
        answer: () => answered.push(name),
      }) as unknown as Asker;
    const [greedy, modest, unknown] = [asker("greedy"), asker("modest"), asker("unknown")];
    reads.serve(getOf(11, "small"), modest);
    answered.length = 0;
    for (let i = 0; i < 10; i += 1) reads.serve(getOf(i, "large"), greedy);
    reads.serve(getOf(10, "small"), modest);
    reads.serve(getOf(12, "large"), unknown);
    expect(answered).to.deep.equal(["greedy", "modest"]);
    expect(reads.waiting).to.equal(10);
    while (reads.waiting > 0) await turn();
    expect(answered.slice(2, 4), "by turns").to.have.members(["greedy", "unknown"]);
    expect(answered.length).to.equal(12);
  });
});

describe("what all clients together leave in memory (C7)", () => {
  interface Fake {
    unsentBytes: number;
    partialBytes: number;
    cut: string | null;
  }

  function watchmanOver(clients: readonly Fake[]): Watchman {
    const connections = clients.map((client) =>
      Object.assign(client, {
        look: () => undefined,
        drop: (why: string) => {
          client.cut = why;
          client.unsentBytes = 0;
          client.partialBytes = 0;
        },
      }),
    );
    return new Watchman(
      { silenceMs: 1e9, allUnreadBytesMax: 1_000, partialBytesMax: 1_000 },
      new Set(connections as unknown as ClientConnection[]),
    );
  }

  /** Sizes are summed up again at most so often. */
  async function untilCut(clients: readonly Fake[], feed: () => void): Promise<void> {
    for (let tries = 0; clients.every(({ cut }) => cut === null); tries += 1) {
      if (tries > 100_000) throw new Error("nobody was cut");
      feed();
      await turn();
    }
  }

  it("is found out when it comes, not at the next look: of frames that are not whole those are cut that hold most", async () => {
    const clients = [300, 600, 200].map((bytes) => ({ unsentBytes: 0, partialBytes: bytes, cut: null }));
    const watchman = watchmanOver(clients);
    await untilCut(clients, () => watchman.received(1_100));
    expect(clients.map(({ cut }) => cut)).to.deep.equal([
      null,
      "too many bytes of frames are not whole, and it has most of them",
      null,
    ]);
  });

  it("is found out the same way for replies that nobody reads; what was counted twice is nobody's fault", async () => {
    const clients = [300, 400].map((bytes) => ({
      unsentBytes: bytes,
      partialBytes: 0,
      cut: null as string | null,
    }));
    const watchman = watchmanOver(clients);
    watchman.sent(5_000);
    expect(watchman.isCrowded).to.equal(true);
    watchman.look(performance.now(), 250);
    expect(watchman.isCrowded, "700 of 1,000 is more than half").to.equal(true);
    expect(clients.map(({ cut }) => cut)).to.deep.equal([null, null]);
    (clients[1] as Fake).unsentBytes = 800;
    await untilCut(clients, () => watchman.sent(1));
    expect(clients.map(({ cut }) => cut !== null)).to.deep.equal([false, true]);
  });
});
