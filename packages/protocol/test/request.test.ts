import {
  DEADLINE_MS_MAX,
  DEFAULT_LIMITS,
  Op,
  ProtocolError,
  decodeClientFrame,
  deleteRequest,
  encodeRequests,
  getRequest,
  putRequest,
  requestBytes,
  singleKey,
} from "@raftkv/protocol";
import { expect } from "chai";
import { Packr } from "msgpackr";

const packr = new Packr({ useRecords: false });
const limits = { ...DEFAULT_LIMITS, keyBytes: 10, valueBytes: 20, frameRequests: 3 };
const key = Buffer.from("key");

function frameOf(...requests: unknown[]): Buffer {
  return packr.pack([1, null, requests]);
}

describe("request frames", () => {
  it("come back as they went in", () => {
    const value = Buffer.from([0, 1, 255]);
    const frame = encodeRequests([
      putRequest(1, 5000, key, value),
      getRequest(2, 0, new Uint8Array(0), true),
      getRequest(3, DEADLINE_MS_MAX, key, false),
    ]);
    expect(decodeClientFrame(frame, limits)).to.deep.equal({
      requests: [
        { requestId: 1, op: Op.put, deadlineMs: 5000, key, value, lease: 0, wantPrevious: false },
        { requestId: 2, op: Op.get, deadlineMs: 0, key: Buffer.alloc(0), linearizable: true, revision: 0 },
        { requestId: 3, op: Op.get, deadlineMs: DEADLINE_MS_MAX, key, linearizable: false, revision: 0 },
      ],
      session: null,
      refused: [],
    });
    expect(decodeClientFrame(encodeRequests([deleteRequest(4, 1, key)]), limits).requests).to.deep.equal([
      { requestId: 4, op: Op.delete, deadlineMs: 1, range: singleKey(key), wantPrevious: false },
    ]);
    expect(decodeClientFrame(encodeRequests([]), limits)).to.deep.equal({
      session: null,
      requests: [],
      refused: [],
    });
  });

  it("are the bytes that docs/protocol.md shows", () => {
    const frame = encodeRequests([putRequest(1, 5000, Buffer.from("k"), Buffer.from("v"))]);
    expect(frame.toString("hex")).to.equal("9301c091970101cd1388c4016bc401760000");
  });

  it("carry the session that their writes belong to, and the place in it", () => {
    const session = { session: 2 ** 40, answeredBelow: 17 };
    expect(
      decodeClientFrame(encodeRequests([deleteRequest(20, 0, key)], session), limits).session,
    ).to.deep.equal(session);
    expect(encodeRequests([], { session: 5, answeredBelow: 2 }).toString("hex")).to.equal("930192050290");
  });

  it("carry numbers exactly up to 2^53 - 1, as float 64 or as uint 64", () => {
    const numbers = [2 ** 32 - 1, 2 ** 32, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER];
    for (const number of numbers) {
      const [request] = decodeClientFrame(encodeRequests([deleteRequest(number, 0, key)]), limits).requests;
      expect(request?.requestId).to.equal(number);
    }
    const uint64 = Buffer.from("9301c09196cf00000100000000010300c4016bc000", "hex");
    expect(decodeClientFrame(uint64, limits).requests[0]?.requestId).to.equal(2 ** 40 + 1);
  });

  it("hold keys and values as views of the frame, not as copies (J)", () => {
    const frame = encodeRequests([putRequest(1, 0, key, Buffer.from("value"))]);
    const [request] = decodeClientFrame(frame, limits).requests;
    if (request?.op !== Op.put) expect.fail("a put was sent");
    expect(request.key.buffer).to.equal(frame.buffer);
    expect(request.value.buffer).to.equal(frame.buffer);
  });

  it("take no more than requestBytes says for each", () => {
    const value = Buffer.alloc(1_000_000);
    const requests = Array.from({ length: 3 }, (_, i) =>
      putRequest(2 ** 50 + i, DEADLINE_MS_MAX, key, value),
    );
    expect(encodeRequests(requests).length).to.be.lessThanOrEqual(requestBytes(requests[0]!) * 3);
  });

  describe("with a request that is wrong: it alone is refused, by its number (C6, C7)", () => {
    const cases: Record<string, [unknown[], string]> = {
      "key too large": [[7, 1, 0, Buffer.alloc(11), key, 0, 0], "TOO_LARGE"],
      "value too large": [[7, 1, 0, key, Buffer.alloc(21), 0, 0], "TOO_LARGE"],
      "operation 0": [[7, 0, 0, key], "INVALID_ARGUMENT"],
      "operation 22": [[7, 22, 0, key], "INVALID_ARGUMENT"],
      "operation 1.5": [[7, 1.5, 0, key], "INVALID_ARGUMENT"],
      "operation -1": [[7, -1, 0, key], "INVALID_ARGUMENT"],
      "operation as text": [[7, "put", 0, key, key], "INVALID_ARGUMENT"],
      "no operation": [[7], "INVALID_ARGUMENT"],
      "put without a value": [[7, 1, 0, key], "INVALID_ARGUMENT"],
      "put with nil for a value": [[7, 1, 0, key, null, 0, 0], "INVALID_ARGUMENT"],
      "put with one field more": [[7, 1, 0, key, key, 0, 0, 0], "INVALID_ARGUMENT"],
      "put with lease -1": [[7, 1, 0, key, key, -1, 0], "INVALID_ARGUMENT"],
      "put with flags 2": [[7, 1, 0, key, key, 0, 2], "INVALID_ARGUMENT"],
      "put with flags true": [[7, 1, 0, key, key, 0, true], "INVALID_ARGUMENT"],
      "delete with one field more": [[7, 3, 0, key, null, 0, 0], "INVALID_ARGUMENT"],
      "key as text": [[7, 2, 0, "key", 0, 0], "INVALID_ARGUMENT"],
      "consistency 2": [[7, 2, 0, key, 2, 0], "INVALID_ARGUMENT"],
      "consistency true": [[7, 2, 0, key, true, 0], "INVALID_ARGUMENT"],
      "deadline -1": [[7, 2, -1, key, 0, 0], "INVALID_ARGUMENT"],
      "deadline 1.5": [[7, 2, 1.5, key, 0, 0], "INVALID_ARGUMENT"],
      "deadline 2^31": [[7, 2, 2 ** 31, key, 0, 0], "INVALID_ARGUMENT"],
      "get of revision 1.5": [[7, 2, 0, key, 0, 1.5], "INVALID_ARGUMENT"],
      "deadline nil": [[7, 2, null, key, 0, 0], "INVALID_ARGUMENT"],
    };
    for (const [what, [request, code]] of Object.entries(cases)) {
      it(what, () => {
        const frame = decodeClientFrame(
          frameOf([6, 3, 0, key, null, 0], request, [8, 3, 0, key, null, 0]),
          limits,
        );
        expect(frame.requests.map((other) => other.requestId)).to.deep.equal([6, 8]);
        expect(frame.refused.map((refused) => [refused.requestId, refused.code])).to.deep.equal([[7, code]]);
      });
    }

    it("and says what is allowed", () => {
      const { refused } = decodeClientFrame(
        frameOf([1, 1, 0, key, Buffer.alloc(21), 0, 0], [2, 24, 0, key], [3, 2, 0, "text", 0, 0]),
        limits,
      );
      expect(refused).to.deep.equal([
        {
          requestId: 1,
          code: "TOO_LARGE",
          message: "the value has 21 bytes, the cluster takes 20",
          limit: 20,
        },
        {
          requestId: 2,
          code: "INVALID_ARGUMENT",
          message: "the operation is 24: 1 to 23 are known",
          limit: null,
        },
        {
          requestId: 3,
          code: "INVALID_ARGUMENT",
          message: 'the key is "text": bytes are wanted',
          limit: null,
        },
      ]);
    });
  });

  describe("that cannot be trusted: the connection must be cut (C6, C7)", () => {
    const good = [1, 3, 0, key, null, 0];
    const cases: Record<string, Buffer> = {
      nothing: Buffer.alloc(0),
      "a number": packr.pack(7),
      "a map": packr.pack({ a: 1 }),
      "another kind of frame": packr.pack([2, null, [good]]),
      "a session that is a number": packr.pack([1, 5, [good]]),
      "a session of id 0": packr.pack([1, [0, 1], [good]]),
      "a session without its place": packr.pack([1, [1], [good]]),
      "a session with a place of -1": packr.pack([1, [1, -1], [good]]),
      "one field more": packr.pack([1, null, [good], 0]),
      "requests that are no array": packr.pack([1, null, 5]),
      "a request that is no array": frameOf(5),
      "a request with number 0": frameOf([0, 3, 0, key, null, 0]),
      "a request with number -1": frameOf([-1, 3, 0, key, null, 0]),
      "a request with number 1.5": frameOf([1.5, 3, 0, key, null, 0]),
      "a request with number 2^53": frameOf([2 ** 53, 3, 0, key, null, 0]),
      "a request with a number as text": frameOf(["1", 3, 0, key, null, 0]),
      "an empty request": frameOf([]),
      "too many requests": frameOf(good, good, good, good),
      "a byte left behind its end": Buffer.concat([frameOf(good), Buffer.from([0])]),
      "a byte missing": frameOf(good).subarray(0, -1),
      "an extension type": packr.pack([1, null, [[1, 3, 0, new Date(), null, 0]]]),
      "a record definition": new Packr({ useRecords: true }).pack([1, null, [{ a: 1 }, { a: 2 }]]),
      "a bigint over 2^63": Buffer.from("9301c09196cfffffffffffffffff0300c4016bc000", "hex"),
      "an array that claims 2^32 - 1 elements": Buffer.from("ddffffffff00", "hex"),
      "a byte string that claims 2^32 - 1 bytes": Buffer.from("93c6ffffffff00", "hex"),
      "10,000 arrays in each other": Buffer.concat([Buffer.alloc(10_000, 0x91), Buffer.from([0])]),
    };
    for (const [what, bytes] of Object.entries(cases)) {
      it(what, () => {
        expect(() => decodeClientFrame(bytes, limits))
          .to.throw(ProtocolError)
          .with.property("code", "PROTOCOL");
      });
    }

    it("more bytes than frameBytes", () => {
      const frame = frameOf(good);
      expect(() => decodeClientFrame(frame, { ...limits, frameBytes: frame.length - 1 })).to.throw(
        ProtocolError,
        `a frame of ${frame.length} bytes: ${frame.length - 1} are allowed`,
      );
      decodeClientFrame(frame, { ...limits, frameBytes: frame.length });
    });
  });
});
