import {
  DEFAULT_LIMITS,
  HEAD_BYTES_MAX,
  ProtocolError,
  decodeClientFrame,
  decodeNodeFrame,
  deleteRequest,
  encodePeerFrame,
  encodeReplies,
  encodeRequests,
  getReply,
  getRequest,
  putReply,
  putRequest,
  withHead,
} from "@raftkv/protocol";
import type { WireRequest } from "@raftkv/protocol";
import { expect } from "chai";
import { Packr } from "msgpackr";
import type { GroupId } from "raft-ts";
import { withSeed } from "./support/random.js";
import type { Random } from "./support/random.js";

const packr = new Packr({ useRecords: false });
const ROUNDS = 3_000;
/** Where MessagePack takes another form. */
const EDGES = [
  0,
  1,
  23,
  24,
  25,
  31,
  32,
  127,
  128,
  255,
  256,
  65_535,
  65_536,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
];
const SIZES = [0, 1, 24, 25, 31, 32, 255, 256, 4_000, 65_535, 65_536, 150_000];

function valueOf(random: Random, depth: number): unknown {
  const kind = random.below(depth > 3 ? 6 : 7);
  const edge = EDGES[random.below(EDGES.length)] as number;
  const size = SIZES[random.below(random.below(50) === 0 ? SIZES.length : 9)] as number;
  if (kind === 0) return null;
  if (kind === 1) return random.below(2) === 0;
  if (kind === 2) return random.below(1_000_000);
  if (kind === 3) return edge;
  if (kind === 4) return Buffer.alloc(size, random.below(256));
  if (kind === 5) return "aé€𝄞".repeat(size >> 3);
  return Array.from({ length: random.below(20) }, () => valueOf(random, depth + 1));
}

describe("The writer of frames", () => {
  it("writes what a general encoder of MessagePack does", () =>
    withSeed((random) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const messages = Array.from({ length: random.below(20) }, () => [valueOf(random, 0)]);
        const frame = encodePeerFrame(1 as GroupId, messages);
        expect(frame.equals(packr.pack([1, messages])), `round ${round}`).to.equal(true);
      }
    }));

  it("leaves a frame as it is when others are written after it, small or large (J)", () => {
    const sizes = [10, 70_000, 3, 40_000, 40_000, 1_000_000, 5];
    const values = sizes.map((size, index) => Buffer.alloc(size, index + 1));
    const frames = values.map((value) => encodePeerFrame(1 as GroupId, [[value]]));
    for (const frame of frames) withHead(frame, true);
    for (const [index, value] of values.entries()) {
      expect(frames[index]?.equals(packr.pack([1, [[value]]])), `frame ${index}`).to.equal(true);
    }
  });

  it("is as before after a value that does not travel", () => {
    expect(() => encodePeerFrame(1 as GroupId, [[Buffer.alloc(100_000), {}]])).to.throw(TypeError);
    expect(() => encodePeerFrame(1 as GroupId, [[undefined]])).to.throw(TypeError);
    expect(encodePeerFrame(1 as GroupId, [[7]]).toString("hex")).to.equal("9201919107");
  });

  it("puts the head of a WebSocket message in front, for each form of its length (RFC 6455, 5.2)", () => {
    const headOf = (bytes: number, masked: boolean): string => {
      const frame = encodePeerFrame(1 as GroupId, [[Buffer.alloc(bytes - 9)]]);
      const whole = withHead(frame, masked);
      const head = whole.length - frame.length;
      expect(head).to.be.at.most(HEAD_BYTES_MAX);
      expect(whole.subarray(head).equals(frame)).to.equal(true);
      return `${frame.length} ${whole.subarray(0, head).toString("hex")}`;
    };
    expect(headOf(127, false)).to.equal("124 827c");
    expect(headOf(127, true)).to.equal("124 82fc00000000");
    expect(headOf(300, false)).to.equal("298 827e012a");
    expect(headOf(300, true)).to.equal("298 82fe012a00000000");
    expect(headOf(100_000, false)).to.equal("100000 827f00000000000186a0");
    expect(headOf(100_000, true)).to.equal("100000 82ff00000000000186a000000000");
  });
});

describe("Frames with nothing but puts, gets and their replies", () => {
  const key = Buffer.from("key");
  const value = Buffer.alloc(300, 7);

  /** As the general decoder has it: no frame with another operation in it is read the short way. */
  function generally(requests: readonly WireRequest[]): unknown {
    const { requests: all } = decodeClientFrame(
      encodeRequests([...requests, deleteRequest(9, 0, key)]),
      DEFAULT_LIMITS,
    );
    return all.slice(0, -1);
  }

  it("are decoded as the general decoder does, request for request", () => {
    for (const number of EDGES.filter((edge) => edge > 0)) {
      const requests = [
        putRequest(number, Math.min(number, 2 ** 31 - 1), key, value),
        putRequest(number, 0, value, Buffer.alloc(0)),
        getRequest(number, 5, key, true),
        getRequest(number, 5, Buffer.alloc(10_000), false),
      ];
      const frame = encodeRequests(requests, { session: number, answeredBelow: number });
      expect(decodeClientFrame(frame, DEFAULT_LIMITS).requests).to.deep.equal(generally(requests));
      const replies = [putReply(number, number), getReply(number, number, null)];
      const entry = { value, createRevision: number, modRevision: number, version: number, lease: number };
      const found = [...replies, getReply(number, number, entry)];
      const [short = Buffer.alloc(0)] = encodeReplies(found, 100_000);
      const [long = Buffer.alloc(0)] = encodeReplies([...found, putReply(number, number, null)], 100_000);
      const decoded = decodeNodeFrame(short);
      const other = decodeNodeFrame(long);
      if (decoded.kind !== "replies" || other.kind !== "replies") throw new Error("replies are wanted");
      expect(decoded.replies).to.deep.equal(other.replies.slice(0, -1));
    }
  });

  it("are broken when they are cut short anywhere, or have bytes behind their end (C6)", () => {
    const entry = { value, createRevision: 300, modRevision: 70_000, version: 2 ** 40, lease: 0 };
    const frame = encodeRequests([putRequest(1, 5000, key, value), getRequest(2 ** 40, 0, key, true)]);
    const [replies = Buffer.alloc(0)] = encodeReplies(
      [putReply(1, 300), getReply(2, 70_000, entry)],
      100_000,
    );
    for (let length = 0; length < frame.length; length += 1) {
      expect(() => decodeClientFrame(frame.subarray(0, length), DEFAULT_LIMITS)).to.throw(ProtocolError);
    }
    for (let length = 0; length < replies.length; length += 1) {
      expect(() => decodeNodeFrame(replies.subarray(0, length))).to.throw(ProtocolError);
    }
    expect(() => decodeClientFrame(Buffer.concat([frame, Buffer.of(0)]), DEFAULT_LIMITS)).to.throw(
      ProtocolError,
    );
    expect(() => decodeNodeFrame(Buffer.concat([replies, Buffer.of(0)]))).to.throw(ProtocolError);
  });
});
