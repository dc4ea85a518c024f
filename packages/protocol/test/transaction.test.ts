import {
  DEFAULT_LIMITS,
  EVERYTHING,
  ProtocolError,
  TXN_DEPTH_MAX,
  decodeClientFrame,
  decodeNodeFrame,
  encodeReplies,
  encodeRequests,
  requestBytes,
  requestWeight,
  singleKey,
  txnReply,
  txnRequest,
} from "@raftkv/protocol";
import type { ClientFrame, KeyRange, Txn, TxnOp, TxnResult } from "@raftkv/protocol";
import { expect } from "chai";
import { Packr } from "msgpackr";

const packr = new Packr({ useRecords: false });
const [a, b, c] = [Buffer.from("a"), Buffer.from("b"), Buffer.from("c")];
const limits = { ...DEFAULT_LIMITS, keyBytes: 10, valueBytes: 20, operationsInTxn: 6, frameRequests: 10 };

const put = (key: Buffer): TxnOp => ({ kind: "put", key, value: b, lease: 0, wantPrevious: false });
const del = (start: Buffer, end?: Buffer | null): TxnOp => {
  const range: KeyRange = end === undefined ? singleKey(start) : { start, end };
  return { kind: "delete", range, wantPrevious: false };
};
const get: TxnOp = { kind: "get", range: { start: a, end: null }, ...EVERYTHING };
const txn = (then: readonly TxnOp[], otherwise: readonly TxnOp[] = []): TxnOp => ({
  kind: "txn",
  compares: [],
  then,
  else: otherwise,
});
const branch = (...then: TxnOp[]): Txn => ({ compares: [], then, else: [] });

function decoded(sent: Txn, predecessor = 0, takes = limits): ClientFrame {
  const wire = txnRequest(9, 5, sent, predecessor);
  const bytes = encodeRequests([wire]);
  expect(bytes.length).to.be.lessThanOrEqual(requestBytes(wire));
  return decodeClientFrame(bytes, takes);
}

function nested(depth: number): TxnOp {
  return depth === 0 ? put(a) : txn([nested(depth - 1)]);
}

