import { expect } from "chai";
import { Op } from "@raftkv/protocol";
import type { WireReply } from "@raftkv/protocol";
import { FutureRevisionError } from "@raftkv/store";
import { Reads } from "../dist/client/reads.js";
import type { Asker, ReadOperation, ReadsOptions } from "../dist/client/reads.js";
import type { ReadLeave, ReadRequest } from "../dist/group/pending-reads.js";

const HEAD = { requestId: 7, deadlineMs: 0 };
const KEY = Buffer.from("k");

function get(revision = 0): ReadOperation {
  return { ...HEAD, op: Op.get, key: KEY, revision, linearizable: true };
}

const RANGE = {
  ...HEAD,
  op: Op.range,
  linearizable: true,
  revision: 0,
  range: { start: KEY, end: null },
  limit: 0,
  order: "ascending",
  keysOnly: false,
  countOnly: false,
  minModRevision: 0,
  maxModRevision: 0,
  minCreateRevision: 0,
  maxCreateRevision: 0,
} as unknown as ReadOperation;

const TIME_TO_LIVE = { ...HEAD, op: Op.leaseTimeToLive, lease: 3, withKeys: false } as const;

const READS: Record<string, ReadOperation> = {
  "a get": get(),
  "a get of a revision that is not there yet": get(99),
  "a range": RANGE,
  "the catalog": { ...HEAD, op: Op.catalog },
  "the list of leases": { ...HEAD, op: Op.leaseList },
  "a lease's time": TIME_TO_LIVE,
  "a lease's keys": { ...TIME_TO_LIVE, withKeys: true },
  "a lease that is not there": { ...TIME_TO_LIVE, lease: 4 },
};

/** A leader whose state is old until a majority was asked: then `state` is what it should have told. */
class Scene {
  state = "old";
  readonly told: unknown[] = [];
  readonly granted: ("lease" | "majority")[] = [];
  readonly reads: Reads;
  leaseHolds = true;

  constructor() {
    const value = (): Buffer => Buffer.from(this.state);
    const store = {
      get revision() {
        return value().length;
      },
      get: (key: Buffer, at?: { revision: number }) => {
        if (at?.revision === 99) throw new FutureRevisionError(99, value().length);
        return { key, value: value(), createRevision: 1, modRevision: 1, version: 1, lease: 0 };
      },
      range: async () => ({ revision: value().length, entries: [], more: false, count: value().length }),
      keysOfLease: async () => ({ keys: [value()], more: false }),
    };
    const status = () => ({ lease: 3, ttlMs: value().length, remainingMs: 1 });
    const machine = {
      get catalog() {
        return { version: value().length, routes: [] };
      },
      leases: () => [status()],
      lease: (lease: number) => (lease === 3 ? status() : null),
    };
    const group = {
      hasData: true,
      leads: true,
      logTimeMs: 1,
      leader: null,
      read: (request: ReadRequest) => this.#grant(request, "lease"),
      readByMajority: (request: ReadRequest) => {
        this.state = "the new one";
        this.#grant(request, "majority");
      },
    };
    this.reads = new Reads({
      limits: { frameRequests: 100, rangeEntries: 10, frameBytes: 1_000_000 },
      requestTimeoutMs: 30_000,
      timings: { read: { observe: () => undefined } },
      serving: () => ({ group, store, data: { replica: { machine } } }),
      onFailed: (error: unknown) => {
        throw error as Error;
      },
    } as unknown as ReadsOptions);
  }

  async answerTo(request: ReadOperation): Promise<unknown> {
    const asker = {
      closed: false,
      isBehind: false,
      largeAnswerAtMs: -Infinity,
      answer: (reply: WireReply) => this.told.push(reply),
      refused: (_id: number, refusal: unknown) => this.told.push(refusal),
    } as unknown as Asker;
    this.reads.serve(request, asker);
    for (let turns = 0; turns < 10; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(this.told).to.have.length(1);
    return JSON.parse(JSON.stringify(this.told[0]));
  }

  #grant(request: ReadRequest, by: "lease" | "majority"): void {
    this.granted.push(by);
    const leave: ReadLeave = { holds: () => by === "majority" || this.leaseHolds };
    request.granted(leave);
  }
}

describe("reads whose lease ended before they were answered (R19)", () => {
  for (const [what, request] of Object.entries(READS)) {
    it(`${what} is asked for again, by majority, once`, async () => {
      const confirmed = new Scene();
      confirmed.state = "the new one";
      const wanted = await confirmed.answerTo(request);
      expect(confirmed.granted).to.deep.equal(["lease"]);

      const scene = new Scene();
      scene.leaseHolds = false;
      expect(await scene.answerTo(request)).to.deep.equal(wanted);
      expect(scene.granted).to.deep.equal(["lease", "majority"]);
    });
  }

  it("a serializable read asks nobody", async () => {
    const scene = new Scene();
    scene.leaseHolds = false;
    await scene.answerTo({ ...HEAD, op: Op.get, key: KEY, revision: 0, linearizable: false });
    expect(scene.granted).to.deep.equal([]);
  });
});
