import { expect } from "chai";
import {
  CommandFormatError,
  DEFAULT_SETTINGS,
  LOG_FORMAT,
  LOG_FORMAT_BASE,
  NO_SESSION,
  NewerFormatError,
  decode,
  encodeInto,
  encodedSize,
  rangeOfKey,
} from "@raftkv/fsm";
import type { Command, Envelope, Get } from "@raftkv/fsm";

const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));
const KEYS = [
  new Uint8Array(),
  Uint8Array.of(0),
  Uint8Array.of(0xff, 0x00),
  text("key"),
  text("k".repeat(300)),
];
const IN_SESSION: Envelope = { session: 300, number: 70_000, answeredBelow: 128, predecessor: 2 ** 53 - 1 };

const get: Get = {
  kind: "get",
  range: { start: text("a"), end: null },
  limit: 0,
  order: "ascending",
  keysOnly: false,
  countOnly: false,
  minModRevision: 0,
  maxModRevision: 0,
  minCreateRevision: 0,
  maxCreateRevision: 0,
};

const RAISE: Command = { kind: "settingsChange", settings: { logFormat: 2 } };

/** One of each kind at least, with every flag. */
const COMMANDS: Command[] = [
  ...KEYS.flatMap((key, i): Command[] => [
    { kind: "put", key, value: text("value"), lease: 0, wantPrevious: false },
    { kind: "put", key, value: new Uint8Array(1000 * i), lease: 2 ** 40 + i, wantPrevious: true },
    { kind: "delete", range: rangeOfKey(key), wantPrevious: i % 2 === 0 },
    { kind: "delete", range: { start: key, end: text("z") }, wantPrevious: false },
    { kind: "delete", range: { start: key, end: null }, wantPrevious: true },
  ]),
  { kind: "txn", compares: [], then: [], else: [] },
  {
    kind: "txn",
    compares: [
      { range: rangeOfKey(text("k")), target: "value", relation: "=", operand: text("v") },
      { range: { start: text("a"), end: text("b") }, target: "version", relation: "!=", operand: 0 },
      { range: { start: text("a"), end: null }, target: "create", relation: "<", operand: 5 },
      { range: rangeOfKey(text("k")), target: "mod", relation: ">", operand: 2 ** 53 - 1 },
      { range: rangeOfKey(text("k")), target: "lease", relation: "=", operand: 128 },
    ],
    then: [
      { kind: "put", key: text("k"), value: text("v"), lease: 7, wantPrevious: true },
      { kind: "delete", range: rangeOfKey(text("k2")), wantPrevious: true },
      get,
      { kind: "txn", compares: [], then: [{ ...get, range: rangeOfKey(text("x")) }], else: [] },
    ],
    else: [
      {
        ...get,
        limit: 1,
        order: "descending",
        keysOnly: true,
        countOnly: true,
        minModRevision: 2,
        maxModRevision: 3,
        minCreateRevision: 4,
        maxCreateRevision: 5,
      },
    ],
  },
  { kind: "leaseGrant", ttlMs: 10_000 },
  { kind: "leaseRevoke", lease: 42 },
  { kind: "leaseKeepAlive", leases: [] },
  { kind: "leaseKeepAlive", leases: [1, 2 ** 33] },
  { kind: "sessionOpen", ttlMs: 60_000 },
  { kind: "sessionKeepAlive" },
  { kind: "sessionClose" },
  { kind: "compact", revision: 2 ** 50 },
  {
    kind: "catalogChange",
    expectedVersion: 3,
    routes: [
      { routeId: 1, start: new Uint8Array(), end: text("m"), groupId: 1 },
      { routeId: 0, start: text("m"), end: null, groupId: 2 },
    ],
  },
  { kind: "clock" },
  { kind: "settingsChange", settings: {} },
  { kind: "hashCheck" },
  RAISE,
  { kind: "settingsChange", settings: { leasesMax: 5, leaseExpiryKeysMax: 1, sessionsMax: 2 ** 40 } },
];

function encode(command: Command, envelope: Envelope = NO_SESSION, stampMs = 0): Uint8Array {
  const bytes = new Uint8Array(encodedSize(command, envelope));
  encodeInto(command, envelope, stampMs, bytes, 0);
  return bytes;
}