describe("transactions", () => {
  it("come back as they went in, all kinds of compares and operations", () => {
    const sent: Txn = {
      compares: [
        { range: singleKey(a), target: "value", relation: "=", operand: b },
        { range: { start: a, end: b }, target: "version", relation: "!=", operand: 0 },
        { range: { start: a, end: null }, target: "create", relation: "<", operand: 2 ** 40 },
        { range: singleKey(b), target: "mod", relation: ">", operand: 1 },
        { range: singleKey(b), target: "lease", relation: "=", operand: 1 },
      ],
      then: [
        { kind: "put", key: a, value: b, lease: 7, wantPrevious: true },
        { kind: "delete", range: { start: b, end: c }, wantPrevious: true },
        {
          kind: "get",
          range: { start: a, end: b },
          limit: 1,
          order: "descending",
          keysOnly: true,
          countOnly: true,
          minModRevision: 2,
          maxModRevision: 3,
          minCreateRevision: 4,
          maxCreateRevision: 5,
        },
        txn([get], [del(Buffer.from("x"))]),
      ],
      else: [del(c, null)],
    };
    const { requests, refused } = decoded(sent, 8, DEFAULT_LIMITS);
    expect(refused).to.deep.equal([]);
    expect(requests).to.deep.equal([{ requestId: 9, op: 5, deadlineMs: 5, predecessor: 8, ...sent }]);
  });

  it("results come back as they went in", () => {
    const kv = { key: a, value: b, createRevision: 1, modRevision: 2, version: 3, lease: 4 };
    const result: TxnResult = {
      succeeded: true,
      results: [
        { kind: "put", previous: kv },
        { kind: "put", previous: null },
        { kind: "delete", deleted: 2, previous: [kv, kv] },
        { kind: "get", entries: [kv], more: true, count: 17 },
        { kind: "txn", succeeded: false, results: [{ kind: "get", entries: [], more: false, count: null }] },
      ],
    };
    const [frame] = encodeReplies([txnReply(9, 5, result)], 100_000);
    expect(decodeNodeFrame(frame!)).to.deep.equal({
      kind: "replies",
      replies: [{ requestId: 9, op: 5, revision: 5, ...result }],
    });
  });

  it("results of the deepest transaction fit into a frame's depth", () => {
    const kv = { key: a, value: b, createRevision: 1, modRevision: 2, version: 3, lease: 4 };
    let result: TxnResult = {
      succeeded: true,
      results: [{ kind: "get", entries: [kv], more: false, count: 1 }],
    };
    for (let depth = 1; depth < TXN_DEPTH_MAX; depth += 1)
      result = { succeeded: true, results: [{ kind: "txn", ...result }] };
    const [frame] = encodeReplies([txnReply(9, 5, result)], 100_000);
    expect(decodeNodeFrame(frame!)).to.have.nested.property("replies[0].results").with.lengthOf(1);
  });

  it("are the bytes that docs/protocol.md shows", () => {
    const frame = encodeRequests(
      [
        txnRequest(7, 5000, {
          compares: [{ range: singleKey(Buffer.from("k")), target: "version", relation: "=", operand: 0 }],
          then: [
            { kind: "put", key: Buffer.from("k"), value: Buffer.from("v"), lease: 0, wantPrevious: false },
          ],
          else: [],
        }),
      ],
      { session: 5, answeredBelow: 7 },
    );
    expect(frame.toString("hex")).to.equal(
      "930192050791970705cd13880091950201c4016bc000919501c4016bc40176000090",
    );
  });

  describe("limits (C7)", () => {
    it("operations are counted over compares, both branches and nested ones", () => {
      const compare = { range: singleKey(a), target: "version", relation: "=", operand: 0 } as const;
      const six: Txn = { compares: [compare], then: [get, txn([get], [get])], else: [get] };
      expect(decoded(six).refused).to.deep.equal([]);
      const [refused] = decoded({ ...six, else: [get, get] }).refused;
      expect(refused).to.include({ code: "TOO_LARGE", limit: 6 });
      expect(refused?.message).to.include("more operations than the 6");
      expect(requestWeight(txnRequest(9, 5, six))).to.equal(7);
    });

    it("a frame whose transactions have more operations than it may have requests is cut", () => {
      const five = branch(get, get, get, get);
      const frame = (count: number): Buffer =>
        encodeRequests(Array.from({ length: count }, (_, i) => txnRequest(i + 1, 0, five)));
      expect(decodeClientFrame(frame(2), limits).requests.length).to.equal(2);
      expect(() => decodeClientFrame(frame(3), limits)).to.throw(
        ProtocolError,
        "more requests and operations",
      );
      // One alone may have as many as a transaction may have.
      const small = { ...limits, frameRequests: 2 };
      expect(decodeClientFrame(frame(1), small).requests.length).to.equal(1);
    });

    it(`they stand in each other ${TXN_DEPTH_MAX} deep and no deeper; a connection bears one more`, () => {
      const deepest = branch(nested(TXN_DEPTH_MAX - 1));
      expect(decoded(deepest, 0, DEFAULT_LIMITS).requests.length).to.equal(1);
      const [refused] = decoded(branch(nested(TXN_DEPTH_MAX)), 0, DEFAULT_LIMITS).refused;
      expect(refused).to.include({ code: "INVALID_ARGUMENT" });
      expect(refused?.message).to.include("deep in each other");
      expect(() => decoded(branch(nested(20)), 0, DEFAULT_LIMITS)).to.throw(ProtocolError);
    });

    it("keys and values in them have the limits of all keys and values", () => {
      expect(decoded(branch(put(Buffer.alloc(11)))).refused[0]).to.include({ code: "TOO_LARGE", limit: 10 });
      const compare = {
        range: singleKey(a),
        target: "value",
        relation: "=",
        operand: Buffer.alloc(21),
      } as const;
      expect(decoded({ compares: [compare], then: [], else: [] }).refused[0]).to.include({ limit: 20 });
    });
  });

  describe("one path writes a key once, as in etcd", () => {
    const refusedOnes: Record<string, Txn> = {
      "two puts of a key": branch(put(a), put(b), put(a)),
      "a put and a delete of a key": branch(put(a), del(a)),
      "a delete and a put of a key": branch(del(a), put(a)),
      "a put in a deleted range": branch(del(a, c), put(b)),
      "a put behind which all is deleted": branch(put(b), del(a, null)),
      "two puts in else": { compares: [], then: [], else: [put(a), put(a)] },
      "a put and one in a nested branch": branch(put(a), txn([], [put(a)])),
      "a put before which a nested branch deletes": branch(txn([del(a)]), put(a)),
      "puts of two nested ones": branch(txn([put(a)]), txn([], [put(a)])),
      "two puts in a nested one that stands alone": branch(txn([put(a), put(a)])),
      "a put and a delete two levels down": branch(put(b), txn([txn([], [del(a, c)])])),
    };
    for (const [what, sent] of Object.entries(refusedOnes)) {
      it(`${what}: refused`, () => {
        const [refused] = decoded(sent).refused;
        expect(refused).to.include({ requestId: 9, code: "INVALID_ARGUMENT" });
        expect(refused?.message).to.include("puts a key twice");
      });
    }
    const takenOnes: Record<string, Txn> = {
      "puts of two keys": branch(put(a), put(b)),
      "one key in then and in else": { compares: [], then: [put(a)], else: [put(a)] },
      "one key in the two branches of a nested one": branch(get, txn([put(a)], [del(a)])),
      "deletes that overlap": branch(del(a, c), del(b)),
      "a put at the end of a deleted range": branch(del(a, c), put(c)),
      "a put of a key and a get of it": branch(put(a), get),
      "keys that share their beginning": branch(
        del(a),
        put(Buffer.from("a\0")),
        put(Buffer.from("a\xff", "latin1")),
      ),
    };
    for (const [what, sent] of Object.entries(takenOnes)) {
      it(`${what}: taken`, () => {
        expect(decoded(sent).refused).to.deep.equal([]);
      });
    }
  });

  describe("what is wrong with one refuses it alone (C6)", () => {
    const compare: unknown[] = [2, 1, a, null, 0];
    const cases: Record<string, [unknown, unknown, unknown, unknown]> = {
      "a predecessor that is not before it": [9, [], [], []],
      "compares that are no array": [0, 5, [], []],
      "a compare that is no array": [0, [5], [], []],
      "a compare of four fields": [0, [compare.slice(0, 4)], [], []],
      "a target of 0": [0, [compare.with(0, 0)], [], []],
      "a target of 6": [0, [compare.with(0, 6)], [], []],
      "a target as text": [0, [compare.with(0, "version")], [], []],
      "a relation of 5": [0, [compare.with(1, 5)], [], []],
      "a value compared with a number": [0, [compare.with(0, 1)], [], []],
      "a version compared with bytes": [0, [compare.with(4, a)], [], []],
      "an operation that is no array": [0, [], [5], []],
      "an operation of nothing": [0, [], [[]], []],
      "a get by its number outside": [0, [], [[2, a]], []],
      "a put without its lease": [0, [], [[1, a, b, 0]], []],
      "a delete with flags 2": [0, [], [], [[3, a, null, 2]]],
      "a range cut short": [0, [], [[4, a, null, 0, 0, 0, 0, 0, 0]], []],
      "a nested one of two fields": [0, [], [[5, [], []]], []],
    };
    for (const [what, fields] of Object.entries(cases)) {
      it(what, () => {
        const { requests, refused } = decodeClientFrame(
          packr.pack([1, null, [[9, 5, 0, ...fields]]]),
          limits,
        );
        expect(requests).to.deep.equal([]);
        expect(refused[0]).to.include({ requestId: 9, code: "INVALID_ARGUMENT", limit: null });
      });
    }
  });
});
