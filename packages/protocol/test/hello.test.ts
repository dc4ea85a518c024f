import {
  DEFAULT_LIMITS,
  HELLO_BYTES_MAX,
  PROTOCOL_VERSION_MAX,
  PROTOCOL_VERSION_MIN,
  ProtocolError,
  RaftKvError,
  answerHello,
  checkLimits,
  decodeHello,
  decodeHelloAnswer,
  encodeHello,
} from "@raftkv/protocol";
import { expect } from "chai";
import { Packr } from "msgpackr";

const packr = new Packr({ useRecords: false });
const hello = { versionMin: 1, versionMax: 1, clusterId: null, clientName: "app" };
const leader = { name: "n2", address: "127.0.0.1:7402", term: 9 };
const members = [{ name: "n1", client: "127.0.0.1:7401" }];
const node = { clusterId: "c1", nodeName: "n1", leader, limits: DEFAULT_LIMITS, members };

describe("the handshake", () => {
  it("a hello comes back as it went in", () => {
    for (const sent of [hello, { ...hello, clusterId: "c1", versionMax: 7 }]) {
      expect(decodeHello(encodeHello(sent))).to.deep.equal(sent);
    }
  });

  it("is the bytes that docs/protocol.md shows", () => {
    expect(encodeHello(hello).toString("hex")).to.equal("95a6726166746b760101c0a3617070");
    expect(answerHello(hello, { ...node, leader: null, members: [] }).bytes.toString("hex")).to.equal(
      "98a6726166746b76c301a26331a26e31c097ce00400000cd1000ce00010000ce00100000cd0400cd2710cd271090",
    );
  });

  it("a welcome says all that the client needs", () => {
    const { answer, bytes } = answerHello(hello, node);
    expect(answer).to.deep.equal({ accepted: true, version: 1, ...node });
    expect(decodeHelloAnswer(bytes)).to.deep.equal(answer);
    expect(decodeHelloAnswer(answerHello(hello, { ...node, leader: null }).bytes)).to.have.property(
      "leader",
      null,
    );
    expect(answerHello({ ...hello, clusterId: "c1" }, node).answer.accepted).to.equal(true);
  });

  it("the highest version of both is chosen", () => {
    const future = { ...hello, versionMin: 1, versionMax: 1000 };
    expect(answerHello(future, node).answer).to.include({ accepted: true, version: PROTOCOL_VERSION_MAX });
  });

  for (const versionMin of [PROTOCOL_VERSION_MAX + 1, 0]) {
    it(`without a common version (client from ${versionMin}) the refusal names those of both`, () => {
      const versionMax = versionMin === 0 ? PROTOCOL_VERSION_MIN - 1 : versionMin + 4;
      const { answer, bytes } = answerHello({ ...hello, versionMin, versionMax }, node);
      const read = decodeHelloAnswer(bytes);
      expect(answer).to.have.nested.property("error.code", "UNSUPPORTED_VERSION");
      expect(read).to.include({
        accepted: false,
        versionMin: PROTOCOL_VERSION_MIN,
        versionMax: PROTOCOL_VERSION_MAX,
      });
      expect(read)
        .to.have.nested.property("error.message")
        .that.includes(`versions ${versionMin} to ${versionMax}`)
        .and.includes(`speaks ${PROTOCOL_VERSION_MIN} to ${PROTOCOL_VERSION_MAX}`);
    });
  }

  it("another cluster's client is refused, naming both clusters (R25)", () => {
    const read = decodeHelloAnswer(answerHello({ ...hello, clusterId: "c2" }, node).bytes);
    expect(read).to.have.nested.property("error.code", "WRONG_CLUSTER");
    expect(read).to.have.nested.property("error.message").that.includes("c1").and.includes("c2");
  });

  it("fields that a newer version put behind are passed over", () => {
    const longer = packr.pack(["raftkv", 1, 3, null, "app", "from the future", [1, 2]]);
    expect(decodeHello(longer)).to.deep.equal({ ...hello, versionMax: 3 });
    const welcome = packr.pack([
      "raftkv",
      true,
      1,
      "c1",
      "n1",
      null,
      [4_000_000, 1, 1, 1, 1, 1, 1, 99],
      [],
      "more",
    ]);
    expect(decodeHelloAnswer(welcome)).to.include({ accepted: true, nodeName: "n1" });
  });

  describe("refuses as a hello (C6, C7)", () => {
    const cases: Record<string, unknown> = {
      "another magic": ["etcd", 1, 1, null, "app"],
      "a field too few": ["raftkv", 1, 1, null],
      "versions upside down": ["raftkv", 2, 1, null, "app"],
      "a version as text": ["raftkv", "1", 1, null, "app"],
      "a version of -1": ["raftkv", -1, 1, null, "app"],
      "a cluster id as a number": ["raftkv", 1, 1, 5, "app"],
      "a name as nil": ["raftkv", 1, 1, null, null],
      "no array": 5,
      "more bytes than are allowed": ["raftkv", 1, 1, null, "x".repeat(HELLO_BYTES_MAX)],
    };
    for (const [what, value] of Object.entries(cases)) {
      it(what, () => expect(() => decodeHello(packr.pack(value))).to.throw(ProtocolError));
    }
  });

  describe("refuses as an answer to a hello (C6)", () => {
    const limits = [4_000_000, 100, 100, 100, 100, 100, 100];
    const cases: Record<string, unknown> = {
      "neither accepted nor not": ["raftkv", 1, 1, "c1", "n1", null, limits, []],
      "a version that was not offered": ["raftkv", true, 2, "c1", "n1", null, limits, []],
      "no limits": ["raftkv", true, 1, "c1", "n1", null, null, []],
      "no members": ["raftkv", true, 1, "c1", "n1", null, limits],
      "limits of 0": ["raftkv", true, 1, "c1", "n1", null, [4_000_000, 0, 100, 100, 100, 100, 100], []],
      "a limit too few": ["raftkv", true, 1, "c1", "n1", null, [4_000_000, 100, 100, 100, 100, 100], []],
      "frames that hold no largest value": [
        "raftkv",
        true,
        1,
        "c1",
        "n1",
        null,
        [100, 1, 100, 100, 1, 1, 1],
        [],
      ],
      "a refusal with an unknown code": ["raftkv", false, 1, 1, 99, "m"],
      "a refusal without a message": ["raftkv", false, 1, 1, 9, null],
    };
    for (const [what, value] of Object.entries(cases)) {
      it(what, () => expect(() => decodeHelloAnswer(packr.pack(value))).to.throw(ProtocolError));
    }
  });
});

describe("limits (C7)", () => {
  it("those that come with the product are good", () => {
    expect(checkLimits(DEFAULT_LIMITS)).to.equal(DEFAULT_LIMITS);
  });

  it("a frame holds at least one largest request, and every limit is a whole number from 1", () => {
    for (const wrong of [
      { frameBytes: 1_100_000 },
      { frameRequests: 0 },
      { keyBytes: -1 },
      { valueBytes: 1.5 },
      { operationsInTxn: 0 },
      { watchesPerConnection: -1 },
      { rangeEntries: 0.5 },
    ]) {
      const [name] = Object.keys(wrong);
      expect(() => checkLimits({ ...DEFAULT_LIMITS, ...wrong }))
        .to.throw(RaftKvError, name)
        .with.property("code", "INVALID_ARGUMENT");
    }
  });
});
