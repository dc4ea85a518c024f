import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@raftkv/client";
import {
  CLIENT_PATH,
  Op,
  PROTOCOL_VERSION_MAX,
  PROTOCOL_VERSION_MIN,
  decodeNodeFrame,
  encodeHello,
  encodeRequests,
  getRequest,
} from "@raftkv/protocol";
import type { Reply } from "@raftkv/protocol";
import { expect } from "chai";
import { WebSocket } from "ws";
import { until } from "./harness/until.js";
import { ClusterUnderTest } from "./run/cluster-under-test.js";

const KEY = "stalled";
const LIMIT_MS = 60_000;

/** A client that asks one node and no other, whatever that says: the library would go to the next leader. */
class StubbornClient {
  readonly replies = new Map<number, Reply>();
  readonly #socket: WebSocket;
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    let isGreeted = false;
    socket.on("message", (data) => {
      if (!isGreeted) {
        isGreeted = true;
        return;
      }
      const frame = decodeNodeFrame(data as Buffer);
      if (frame.kind === "replies")
        for (const reply of frame.replies) this.replies.set(reply.requestId, reply);
    });
    socket.on("error", () => undefined);
  }

  static async open(endpoint: string): Promise<StubbornClient> {
    const socket = new WebSocket(`ws://${endpoint}${CLIENT_PATH}`, { perMessageDeflate: false });
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    const [versionMin, versionMax] = [PROTOCOL_VERSION_MIN, PROTOCOL_VERSION_MAX];
    socket.send(encodeHello({ versionMin, versionMax, clusterId: null, clientName: "stubborn" }));
    return new StubbornClient(socket);
  }

  /** Returns the request's number. Nobody waits for the answer. */
  get(): number {
    this.#lastId += 1;
    this.#socket.send(encodeRequests([getRequest(this.#lastId, 0, Buffer.from(KEY), true, 0)], null));
    return this.#lastId;
  }

  close(): void {
    this.#socket.terminate();
  }
}

describe("a leader that is stopped while it has a lease (R19)", function () {
  this.timeout(180_000);
  let dir: string;
  let cluster: ClusterUnderTest | null = null;
  const open: { close(): Promise<void> | void }[] = [];

  before(() => {
    dir = mkdtempSync(join(tmpdir(), "raftkv-stalled-"));
  });
  afterEach(async () => {
    for (const one of open) await one.close();
    await cluster?.close();
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  it("answers nothing from before when it goes on, although nobody tells it that another one leads", async () => {
    cluster = await ClusterUnderTest.start({ nodes: 3, dir, env: process.env, shim: null, disk: null });
    const { network, processes } = cluster;
    const endpointsOf = (names: readonly string[]): string[] => names.map((name) => processes.endpoint(name));
    const client = await connect({ endpoints: endpointsOf(cluster.names) });
    open.push(client);
    await client.put(KEY, "old");
    await client.leaderLeases.on();
    await until("the leader has a lease", async () =>
      (await client.leaderLeases.show()).remainingMs > 0 ? true : null,
    );
    const old = (await cluster.leader()) as string;
    const others = cluster.names.filter((name) => name !== old);
    const stubborn = await StubbornClient.open(processes.endpoint(old));
    open.push(stubborn);
    const before = stubborn.get();
    await until("it answers", async () => (stubborn.replies.has(before) ? true : null));

    cluster.pause(old);
    for (const other of others) {
      network.setPeer(old, other, { cut: true });
      network.setPeer(other, old, { cut: true });
    }
    const elsewhere = await connect({ endpoints: endpointsOf(others) });
    open.push(elsewhere);
    const limit = { limitMs: LIMIT_MS };
    const isPut = async (): Promise<true> => {
      await elsewhere.put(KEY, "new", { timeoutMs: 1_000 });
      return true;
    };
    await until("another leader takes a write", isPut, limit);
    // They lie in its socket when it goes on, and come one after the other from then on.
    const asked = Array.from({ length: 100 }, () => stubborn.get());
    cluster.resume(old);
    const isAnswered = async (): Promise<true | null> => {
      asked.push(stubborn.get());
      return asked.slice(0, 100).every((id) => stubborn.replies.has(id)) ? true : null;
    };
    await until("it answers them all", isAnswered, limit);
    network.heal({ dropHeld: true });
    const isNew = async (): Promise<true | null> => {
      const reply = stubborn.replies.get(stubborn.get() - 1);
      return reply?.op === Op.get && reply.value?.toString() === "new" ? true : null;
    };
    await until("it reads the new value", isNew, limit);
    const values = asked.flatMap((id) => {
      const reply = stubborn.replies.get(id);
      return reply?.op === Op.get ? [reply.value?.toString()] : [];
    });
    expect(values.filter((value) => value !== "new")).to.deep.equal([]);
  });
});