describe("A command's bytes", () => {
  it("are read as they were written, of every kind, with and without a session", () => {
    for (const command of COMMANDS) {
      expect(decode(encode(command))).to.deep.equal({ envelope: NO_SESSION, stampMs: 0, command });
      expect(decode(encode(command, IN_SESSION, 2 ** 48 - 1))).to.deep.equal({
        envelope: IN_SESSION,
        stampMs: 2 ** 48 - 1,
        command,
      });
    }
  });

  it("are those that docs/command-format.md shows", () => {
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
    const put: Command = { kind: "put", key: text("key"), value: text("val"), lease: 0, wantPrevious: false };
    expect(hex(encode(put, NO_SESSION, 1000))).to.equal("0101e803000000000000036b65790376616c");
    const inSession = { session: 5, number: 300, answeredBelow: 299, predecessor: 0 };
    expect(hex(encode({ ...put, lease: 9, wantPrevious: true }, inSession))).to.equal(
      "010100000000000005ac02ab02000309036b65790376616c",
    );
    const del: Command = { kind: "delete", range: rangeOfKey(text("key")), wantPrevious: false };
    expect(hex(encode(del))).to.equal("0102000000000000000000036b6579");
  });

  it("go into the middle of a larger buffer and touch nothing around it", () => {
    for (const command of COMMANDS) {
      const end = 10 + encodedSize(command, IN_SESSION);
      const target = new Uint8Array(end + 10).fill(0xee);
      encodeInto(command, IN_SESSION, 77, target, 10);
      expect(decode(target.subarray(10, end)).command).to.deep.equal(command);
      expect([...target.subarray(0, 10), ...target.subarray(end)].every((byte) => byte === 0xee)).to.equal(
        true,
      );
    }
  });

  it("are views of what was read, not copies", () => {
    const bytes = encode({ kind: "put", key: text("key"), value: text("v"), lease: 0, wantPrevious: false });
    const { command } = decode(bytes);
    expect(command.kind === "put" && command.key.buffer).to.equal(bytes.buffer);
  });

  it("that are cut short or go on are refused, wherever that is", () => {
    for (const command of COMMANDS) {
      const bytes = encode(command, IN_SESSION, 1);
      for (let length = 0; length < Math.min(bytes.length, 200); length++) {
        expect(() => decode(bytes.subarray(0, length))).to.throw(CommandFormatError);
      }
      expect(() => decode(Uint8Array.of(...bytes.subarray(0, 5000), ...new Uint8Array(5000)))).to.throw(
        CommandFormatError,
      );
    }
  });

  it("that are none are refused, saying what is wrong", () => {
    const stamp = [0, 0, 0, 0, 0, 0];
    const cases: [number[], RegExp][] = [
      [[], /it ends after 0 bytes/],
      [[0, 1], /no command: format 0/],
      [[1, 0], /kind 0 is none of 1 to 14/],
      [[1, 15], /kind 15 is none of 1 to 14/],
      [[1, 1, ...stamp, 0, 0, 9, 1], /9 bytes are announced at byte 11 of 12/],
      [[1, 12, ...stamp, 0, 1], /1 bytes follow behind its end at byte 9/],
      [[1, 10, ...stamp, 0, 255, 255, 255, 255, 255, 255, 255, 255, 1], /above 2\^53 - 1/],
      [[1, 13, ...stamp, 0, 1, 99, 1], /setting 99 is none of 1 to 11/],
      [[1, 2, ...stamp, 0, 0, 3, 0], /range of form 3/],
      [[1, 3, ...stamp, 0, 1, 5, 0, 0, 0, 0], /target 5/],
      [[1, 3, ...stamp, 0, 1, 0, 4, 0, 0, 0], /relation 4/],
      [[1, 3, ...stamp, 0, 0, 1, 5], /operation 5 is none of 1 to 4/],
    ];
    for (const [bytes, message] of cases) {
      expect(() => decode(Uint8Array.from(bytes)), String(bytes))
        .to.throw(CommandFormatError, message)
        .with.property("code", "BAD_COMMAND");
    }
  });

  it("begin with the lowest format that has the command", () => {
    for (const command of COMMANDS) {
      const newer = command.kind === "hashCheck" || command === RAISE;
      expect(encode(command)[0], command.kind).to.equal(newer ? 2 : 1);
    }
    // What is in force all the same need not be said, and is understood by those that know of no formats.
    const settings = { ...DEFAULT_SETTINGS, leasesMax: 5 };
    const { logFormat, ...older } = settings;
    expect(logFormat).to.equal(LOG_FORMAT_BASE);
    expect(encode({ kind: "settingsChange", settings })).to.deep.equal(
      encode({ kind: "settingsChange", settings: older }),
    );
  });

  it("that a newer version wrote are told from those that are damaged, and both formats are named", () => {
    const newer = LOG_FORMAT + 1;
    const ofRaise = encode({ kind: "settingsChange", settings: { logFormat: newer } });
    for (const bytes of [Uint8Array.of(newer), Uint8Array.of(newer, 99, 1, 2, 3), ofRaise]) {
      expect(() => decode(bytes))
        .to.throw(
          NewerFormatError,
          `of format ${newer}, and this version understands formats up to ${LOG_FORMAT}`,
        )
        .with.property("code", "NEWER_FORMAT");
    }
  });
});
