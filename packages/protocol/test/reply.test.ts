import {
  ERRORS,
  Op,
  ProtocolError,
  decodeNodeFrame,
  deleteReply,
  encodeLeaderNotice,
  encodeReplies,
  errorReply,
  getReply,
  putReply,
} from "@raftkv/protocol";
import type { ErrorCode, Reply, WireReply } from "@raftkv/protocol";
import { expect } from "chai";
import { Packr } from "msgpackr";

const packr = new Packr({ useRecords: false });
const leader = { name: "n2", address: "127.0.0.1:7402", term: 9 };

function replies(frame: Buffer): readonly Reply[] {
  const decoded = decodeNodeFrame(frame);
  return decoded.kind === "replies" ? decoded.replies : expect.fail("these are no replies");
}

function roundTrip(...sent: WireReply[]): readonly Reply[] {
  return encodeReplies(sent, 1_000_000).flatMap(replies);
}

describe("reply frames", () => {
  it("come back as they went in", () => {
    const value = Buffer.from([0, 1, 255]);
    const counters = { createRevision: 2 ** 33, modRevision: 2 ** 34, version: 3, lease: 2 ** 35 };
    const none = { createRevision: 0, modRevision: 0, version: 0, lease: 0 };
    expect(
      roundTrip(
        putReply(1, 10),
        getReply(2, 11, { value, ...counters }),
        getReply(3, 12, null),
        deleteReply(4, 13, 1),
      ),
    ).to.deep.equal([
      { requestId: 1, op: Op.put, revision: 10, previous: null },
      { requestId: 2, op: Op.get, revision: 11, value, ...counters },
      { requestId: 3, op: Op.get, revision: 12, value: null, ...none },
      { requestId: 4, op: Op.delete, revision: 13, deleted: 1, previous: [] },
    ]);
  });

  it("tell a value of no bytes from a key that is not there", () => {
    const empty = { value: new Uint8Array(0), createRevision: 1, modRevision: 1, version: 1, lease: 0 };
    const [found, missing] = roundTrip(getReply(1, 1, empty), getReply(2, 1, null));
    expect(found).to.have.property("value").that.deep.equals(Buffer.alloc(0));
    expect(missing).to.have.property("value", null);
  });

  it("carry every code that travels, with its facts", () => {
    const none = { floor: null, revision: null, lease: null, version: null };
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      if (code === "CLOSED") continue;
      const { retryable, fact } = ERRORS[code];
      const facts = { leader, retryAfterMs: 5, limit: 6 };
      const [full, bare] = roundTrip(
        errorReply(
          1,
          { code, message: "m", retryable },
          { ...facts, floor: 7, revision: 7, lease: 7, version: 7 },
        ),
        errorReply(2, { code, message: "", retryable: !retryable }),
      );
      const own = fact === null ? {} : { [fact]: 7 };
      expect(full).to.deep.equal({
        requestId: 1,
        op: 0,
        code,
        retryable,
        message: "m",
        ...facts,
        ...none,
        ...own,
      });
      const nothing = { leader: null, retryAfterMs: null, limit: null, ...none };
      expect(bare).to.deep.equal({
        requestId: 2,
        op: 0,
        code,
        retryable: !retryable,
        message: "",
        ...nothing,
      });
    }
  });

  it("are the bytes that docs/protocol.md shows", () => {
    const [put] = encodeReplies([putReply(1, 7)], 1000);
    expect(put?.toString("hex")).to.equal("92019193010107");
    const [refused] = encodeReplies(
      [errorReply(1, { code: "NOT_LEADER", message: "no", retryable: true }, { leader })],
      1000,
    );
    expect(refused?.toString("hex")).to.equal(
      "92019199010001c3a26e6f93a26e32ae3132372e302e302e313a3734303209c0c0c0",
    );
    expect(encodeLeaderNotice(leader).toString("hex")).to.equal(
      "920293a26e32ae3132372e302e302e313a3734303209",
    );
    expect(encodeLeaderNotice(null).toString("hex")).to.equal("9202c0");
  });

  it("are split into frames of at most frameBytes, in order, with none missing (C7)", () => {
    const value = Buffer.alloc(1000);
    const sent: WireReply[] = [];
    for (let id = 1; id <= 100; id += 1) {
      const entry = { value, createRevision: 1, modRevision: 1, version: 1, lease: 0 };
      const refusal = { code: "UNAVAILABLE", message: "ü".repeat(500), retryable: true } as const;
      sent.push(
        id % 3 === 0 ? putReply(id, id) : id % 3 === 1 ? getReply(id, id, entry) : errorReply(id, refusal),
      );
    }
    const frames = encodeReplies(sent, 5000);
    for (const frame of frames) expect(frame.length).to.be.lessThanOrEqual(5000);
    expect(frames.length).to.be.lessThan(100);
    expect(frames.flatMap(replies).map((reply) => reply.requestId)).to.deep.equal(sent.map(([id]) => id));
    expect(encodeReplies(sent, 10_000_000).length).to.equal(1);
    expect(encodeReplies([], 5000)).to.deep.equal([]);
  });

  it("a leader notice comes back as it went in", () => {
    expect(decodeNodeFrame(encodeLeaderNotice(leader))).to.deep.equal({ kind: "leader", leader });
    expect(decodeNodeFrame(encodeLeaderNotice(null))).to.deep.equal({ kind: "leader", leader: null });
  });

  describe("that cannot be trusted: the connection must be cut (C6)", () => {
    const cases: Record<string, unknown> = {
      "nothing but a number": 1,
      "another kind of frame": [6, []],
      "no kind of frame": [],
      "one field more": [1, [], 0],
      "replies that are no array": [1, 5],
      "a reply that is no array": [1, [5]],
      "a reply without a number": [1, [[null, 1, 1]]],
      "an unknown operation": [1, [[1, 19, 1]]],
      "a put's reply with a field too many": [1, [[1, 1, 1, null, 1]]],
      "a put's reply whose previous is a number": [1, [[1, 1, 1, 1]]],
      "a revision as text": [1, [[1, 1, "1"]]],
      "a revision of -1": [1, [[1, 1, -1]]],
      "a value as text": [1, [[1, 2, 1, "v", 1, 1, 1, 1]]],
      "a get's reply cut short": [1, [[1, 2, 1, Buffer.alloc(1)]]],
      "a get's reply without a revision": [1, [[1, 2]]],
      "a delete's reply cut short": [1, [[1, 3, 1]]],
      "an unknown error code": [1, [[1, 0, 99, true, "m", null, null, null, null]]],
      "retryable as a number": [1, [[1, 0, 1, 1, "m", null, null, null, null]]],
      "an error without its facts": [1, [[1, 0, 1, true, "m"]]],
      "a leader without a term": [1, [[1, 0, 1, true, "m", ["n1", "a:1"], null, null, null]]],
      "a leader as text": [2, "n1"],
    };
    for (const [what, frame] of Object.entries(cases)) {
      it(what, () => {
        expect(() => decodeNodeFrame(packr.pack(frame))).to.throw(ProtocolError);
      });
    }
  });
});
