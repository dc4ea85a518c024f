import {
  DEFAULT_LIMITS,
  EVERYTHING,
  Op,
  ProtocolError,
  answerHello,
  catalogChangeRequest,
  catalogReply,
  decodeClientFrame,
  decodeHello,
  decodeHelloAnswer,
  decodeNodeFrame,
  deleteReply,
  deleteRequest,
  encodeHello,
  encodeLeaderNotice,
  encodeReplies,
  encodeRequests,
  encodeWatchEnd,
  encodeWatchEvents,
  errorReply,
  getReply,
  getRequest,
  leaseKeepAliveRequest,
  leaseListReply,
  leaseTimeToLiveRequest,
  putReply,
  putRequest,
  rangeReply,
  rangeRequest,
  txnReply,
  txnRequest,
  watchRequest,
} from "@raftkv/protocol";
import type { KeyValue, Txn, TxnResult, WatchEvent } from "@raftkv/protocol";
import { expect } from "chai";
import type { Random } from "./support/random.js";
import { withSeed } from "./support/random.js";

const ROUNDS = 20_000;
const leader = { name: "n2", address: "127.0.0.1:7402", term: 9 };

/** Frames of every kind, as both sides make them. */
function goodFrames(): Buffer[] {
  const key = Buffer.from("key");
  const value = Buffer.alloc(300, 7);
  const entry = { value, createRevision: 2 ** 40, modRevision: 2 ** 41, version: 70_000, lease: 3 };
  const refusal = { code: "NOT_LEADER", message: "not me", retryable: true } as const;
  const kv = { key, ...entry };
  return [
    ...otherFrames(kv),
    encodeHello({ versionMin: 1, versionMax: 1, clusterId: "c1", clientName: "app" }),
    answerHello(
      { versionMin: 1, versionMax: 1, clusterId: null, clientName: "app" },
      { clusterId: "c1", nodeName: "n1", leader, limits: DEFAULT_LIMITS, members: [] },
    ).bytes,
    encodeRequests([
      putRequest(1, 5000, key, value),
      getRequest(2, 0, key, true),
      deleteRequest(2 ** 40, 9, key),
    ]),
    ...encodeReplies(
      [putReply(1, 2 ** 40), getReply(2, 3, entry), deleteReply(3, 4, 1), errorReply(4, refusal, { leader })],
      100_000,
    ),
    encodeLeaderNotice(leader),
  ];
}

/** What is neither put nor get. */
function otherFrames(kv: KeyValue): Buffer[] {
  const { key, value } = kv;
  const range = { start: key, end: null };
  const get = { kind: "get", range, ...EVERYTHING } as const;
  const txn: Txn = {
    compares: [{ range, target: "version", relation: ">", operand: 0 }],
    then: [{ kind: "put", key, value, lease: 5, wantPrevious: true }, get],
    else: [{ kind: "txn", compares: [], then: [{ kind: "delete", range, wantPrevious: false }], else: [] }],
  };
  const watch = { watchId: 7, range, fromRevision: 3, wantPrevious: true, noPut: false, noDelete: true };
  const found = { entries: [kv], more: true, count: 5 };
  const route = { routeId: 1, ...range, groupId: 1, version: 2 };
  const result: TxnResult = {
    succeeded: true,
    results: [
      { kind: "put", previous: kv },
      { kind: "get", ...found },
      { kind: "txn", succeeded: false, results: [{ kind: "delete", deleted: 1, previous: [kv] }] },
    ],
  };
  const events: WatchEvent[] = [
    { kind: "delete", key, modRevision: 4, previous: kv },
    { kind: "put", ...kv, previous: null },
  ];
  return [
    encodeRequests(
      [
        rangeRequest(1, 5, { range, linearizable: true, revision: 0, ...EVERYTHING }),
        txnRequest(9, 0, txn, 8),
        leaseKeepAliveRequest(2, 0, [1, 2 ** 40]),
        leaseTimeToLiveRequest(3, 0, 4, true),
        watchRequest(4, 0, { ...watch, progress: true }),
        catalogChangeRequest(5, 0, 3, [route]),
      ],
      { session: 77, answeredBelow: 3 },
    ),
    ...encodeReplies(
      [
        rangeReply(1, 9, found),
        txnReply(2, 9, result),
        leaseListReply(3, [{ lease: 1, ttlMs: 2, remainingMs: 3 }]),
        catalogReply(4, 3, [route]),
      ],
      100_000,
    ),
    ...encodeWatchEvents(7, events, 100_000),
    encodeWatchEnd(7, { code: "COMPACTED", message: "gone", retryable: false }, { floor: 9 }),
  ];
}

/** Decodes as everything there is. The only thing that may come out, beside a result, is a ProtocolError. */
function decodeAll(bytes: Buffer): number {
  const decoders = [
    decodeHello,
    decodeHelloAnswer,
    decodeNodeFrame,
    (frame: Buffer) => {
      const { requests, refused } = decodeClientFrame(frame, DEFAULT_LIMITS);
      for (const request of requests) {
        expect(Number.isSafeInteger(request.requestId) && request.requestId > 0).to.equal(true);
        expect(Number.isSafeInteger(request.deadlineMs) && request.deadlineMs >= 0).to.equal(true);
        if (request.op !== Op.put && request.op !== Op.get) continue;
        expect(Buffer.isBuffer(request.key)).to.equal(true);
        if (request.op === Op.put) expect(Buffer.isBuffer(request.value)).to.equal(true);
      }
      for (const { requestId } of refused) expect(Number.isSafeInteger(requestId)).to.equal(true);
    },
  ];
  let decoded = 0;
  for (const decode of decoders) {
    try {
      decode(bytes);
      decoded += 1;
    } catch (error) {
      if (error instanceof ProtocolError) continue;
      throw new Error(`${decode.name} let ${String(error)} out for ${bytes.toString("hex")}`, {
        cause: error,
      });
    }
  }
  return decoded;
}

function mutate(random: Random, good: Buffer): Buffer {
  const bytes = Buffer.from(good);
  const at = random.below(bytes.length);
  switch (random.below(6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes, random.bytes(1 + random.below(8))]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(4))]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(4)), bytes.subarray(at)]);
    default:
      for (let i = 0; i <= random.below(4); i += 1) bytes[random.below(bytes.length)] = random.below(256);
      return bytes;
  }
}

describe("garbage (C6)", () => {
  it("random bytes decode to something or end with a ProtocolError, never otherwise", () => {
    withSeed((random) => {
      for (let round = 0; round < ROUNDS; round += 1) decodeAll(random.bytes(random.below(64)));
    });
  });

  it("so do frames that were good before some of their bytes were changed, cut out or put in", () => {
    withSeed((random) => {
      const frames = goodFrames();
      let survived = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        survived += decodeAll(mutate(random, frames[random.below(frames.length)]!));
      }
      // A change inside a key or a value changes what was said, not whether it can be understood.
      expect(survived).to.be.greaterThan(0);
    });
  });

  it("so does every prefix of a good frame, and none of them passes for a whole one", () => {
    for (const good of goodFrames()) {
      expect(decodeAll(good)).to.be.greaterThan(0);
      for (let length = 0; length < good.length; length += 1) {
        expect(decodeAll(good.subarray(0, length)), `the first ${length} bytes`).to.equal(0);
      }
    }
  });

  it("every single byte as a whole frame", () => {
    for (let byte = 0; byte < 256; byte += 1) expect(decodeAll(Buffer.from([byte]))).to.equal(0);
  });
});
